"""Progress that people can watch and logs can keep."""

import sys
import time
from typing import Any, TextIO


class Progress:
    """A live bar on a terminal; in a log, one line every `every` seconds.

    A line holds done/total, rate per second, the time still needed, and whatever values `update` was given.
    Amounts of unit "B" are bytes, written as kB, MB or GB.
    """

    def __init__(self, total: int, label: str, unit: str = "it", every: float = 5.0, done: int = 0):
        self.total, self.label, self.unit = total, label, unit
        self.done = self._first = done
        self._stream: TextIO = sys.stderr
        self._live = self._stream.isatty()
        self._every = 0.1 if self._live else every
        self._values: dict[str, Any] = {}

    def __enter__(self) -> "Progress":
        self._start = self._shown = time.monotonic()
        self._shown_done = None
        return self

    def __exit__(self, *_: object) -> None:
        if self.done != self._shown_done:
            self._show(time.monotonic())
        if self._live:
            self._stream.write("\n")

    def update(self, n: int = 1, **values: Any) -> None:
        """Count `n` more units; `values` (numbers or words) stand at the end of the line."""
        self.done += n
        self._values.update(values)
        now = time.monotonic()
        if now - self._shown >= self._every:
            self._show(now)

    def line(self, now: float) -> str:
        elapsed = max(now - self._start, 1e-9)
        rate = (self.done - self._first) / elapsed
        left = clock(max(self.total - self.done, 0) / rate) if rate > 0 else "?"
        values = "".join(f" {name} {_number(value)}" for name, value in self._values.items())
        return f"{self.label} {self._amounts()} {self._rate(rate)}/s ETA {left}{values}"

    def note(self, text: str) -> None:
        """A line of its own on standard output, above the bar."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        print(text, flush=True)

    def _amounts(self) -> str:
        amount = size if self.unit == "B" else str
        return f"{amount(self.done)}/{amount(self.total)}"

    def _rate(self, rate: float) -> str:
        return size(rate) if self.unit == "B" else f"{_number(rate)} {self.unit}"

    def _show(self, now: float) -> None:
        text = self.line(now)
        self._stream.write(f"\r\x1b[K{self._bar()} {text}" if self._live else f"{text}\n")
        self._stream.flush()
        self._shown, self._shown_done = now, self.done

    def _bar(self, width: int = 20) -> str:
        full = width * self.done // max(self.total, 1)
        return "█" * full + "░" * (width - full)


def size(count: float) -> str:
    """A number of bytes as people write it: 999 B, 1.23 MB, 42.6 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def clock(seconds: float) -> str:
    """A number of seconds as people write it: 0:07, 12:30, 3:05:00."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
