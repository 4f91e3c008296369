"""HTTP with patience: what may pass is tried again, and what will not is said at once."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from signal_diffusion.errors import UserError

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")
TAKEN, BUSY, NOT_KNOWN = (200, 206, 416), (408, 425, 429), (501, 505)


class Passing(Exception):
    """A fault that may pass: a busy server, a lost connection; `wait` seconds if the server asked for them."""

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


class Stopped(Exception):
    """Another file's fault, or a person, has ended the download."""


class Refused(UserError):
    """A home does not give a file, or not as it was published; other files may come all the same."""


@dataclass(frozen=True)
class Patience:
    """How often in a row an attempt may bring nothing, and seconds: before the second attempt (doubled before
    each further one), at most before any, and of silence after which a connection counts as lost."""

    attempts: int = 8
    pause: float = 1.0
    longest: float = 60.0
    silence: float = 60.0


class Client:
    """One home's files, from several threads at once."""

    def __init__(self, note: Callable[[str], None], patience: Patience | None = None):
        self.note, self.patience = note, patience or Patience()
        self.stopped = threading.Event()
        self._local = threading.local()

    def read(self, url: str, query: Mapping[str, str] | None = None) -> bytes:
        """A whole body, such as a list of files."""

        def attempt() -> bytes:
            with self.open(url, query=query) as response:
                return response.content

        return self.persist(attempt)

    def size(self, url: str) -> int | None:
        """Bytes that a file is said to have; None when nothing is said."""

        def attempt() -> int | None:
            with self.open(url, method="HEAD") as response:
                said = response.headers.get("Content-Length", "")
                return int(said) if said.isdecimal() else None

        try:
            return self.persist(attempt)
        except Refused:
            return None  # fetching it will say why

    @contextmanager
    def open(
        self, url: str, start: int = 0, method: str = "GET", query: Mapping[str, str] | None = None
    ) -> Iterator["Response"]:
        """An answer with status 200, 206 or 416, its body not read yet; `start` asks for the rest from there.

        Raises Passing, also for what goes wrong in the block with the connection, or Refused.
        """
        import requests
        from urllib3.exceptions import HTTPError

        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with self._session().request(
                method, url, params=query, headers=headers, stream=True, timeout=self.patience.silence
            ) as response:
                _check_status(response, url)
                yield response
        except (requests.RequestException, HTTPError) as error:
            raise _fault(url, error) from None

    def persist(self, attempt: Callable[[], T], gained: Callable[[], int] = lambda: 0) -> T:
        """What `attempt` returns, once it does not raise Passing.

        Attempts after which `gained` is larger than ever do not count. Raises Refused when patience ends.
        """
        vain, best = 0, gained()
        while True:
            try:
                return attempt()
            except Passing as fault:
                vain, best = (0 if gained() > best else vain + 1), max(best, gained())
                if vain >= self.patience.attempts:
                    raise Refused(f"{fault}; {vain} attempts in a row brought nothing") from None
                self._pause(fault, vain)

    def _pause(self, fault: Passing, vain: int) -> None:
        usual = min(self.patience.longest, self.patience.pause * 2 ** max(vain - 1, 0))
        seconds = max(usual, min(fault.wait, 10 * self.patience.longest))
        if not self.stopped.is_set():
            self.note(f"{fault}; goes on in {seconds:g} s")
        if self.stopped.wait(seconds):
            raise Stopped

    def _session(self):
        import requests

        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["User-Agent"] = "signal-diffusion"
        return self._local.session


def _check_status(response: "Response", url: str) -> None:
    status = response.status_code
    if status in TAKEN:
        return
    phrase = HTTPStatus(status).phrase if status in list(HTTPStatus) else response.reason
    if status in BUSY or (status >= 500 and status not in NOT_KNOWN):
        wait = response.headers.get("Retry-After", "")
        raise Passing(f"{url}: {status} {phrase}", float(wait) if wait.isdecimal() else 0.0)
    hint = "; it may want a name and password, in ~/.netrc" if status in (401, 403) else ""
    raise Refused(f"{url}: {status} {phrase}{hint}")


def _fault(url: str, error: Exception) -> Exception:
    """Passing in few words, or Refused for a certificate that nothing will mend."""
    reason = error
    while inner := _inner(reason):
        reason = inner
    words = str(reason).rpartition(": ")[2] or type(reason).__name__
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Refused(f"{url}: {words}; name your network's certificates in REQUESTS_CA_BUNDLE")
    return Passing(f"{url}: {words}")


def _inner(error: BaseException) -> BaseException | None:
    """The error that this one tells of: requests and urllib3 wrap them, in two ways."""
    told = (getattr(error, "reason", None), *error.args)
    return next((each for each in told if isinstance(each, BaseException)), None)
