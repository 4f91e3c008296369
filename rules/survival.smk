# One workflow at a time has this folder; no lock is ever left, and no job of an earlier workflow goes on beside it.
from signal_diffusion.cli import one_line
from signal_diffusion.workflow import begin, check_places, stop_if_replaced

PLACES = (WORK, "results", "logs")

with one_line():
    # The nested processes of cluster jobs run this file too: long after a workflow that was killed, perhaps.
    check_places(".") if workflow.is_main_process else stop_if_replaced()


onstart:
    with one_line():
        begin(*PLACES)
