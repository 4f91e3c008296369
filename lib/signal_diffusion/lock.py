"""One process holds a folder; others are told who."""

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
    seconds, decides between machines, on shared disks where `flock` is local or missing: a record of another
    machine is watched until it beats again, or until it is `stale` seconds old and so dead.

    name: of the file. told: more about the holder, which `read_record` gives to others.
    """

    held = "is in use by"

    def __init__(
        self, folder: Path, beat: float = 10.0, stale: float = 60.0, name: str = NAME, **told: str
    ) -> None:
        self.folder, self.beat, self.stale = Path(folder), beat, stale
        self.path = self.folder / name
        self.token = secrets.token_hex(8)
        self._me = {**told, "host": socket.gethostname(), "machine": machine(), "pid": os.getpid()}
        self._me |= {"token": self.token, **slurm_job()}
        self._stop = threading.Event()
        self._lost = False

    def __enter__(self) -> "Lock":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
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
        with suppress(OSError):  # a full disk; the kernel lets go all the same
            if not self._lost:
                self._write(released=True)
        os.close(self._file)

    def check(self) -> None:
        """`RunHeld` if another process has taken the folder over (this one slept through its heartbeats)."""
        if self._lost:
            raise self._held(self._read())

    def _acquire(self) -> None:
        record = self._read()
        decided = flock(self._file)
        if decided is False:
            raise self._held(self._read())
        if not (decided and record.get("machine") == self._me["machine"]) and self._lives(record):
            raise self._held(record)
        self._write()

    def _lives(self, record: dict[str, Any]) -> bool:
        """Whether a holder on another machine beats again before its record is stale."""
        while age(record) < self.stale:
            time.sleep(min(1.0, self.stale / 10))
            if self._read() != record:
                return age(self._read()) < self.stale
        return False

    def _keep_beating(self) -> None:
        while not self._stop.wait(self.beat) and not self._lost:
            with suppress(OSError):  # a shared disk may hiccup; the next beat tries again
                self._lost = self._read().get("token") != self.token
                if not self._lost:
                    self._write()

    def _read(self) -> dict[str, Any]:
        return _parsed(os.pread(self._file, 4096, 0))

    def _write(self, released: bool = False) -> None:
        now = 0.0 if released else round(time.time(), 1)
        record = json.dumps({**self._me, "time": now}).ljust(512).encode()
        os.pwrite(self._file, record, 0)
        os.truncate(self._file, len(record))
        os.fsync(self._file)  # other machines see what has left this one

    def _held(self, record: dict[str, Any]) -> RunHeld:
        return RunHeld(f"{self.named} {self.held} {holder(record)}; wait for it, or stop it and start again")

    @property
    def named(self) -> Path:
        """What others are told is held."""
        return self.folder


def flock(file: int) -> bool | None:
    """Take the kernel's lock of an open file: True, False while another has it, None on a disk without."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return None
    return True


def read_record(path: Path) -> dict[str, Any]:
    """What the holder of the lock file `path` says of itself; empty if there is none."""
    try:
        return _parsed(path.read_bytes())
    except OSError:
        return {}


def age(record: dict[str, Any]) -> float:
    """Seconds since the record's last beat; infinite for an empty one."""
    return time.time() - record["time"] if record else float("inf")


def holder(record: dict[str, Any]) -> str:
    if not record:
        return "another process"
    job = f" (SLURM job {record['slurm']})" if "slurm" in record else ""
    return f"process {record['pid']} on {record['host']}{job}"


def machine() -> str:
    """The running kernel's id where it tells (containers of one machine share it), else the host's name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def slurm_job() -> dict[str, str]:
    job = os.environ.get("SLURM_JOB_ID")
    return {"slurm": job} if job else {}


def _parsed(record: bytes) -> dict[str, Any]:
    try:
        return json.loads(record)
    except json.JSONDecodeError:
        return {}
