"""One process trains a run; others are told who."""

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from signal_diffusion.errors import RunHeld

NAME = "lock"
UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


class Lock:
    """Holds `folder` (made if missing) for this process while the block runs; `RunHeld` if another holds it.

    Two locks in one file. The kernel's (`flock`) ends with its process, whatever way that dies, and decides
    between processes of one machine. The heartbeat, a record of host, pid and time rewritten every `beat`
    seconds, decides between machines, on shared disks where `flock` is local or missing: a record older than
    `stale` seconds is dead (the machines' clocks must agree to well within that).
    """

    def __init__(self, folder: Path, beat: float = 10.0, stale: float = 60.0):
        self.folder, self.beat, self.stale = Path(folder), beat, stale
        self._me = {"host": socket.gethostname(), "machine": _machine(), "pid": os.getpid()}
        self._me["token"] = secrets.token_hex(8)
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
        decided = self._flock()
        if decided and record.get("machine") == self._me["machine"]:
            record = {}
        if record and time.time() - record["time"] < self.stale:
            raise self._held(record)
        self._write()

    def _flock(self) -> bool:
        """Whether the kernel gave its lock, the proof that no process of this machine holds the run.

        False on a disk that has no such locks; `RunHeld` if another process has it.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._held(self._read()) from None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            return False
        return True

    def _keep_beating(self) -> None:
        while not self._stop.wait(self.beat) and not self._lost:
            with suppress(OSError):  # a shared disk may hiccup; the next beat tries again
                self._lost = self._read().get("token") != self._me["token"]
                if not self._lost:
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


def _machine() -> str:
    """The running kernel's id where it tells (containers of one machine share it), else the host's name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
