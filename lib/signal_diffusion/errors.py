"""What a user can mend; everything else keeps its traceback."""


class UserError(Exception):
    """A user's mistake or a bad file, in one line: what is wrong, where, what to do."""


class Unreadable(UserError):
    """The system keeps back a file, perhaps for a while only: no fault of the recording in it."""


class RunHeld(UserError):
    """Another live process trains this run."""
