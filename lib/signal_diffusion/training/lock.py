"""One process trains a run; others are told who."""

from signal_diffusion import lock


class Lock(lock.Lock):
    """Holds the folder of a run's checkpoints while the block runs; `RunHeld` if another process trains it."""

    held = "is being trained by"
