"""Names of the simulated recordings, and of those that one job makes.

Ten subjects are one job, for starting it costs more than a subject does. Every ten is made whole, also where
a recipe ends within it, so that a job's files depend on nothing but their names.
"""

ACTIVITIES = ("rest", "arithmetic")
TOGETHER = 10


def subject_id(index: int) -> str:
    return f"sub-{index:03d}"


def file_name(index: int, activity: str) -> str:
    """Even subjects are EDF, odd ones CNT."""
    return f"{subject_id(index)}_{activity}.{'cnt' if index % 2 else 'edf'}"


def names_together(tens: str) -> list[str]:
    """The files of the ten subjects whose numbers begin with `tens` ("00" for 0 to 9), or of a wildcard."""
    first = subject_id(0)[:-1]
    names = [file_name(digit, activity) for digit in range(TOGETHER) for activity in ACTIVITIES]
    return [f"sub-{tens}{name.removeprefix(first)}" for name in names]


def subjects_together(tens: str) -> range:
    """The numbers of those subjects."""
    return range(int(tens) * TOGETHER, (int(tens) + 1) * TOGETHER)
