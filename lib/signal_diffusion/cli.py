"""How every script starts and ends. Scripts import it first."""

import errno
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from signal_diffusion.environment import end_imports, hurry_imports, keep_freed_memory
from signal_diffusion.errors import RunHeld, UserError
from signal_diffusion.workflow import job

hurry_imports()  # those of the scripts that import this, until run()

MISTAKE, HELD, INTERRUPTED = 2, 75, 130
ROOM = "make room and run the same command again"
RIGHTS = "change its rights or choose another folder"
REMEDIES = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EROFS: RIGHTS,
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
}
VANISHED = "correct its path if you named it; if a job has lost it, bring it back or run the workflow again"


def run(main: Callable[[], None]) -> None:
    """Call `main` and exit: 0, 2 on a `UserError`, 75 on a `RunHeld` (EX_TEMPFAIL), 130 on Ctrl-C, 143 on SIGTERM.

    Full disks, missing rights and inputs that have vanished count as a user's mistakes.
    """
    end_imports()
    keep_freed_memory()
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger(__package__).setLevel(logging.INFO)
    with one_line(), job(Path(sys.argv[0]).stem):
        main()


def there(path: str) -> Path:
    """An argument that names a file or folder; UserError where there is none."""
    if not os.path.lexists(path):
        raise UserError(f"{path}: no such file; correct the path")
    return Path(path)


@contextmanager
def one_line() -> Iterator[None]:
    """A user's mistake in the block becomes one line on stderr and an exit code."""
    try:
        yield
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(HELD if isinstance(error, RunHeld) else MISTAKE)
    except OSError as error:
        said = _said(error)
        if said is None:
            raise
        print(f"error: {said}", file=sys.stderr)
        sys.exit(MISTAKE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _said(error: OSError) -> str | None:
    """A line for what is wrong with a disk or a file, None for anything else."""
    if error.errno == errno.ENOENT and _is_given(error.filename):
        return f"{error.filename}: {error.strerror}; {VANISHED}"
    if error.errno not in REMEDIES:
        return None
    return f"{error.filename or Path.cwd()}: {error.strerror}; {REMEDIES[error.errno]}"


def _is_given(file: str | bytes | None) -> bool:
    """Whether a file, or the folder that it was in, is named in this process's arguments."""
    path = os.fsdecode(file or "")
    return bool(path) and any(
        name in " ".join(sys.argv[1:]) for name in (path, os.path.dirname(path) or path)
    )
