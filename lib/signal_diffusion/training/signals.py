"""Stopping politely."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)


class Interrupted(BaseException):
    """A stop signal came while nothing was going on that a checkpoint would have to wait for."""


class StopRequest:
    """Inside the block the first SIGTERM or SIGINT only sets `signal`; a second one acts as it always would.

    Python hands signals to the main thread alone; in any other thread this watches for nothing.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, object] = {}
        self._interrupts = False

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in STOPPING}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Inside, the first signal also raises `Interrupted`, at once if it has come already."""
        self._interrupts = True
        try:
            if self.signal:
                raise Interrupted
            yield
        finally:
            self._interrupts = False

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self._restore()
        if self._interrupts:
            raise Interrupted

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
