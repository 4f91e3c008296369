"""Published checksums: found without reading a recording, and a recording that has another is refused."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from signal_diffusion.config import load_recipe
from signal_diffusion.errors import UserError
from signal_diffusion.files import write_json
from signal_diffusion.recordings.batches import Job, checksums_digest, jobs_text, parse_jobs
from signal_diffusion.recordings.checksums import _sums, check_published, published
from signal_diffusion.recordings.datasets.entry import Entry
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.writers import write_edf
from signal_diffusion.signals.shards import shard_recording

from .material import find, patch

RECIPE = """
[recipe]
datasets = ["math"]
[signal]
fs = 100.0
nsamps = 512
[channels]
set = ["Fp1", "T3", "Cz"]
[spectrogram]
resolution = 32
window = 256
"""


def digest(path: Path, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, path.read_bytes()).hexdigest()


def annexed(path: Path, key: str) -> None:
    """The file as git-annex keeps it: a link to an object that is called by its key."""
    stored = path.parent / ".git" / "annex" / "objects" / "2V" / "Mf" / key / key
    stored.parent.mkdir(parents=True)
    path.rename(stored)
    path.symlink_to(os.path.relpath(stored, path.parent))


def test_the_real_files_are_the_published_ones(shared):
    path = find(shared, "Subject31_2.edf")
    found = published(path)
    assert found == {path.name: f"sha256:{digest(path)}"}
    check_published(path, found)


@pytest.mark.parametrize("line", ["{0}  {1}", "{0} *{1}", "{0} ./{1}"])
@pytest.mark.parametrize("folder", ["", "chb01", "sub-1/ses-1/eeg"])
def test_lists_of_checksums(edf, tmp_path, line, folder):
    path = tmp_path / "set" / folder / edf.name
    path.parent.mkdir(parents=True)
    edf.rename(path)
    assert published(path) == {}
    other = tmp_path / "other" / edf.name  # the list of one place is read once
    listed = tmp_path / "again" / folder / edf.name
    listed.parent.mkdir(parents=True)
    path.rename(listed)
    name = listed.relative_to(tmp_path / "again").as_posix()
    lines = [line.format("0" * 64, "another.edf"), "no checksum", line.format(digest(listed).upper(), name)]
    (tmp_path / "again" / "SHA256SUMS.txt").write_text("\r\n".join(lines))
    assert published(listed) == {edf.name: f"sha256:{digest(listed)}"}
    assert published(other) == {}


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("SHA256E", "sha256"), ("MD5E", "md5"), ("SHA256", "sha256")]
)
def test_keys_of_git_annex(edf, kind, algorithm):
    """As OpenNeuro has them: SHA256E-s35489160--7d60....fdt."""
    wanted, size = digest(edf, algorithm), edf.stat().st_size
    annexed(edf, f"{kind}-s{size}--{wanted}" + (".edf" if kind.endswith("E") else ""))
    assert published(edf) == {edf.name: f"{algorithm}:{wanted}"}
    check_published(edf, published(edf))
    edf.resolve().unlink()
    assert published(edf) == {edf.name: f"{algorithm}:{wanted}"}
    with pytest.raises(UserError, match="no such file"):
        check_published(edf, published(edf))


def test_what_a_download_has_noted(edf):
    """As `download.folder.write_record` writes it; the tag of an object that came in parts is no hash."""
    write_json(
        edf.parent / ".download.json", {"address": "", "files": {edf.name: [1, f"md5:{digest(edf, 'md5')}"]}}
    )
    assert published(edf) == {edf.name: f"md5:{digest(edf, 'md5')}"}
    check_published(edf, published(edf))
    other = edf.parent / "in parts" / edf.name
    other.parent.mkdir()
    edf.rename(other)
    write_json(other.parent / ".download.json", {"address": "", "files": {edf.name: [1, "etag:ab-2"]}})
    assert published(other) == {}


def test_a_link_that_is_no_key_says_nothing(edf):
    annexed(edf, "SHA256E-somewhere-else.edf")
    assert published(edf) == {}


def test_both_files_of_a_set_are_held_against_theirs(shared, tmp_path):
    source = find(shared, "00_task_processed_filtered_ICA.set")
    path, data = tmp_path / "a.set", tmp_path / "a.fdt"
    path.write_bytes(source.read_bytes())
    data.write_bytes(source.with_suffix(".fdt").read_bytes())
    (tmp_path / "SHA256SUMS.txt").write_text(f"{digest(path)}  a.set\n{digest(data)}  a.fdt\n")
    digests = published(path)
    assert list(digests) == ["a.set", "a.fdt"]
    check_published(path, digests)
    patch(data, 123456, b"\x01")
    with pytest.raises(UserError, match=r"a.set: sha256 of a.fdt: found .*\.\.\., expected .* as published"):
        check_published(path, digests)


def test_a_changed_sample_refuses_the_recording_by_name(tmp_path):
    """Nothing but the checksum knows it; without one the same file is read."""
    edf = tmp_path / "noise.edf"
    noise = np.random.default_rng(0).normal(0, 20, (3, 40 * 200)).astype(np.float32)
    write_edf(Recording(noise, 200.0, ("Fp1", "T3", "Cz")), edf)
    (tmp_path / "recipe.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "recipe.toml")
    (edf.parent / "SHA256SUMS.txt").write_text(f"{digest(edf)}  {edf.name}\n")
    digests = published(edf)
    whole = shard_recording(edf, tmp_path / "whole", recipe, digests=digests)
    patch(edf, 2000, b"\x07")
    hurt = shard_recording(edf, tmp_path / "hurt", recipe, digests=digests)
    unknown = shard_recording(edf, tmp_path / "unknown", recipe)
    assert [shard.meta["status"] for shard in (whole, hurt, unknown)] == ["ok", "refused", "ok"]
    assert hurt.meta["reason"].startswith(f"{edf.name}: sha256 of {edf.name}: found ")
    assert not len(hurt.windows) and len(unknown.windows)


def test_a_batch_looks_its_checksums_up_and_its_shards_depend_on_them(edf):
    entry = Entry("x", "s", "", "r", edf)
    without = checksums_digest([entry])
    (edf.parent / "SHA256SUMS.txt").write_text(f"{'a' * 64}  {edf.name}\n")
    _sums.cache_clear()
    (job,) = parse_jobs(jobs_text([entry]), verify=True)
    assert job.digests == {edf.name: f"sha256:{'a' * 64}"} and checksums_digest([entry]) != without
    (unverified,) = parse_jobs(jobs_text([entry]))
    assert unverified == Job("r", edf) and unverified.made_from([]) != job.made_from([])
