"""The shards of several recordings, made one after the other by one process; what is made stays made.

Beside the shards lie the ledgers of their batches: what each shard was made from, and its hash. A shard for
which one of these lines holds is left alone, so a batch may be stopped at any moment, recordings may move
between batches, and a recording more costs one recording.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from signal_diffusion.errors import Unreadable
from signal_diffusion.files import read_json, sha256, write_json
from signal_diffusion.progress import Progress
from signal_diffusion.recordings.batches import Job, kin
from signal_diffusion.signals.shards import shard_recording

if TYPE_CHECKING:
    from signal_diffusion.config.recipe import Recipe


def shard_batch(
    jobs: Sequence[Job],
    recipe: "Recipe",
    manifest: Path,
    made_with: Sequence[str],
    representation: str = "db-only",
) -> None:
    """Make the shards that are missing or out of date, beside `manifest`, and then write that.

    made_with: the keys and the code that the numbers depend on, as text. The manifest holds the SHA-256 of
    each shard, so it changes when one of them does, and only then. Unreadable, once all others are made, for a file
    that the system keeps back.
    """
    sources = {job.recording: job.made_from(made_with) for job in jobs}
    ledgers = [
        manifest.parent / f".batch-{name}.ledger.json" for name in kin(manifest.stem.removeprefix("batch-"))
    ]
    ledger, unread = dict(_kept(sources, ledgers)), []
    # Some of OpenBLAS's kernels add up otherwise on two threads.
    with threadpool_limits(1), Progress(len(jobs), "shards", unit="recordings") as progress:
        for job in jobs:
            if job.recording not in ledger:
                shard = manifest.parent / f"{job.recording}.safetensors"
                try:
                    print(_make(job, shard, recipe, representation), flush=True)
                except Unreadable as error:
                    unread.append(error)
                    continue
                ledger[job.recording] = {"from": sources[job.recording], "sha256": sha256(shard)}
                write_json(ledgers[0], ledger)
            progress.update()
    if unread:
        raise unread[0]
    write_json(manifest, {job.recording: ledger[job.recording]["sha256"] for job in jobs})


def _kept(sources: dict[str, str], ledgers: list[Path]) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines of these ledgers that hold for these recordings."""
    for ledger in filter(Path.is_file, ledgers):
        for recording, line in read_json(ledger).items():
            shard = ledger.with_name(f"{recording}.safetensors")
            if sources.get(recording) == line["from"] and shard.is_file() and sha256(shard) == line["sha256"]:
                yield recording, line


def _make(job: Job, out: Path, recipe: "Recipe", representation: str) -> str:
    shard = shard_recording(job.path, out, recipe, representation, job.reference, job.span, job.digests)
    return f"{job.recording}: {len(shard.starts)} windows {shard.meta['reason']}".rstrip()
