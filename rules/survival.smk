# One workflow at a time has this folder; no lock is ever left, and no job of an earlier workflow goes on beside it.
from signal_diffusion.status.view import failures
from signal_diffusion.workflow import admit, begin

PLACES = (WORK, "results", "logs")

with one_line():
    admit(nested=not workflow.is_main_process)


onstart:
    with one_line():
        begin(*PLACES)


# Under --quiet rules Snakemake does not say what a job's script said.
onerror:
    for line in failures():
        print(f"error: {line}", file=sys.stderr)
