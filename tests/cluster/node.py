"""A compute node of this machine's cluster that dies with all that runs on it, and comes back."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest


class Node:
    """The node `name`, whose slurmd runs on this machine."""

    def __init__(self, name: str):
        self.name = name
        found = [pid for pid, words in commands() if Path(words[0]).name == "slurmd" and name in words]
        if not found or os.geteuid():
            pytest.skip(f"{name} cannot be killed: its slurmd is not on this machine, or not ours")
        self.alive = True
        self.daemon = found[0]
        self.command = dict(commands())[self.daemon]

    def die(self, job: str) -> None:
        """The daemon and every process of the job end at once, without a word to anyone."""
        self.alive = False
        for pid in [self.daemon, *processes_of(job)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def come_back(self) -> None:
        if self.alive:
            return
        self.alive = True
        subprocess.run(self.command, check=True, capture_output=True)
        for _ in range(180):
            state = subprocess.getoutput(f"sinfo -h -n {self.name} -o %T").split()
            if state[:1] in (["idle"], ["mixed"], ["allocated"]):
                return
            if state and state[0].startswith(("down", "drain")):
                subprocess.run(["scontrol", "update", f"nodename={self.name}", "state=resume"])
            time.sleep(1)
        pytest.fail(f"{self.name} does not come back: {state}")


def commands() -> list[tuple[int, list[str]]]:
    """Process id and words of every command on this machine."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if words := (folder / "cmdline").read_text().strip("\0").split("\0"):
                found.append((int(folder.name), words))
    return found


def processes_of(job: str) -> list[int]:
    """What SLURM started for a job: its step daemons, and all that has its number in its environment."""
    daemons = [pid for pid, words in commands() if words[0].startswith(f"slurmstepd: [{job}.")]
    mark = f"SLURM_JOB_ID={job}".encode()
    children = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                children.append(int(folder.name))
    return daemons + children
