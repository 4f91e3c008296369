"""How often a sampler calls its network on each sample, which is what sampling costs."""

HEUN = "heun"


def network_calls(solver: str, steps: int, guided: bool = False) -> int:
    """Calls of `steps` steps of a solver (`diffusion.solvers`); guidance calls with and without the condition.

    Heun's last step, which ends at the data, is Euler's: one call instead of two.
    """
    once = 2 * steps - 1 if solver == HEUN else steps
    return 2 * once if guided else once


def rectified_calls(steps: int, power: float) -> int:
    """Calls of rectified CFG++ (`diffusion.guidance.rectified_cfgpp`), whose first step is unguided for a power > 0."""
    return 3 * steps - (2 if power else 0)


def steps_within(solver: str, calls: int, guided: bool = False) -> int:
    """The most steps of a solver that need no more than so many calls; 0 where one step needs more."""
    once = calls // 2 if guided else calls
    return (once + 1) // 2 if solver == HEUN else once
