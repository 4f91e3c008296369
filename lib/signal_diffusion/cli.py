"""How every script starts and ends."""

import logging
import sys
from collections.abc import Callable

from signal_diffusion.environment import keep_freed_memory
from signal_diffusion.errors import RunHeld, UserError

MISTAKE, HELD, INTERRUPTED = 2, 75, 130


def run(main: Callable[[], None]) -> None:
    """Call `main` and exit: 0, 2 on a `UserError`, 75 on a `RunHeld` (EX_TEMPFAIL), 130 on Ctrl-C."""
    keep_freed_memory()
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger(__package__).setLevel(logging.INFO)
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(HELD if isinstance(error, RunHeld) else MISTAKE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
