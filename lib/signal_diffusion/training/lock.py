"""One process trains a run; others are told who."""

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Any

from signal_diffusion.errors import RunHeld

NAME = "lock"
UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


class Lock:
    """Holds `folder` (made if missing) for this process while the block runs; `RunHeld` if another holds it.

    Two locks in one file. The kernel's (`flock`) ends with its process, whatever way that dies, and decides between
    processes of one machine. The heartbeat, a record of host, pid and time that is rewritten every `beat` seconds,
    decides between machines, on shared disks where `flock` is local: a record older than `stale` seconds is dead
    (the machines' clocks must agree to well within that).
    """

    def __init__(self, folder: Path, beat: float = 10.0, stale: float = 60.0):
        self.folder, self.beat, self.stale = Path(folder), beat, stale
        self._me = {"host": socket.gethostname(), "pid": os.getpid(), "token": secrets.token_hex(8)}
        self._stop = threading.Event()
        self._lost = False

    def __enter__(self) -> "Lock":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._acquire()
        except BaseException:
            os.close(self._file)
            raise
        self._thread = threading.Thread(target=self._keep_beating, name="lock", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if not self._lost:
            os.truncate(self._file, 0)
        os.close(self._file)

    def check(self) -> None:
        """`RunHeld` if another process has taken the run over (this one slept through its heartbeats)."""
        if self._lost:
            raise self._held(self._read())

    def _acquire(self) -> None:
        record = self._read()
        if not self._flock() or self._alive(record):
            raise self._held(record)
        self._write()

    def _flock(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
        return True

    def _alive(self, record: dict[str, Any]) -> bool:
        """Only asked with the kernel's lock in hand, so a holder on this machine is alive only by its pid where the
        disk has no such lock."""
        if not record or time.time() - record["time"] > self.stale:
            return False
        return record["host"] != self._me["host"] or not self._kernel_decides() and _running(record["pid"])

    def _kernel_decides(self) -> bool:
        """Whether a second handle of this process is refused the lock that the first holds."""
        probe = os.open(self.folder / NAME, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(probe)
        return False

    def _keep_beating(self) -> None:
        while not self._stop.wait(self.beat):
            if self._read().get("token") != self._me["token"]:
                self._lost = True
                return
            self._write()

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(os.pread(self._file, 4096, 0))
        except json.JSONDecodeError:
            return {}

    def _write(self) -> None:
        record = json.dumps({**self._me, "time": round(time.time(), 1)}).ljust(256).encode()
        os.pwrite(self._file, record, 0)
        os.truncate(self._file, len(record))

    def _held(self, record: dict[str, Any]) -> RunHeld:
        who = f"process {record['pid']} on {record['host']}" if record else "another process"
        return RunHeld(f"{self.folder} is being trained by {who}; wait for it, or stop it and start again")


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
