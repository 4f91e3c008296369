"""What a SLURM cluster holds of this folder's workflow, where there is one."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FIELDS = "%i|%T|%M|%l|%P|%R|%Z|%k"
PATIENCE = 10.0


@dataclass(frozen=True)
class Queued:
    """A SLURM job: state, time used and allowed as SLURM writes them, its node or why it waits, and which job of
    the workflow it is (RULE and wildcards, as the executor plugin comments it)."""

    id: str
    state: str
    used: str
    limit: str
    partition: str
    where: str
    what: str


def queued(folder: str | Path = ".") -> list[Queued]:
    """The jobs that were submitted from `folder`; none where no cluster answers."""
    if not shutil.which("squeue"):
        return []
    command = ["squeue", "--noheader", f"--format={FIELDS}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return []
    return _parse(done.stdout, str(Path(folder).resolve()))


def _parse(text: str, folder: str) -> list[Queued]:
    jobs = []
    for line in text.splitlines():
        *facts, where, home, comment = line.split("|", 7)
        if home == folder:
            what = comment.removeprefix("rule_").replace("_wildcards_", " ")
            jobs.append(Queued(*facts, where, what))
    return jobs
