"""How the workflow follows its jobs on a SLURM cluster; profiles/slurm/config.yaml asks here."""

import asyncio
import subprocess
from collections.abc import Callable
from typing import Any

PAUSE = 15.0  # seconds between questions while SLURM is silent
LONGEST = 30.0  # seconds between questions while it answers, unless the first pause is longer
SHARE = 0.25  # of the time since a job last ended, until the next question
PATIENCE = 3600.0  # seconds; a controller that restarts is back long before
NO_FALLBACK = 10**6  # a MinJobAge, in seconds, that is never too short for squeue


def follow_jobs() -> str:
    """What the SLURM plugin asks for the state of its jobs, `sacct` or `squeue`, and makes it ask patiently and often.

    Accounting knows every job for good, and which node failed; the queue forgets jobs after MinJobAge. But sacct is
    installed also where nothing is accounted, and says so only when it is asked.

    Two things in the plugin (2.8.0) make it wait for ever. After five questions in a row without an answer it has
    dropped its jobs from those it asks about; and if scontrol is slow once, it asks sacct, whether that works or
    not. Here a question without an answer is asked again, and where sacct does not work nothing falls back to it.
    """
    import snakemake_executor_plugin_slurm as plugin

    chosen = "sacct" if accounting() else "squeue"
    plugin.query_job_status = patient(plugin.query_job_status)
    plugin.Executor.sleep = often(plugin.Executor.sleep)
    if chosen == "squeue":
        plugin.get_min_job_age = lambda: NO_FALLBACK
    return chosen


def often(sleep: Callable) -> Callable:
    """`sleep` of an executor, which asks the sooner the shorter it has waited.

    The plugin's own pauses grow by 10 s each up to three minutes, which every stage would lose when it ends.
    """
    waited = 0.0

    async def slept(executor: Any) -> None:
        nonlocal waited
        first = executor.workflow.executor_settings.init_seconds_before_status_checks
        if executor.next_seconds_between_status_checks <= first:  # as the plugin sets it when a job has ended
            waited = 0.0
        pause = max(first, min(LONGEST, SHARE * waited))
        executor.next_seconds_between_status_checks = pause
        waited += pause
        await sleep(executor)

    return slept


def accounting() -> bool:
    """Whether sacct works here."""
    try:
        return not subprocess.run(["sacct", "-nX", "-S", "now"], capture_output=True, timeout=30).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


def patient(ask: Callable) -> Callable:
    """`ask`, which answers (None, None) when SLURM does not, asked until there is an answer or patience ends."""

    async def asked(command: str, logger: Any) -> tuple:
        answer, waited = await ask(command, logger), 0.0
        while answer[0] is None and waited < PATIENCE:
            if not waited:
                logger.warning(
                    f"SLURM does not answer ({command.split()[0]}); it is asked again every {PAUSE:.0f} s"
                )
            await asyncio.sleep(PAUSE)
            waited += PAUSE
            answer = await ask(command, logger)
        return answer

    return asked
