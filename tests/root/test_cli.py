"""How scripts end, and what they say meanwhile."""

import errno
import io
import sys

import pytest
from signal_diffusion import cli, progress
from signal_diffusion.errors import RunHeld, UserError


def raising(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code"), [(UserError("bad key"), 2), (RunHeld("held"), 75), (KeyboardInterrupt(), 130)]
)
def test_a_users_mistake_ends_in_one_line_and_its_code(error, code, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.run(raising(error))
    assert exit.value.code == code
    assert capsys.readouterr().err == ("" if code == 130 else f"error: {error}\n")


def test_a_file_of_the_arguments_that_is_not_there_is_said_as_the_mistake_it_may_be(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["x.py", "--index", "mistyped.csv"])
    with pytest.raises(SystemExit) as exit:
        cli.run(raising(FileNotFoundError(errno.ENOENT, "No such file or directory", "mistyped.csv")))
    said = capsys.readouterr().err
    assert exit.value.code == 2 and said.startswith(
        "error: mistyped.csv: No such file or directory; correct its path"
    )


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        cli.run(raising(ZeroDivisionError()))


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


def test_a_log_gets_a_line_every_few_seconds_and_a_last_one(monkeypatch, capsys):
    clock = Clock(monkeypatch)
    with progress.Progress(100, "training", unit="steps", every=5) as bar:
        for _ in range(100):
            clock.now += 0.2
            bar.update(loss=0.123456)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[0] == "training 25/100 5 steps/s ETA 0:15 loss 0.1235"
    assert lines[-1] == "training 100/100 5 steps/s ETA 0:00 loss 0.1235"


def test_a_resumed_run_does_not_count_old_steps_as_speed(monkeypatch, capsys):
    clock = Clock(monkeypatch)
    with progress.Progress(100, "training", done=90) as bar:
        clock.now += 5
        bar.update(5)
    assert "95/100 1 it/s ETA 0:05" in capsys.readouterr().err


def test_bytes_are_written_as_people_write_them(monkeypatch, capsys):
    clock = Clock(monkeypatch)
    with progress.Progress(42_600_000_000, "mit", unit="B", every=5) as bar:
        clock.now += 10
        bar.update(123_456_789)
    assert capsys.readouterr().err == "mit 123 MB/42.6 GB 12.3 MB/s ETA 57:21\n"
    assert [progress.size(n) for n in (0, 999, 1000, 999_600, 2e12)] == [
        "0 B", "999 B", "1 kB", "1 MB", "2 TB",
    ]  # fmt: skip


def test_a_note_stands_above_the_bar(monkeypatch, capsys):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.Progress(4, "reading") as bar:
        bar.note("one file is odd")
    assert capsys.readouterr().out == "one file is odd\n"
    assert stream.getvalue().startswith("\r\x1b[K")


def test_a_terminal_gets_one_living_line(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", stream)
    clock = Clock(monkeypatch)
    with progress.Progress(4, "reading") as bar:
        for _ in range(4):
            clock.now += 1
            bar.update()
    assert stream.getvalue().count("\n") == 1 and stream.getvalue().count("\r") == 4
    assert "█" * 20 in stream.getvalue()
