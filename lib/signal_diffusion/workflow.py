"""One workflow at a time has a folder, and no job of an earlier one goes on beside it.

The main Snakemake process holds `.snakemake/workflow.lock` while it executes (not for dry runs, not in the nested
processes of cluster jobs), and its jobs inherit the lock's place and token. The kernel lets go of the lock when
that process dies, so nobody ever has to unlock. A job that was left behind goes on until another workflow takes
the folder: then it stops, a training after a checkpoint, and the new workflow starts once all of them have.
"""

import atexit
import logging
import os
import secrets
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from signal_diffusion.errors import RunHeld, UserError
from signal_diffusion.lock import Lock, age, flock, holder, machine, read_record

FOLDER, NAME, RUNNING = ".snakemake", "workflow.lock", "running"
VARIABLE = "SIGNAL_DIFFUSION_WORKFLOW"
KEY = "settings"
WATCH, PATIENCE, STALE = 1.0, 180.0, 60.0
ROOM = 10 * 2**20
_held = ExitStack()


class WorkflowLock(Lock):
    held = "is being worked on by another snakemake,"

    @property
    def named(self) -> Path:
        return self.folder.parent


def check_start(project: str | Path, config: Mapping[str, Any]) -> None:
    """`UserError` where Snakemake was started outside the folder `project`, or with a `--config` unknown here."""
    if not os.path.samefile(project, "."):
        where = shlex.quote(str(project))
        raise UserError(f"{Path.cwd()}: not the project's folder; start it in {where}, or add `-d {where}`")
    for key, value in config.items():
        if key != KEY:
            raise UserError(f"--config {key}: no such key; there is {KEY} alone: --config {KEY}=FILE")
        if not isinstance(value, str) or not value:
            raise UserError(f"--config {key}: found {value!r}, expected the path of a settings file")


def admit(nested: bool) -> None:
    """`UserError` where nothing can be planned, for planning writes too.

    nested: the process is one of those that cluster jobs start, perhaps long after their workflow was killed; it
    ends with `RunHeld` if another workflow has taken the folder since.
    """
    if nested:
        stop_if_replaced()
    else:
        check_places(".")


def begin(*places: str | Path) -> None:
    """Take the folder that this process runs in, until it ends; what it then does is this workflow's.

    places: folders that it will write to. Raises `UserError` if one of them cannot be written to or its disk is
    full, `RunHeld` if another workflow has the folder or left jobs that do not stop.
    """
    check_places(".", *places)
    logging.raiseExceptions = False  # a log that cannot be written is no reason for a traceback per line
    _held.close()
    folder = Path.cwd() / FOLDER
    _held.callback(_say_if_full, places)
    lock = _held.enter_context(WorkflowLock(folder, name=NAME))
    os.environ[VARIABLE] = f"{lock.token} {lock.path}"
    let_signals_wait()
    wait_for_jobs(folder / RUNNING)


atexit.register(_held.close)


def check_places(*places: str | Path) -> None:
    """`UserError` for the first folder, or the parent that it would be made in, that takes nothing more."""
    for place in map(Path, places):
        there = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.is_dir())
        if not os.access(there, os.W_OK | os.X_OK):
            raise UserError(f"{there}: cannot be written to; change its rights or choose another folder")
        disk = os.statvfs(there)
        if disk.f_bavail * disk.f_frsize < ROOM or (disk.f_files and not disk.f_favail):
            raise UserError(f"{there}: its disk is full; make room and run the same command again")


def _say_if_full(places: tuple[str | Path, ...]) -> None:
    """The last word, for what Snakemake itself says of a disk that it cannot write its records to is long."""
    try:
        check_places(".", *places)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)


def let_signals_wait() -> None:
    """Let Snakemake's answer to SIGTERM run in a thread of its own.

    It takes a lock that the main thread may hold at that moment, and would then wait for itself for ever.
    """
    answer = signal.getsignal(signal.SIGTERM)
    if callable(answer) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=answer, daemon=True).start())


def wait_for_jobs(running: Path) -> None:
    """Return when no job of an earlier workflow is left; `RunHeld` names those that do not stop."""
    end, said = time.monotonic() + PATIENCE, False
    while found := [record for path in sorted(running.glob("*")) if (record := _living(path))]:
        names = "; ".join(f"{record['job']}, {holder(record)}" for record in found)
        if time.monotonic() > end:
            raise RunHeld(
                f"an earlier workflow left jobs that do not stop: {names}; stop them and start again"
            )
        if not said:
            print(f"waiting for jobs that an earlier workflow left to stop: {names}", file=sys.stderr)
        said = True
        time.sleep(0.2)


def replaced() -> bool:
    """Whether this process belongs to a workflow whose folder another workflow has taken."""
    token, _, path = os.environ.get(VARIABLE, "").partition(" ")
    return bool(token) and read_record(Path(path)).get("token", token) != token


def stop_if_replaced() -> None:
    """`RunHeld` in a process whose workflow has been replaced."""
    if replaced():
        path = Path(os.environ[VARIABLE].partition(" ")[2])
        now = holder(read_record(path))
        raise RunHeld(f"{path.parent.parent} has been taken over by another workflow, {now}; this job stops")


@contextmanager
def job(name: str) -> Iterator[None]:
    """What a workflow's job does, in the block: it is known to the next workflow, and gives way to it.

    Scripts that are run by hand belong to no workflow. SIGTERM ends the block as Ctrl-C does, so that nothing
    half-written stays.
    """
    with ExitStack() as stack, _terminable():
        if VARIABLE in os.environ:
            running = Path(os.environ[VARIABLE].partition(" ")[2]).with_name(RUNNING)
            file = f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(4)}"
            lock = stack.enter_context(Lock(running, name=file, job=name))
            stack.callback(lock.path.unlink, missing_ok=True)
            stop_if_replaced()
            stopping = threading.Event()
            stack.callback(stopping.set)
            threading.Thread(target=_give_way, args=(stopping,), daemon=True).start()
        yield


def _give_way(stopping: threading.Event) -> None:
    while not stopping.wait(WATCH):
        if replaced():
            print("another workflow has taken over; this job stops", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            return


@contextmanager
def _terminable() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _living(path: Path) -> dict[str, Any]:
    """The record of a job that still runs; the file of one that does not is removed."""
    record = read_record(path)
    with suppress(OSError):
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            decided = flock(file)
        finally:
            os.close(file)
        if decided is False or (record.get("machine") != machine() and age(record) < STALE):
            return record or {"job": "a job", "pid": path.name, "host": "this machine"}
        path.unlink(missing_ok=True)
    return {}
