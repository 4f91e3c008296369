"""A job of the cluster that has outlived its workflow gives way to the next one."""

import subprocess
import time

import pytest

from .conftest import QUICK, facts_of, submitted

TABLE = "work/recordings/demo-demo.csv"
COMMAND = ("snakemake", "--profile", "profiles/slurm", *QUICK, "--", TABLE)
SLOW = '    import time; open("begun", "w").close(); time.sleep(300)\n    parser ='


@pytest.mark.slow
def test_a_job_that_outlived_its_workflow_gives_way_to_the_next_one(cluster_copy):
    project = cluster_copy
    project.run("snakemake", "--until", "simulate", "--", TABLE)
    project.edit("scripts/index.py", lambda text: text.replace("    parser =", SLOW, 1))
    workflow = subprocess.Popen(
        COMMAND,
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (project.folder / "begun").exists():
        assert workflow.poll() is None
        time.sleep(0.2)
    workflow.kill()
    workflow.wait()
    project.edit("scripts/index.py", lambda text: text.replace(SLOW, "    parser ="))
    said = project.run(*COMMAND).stdout
    [waiting] = [line for line in said.splitlines() if line.startswith("waiting for jobs")]
    orphan = waiting.rpartition("(SLURM job ")[2].rstrip(")")
    [copy] = submitted(said)
    assert copy.number != orphan and copy["JobState"] == "COMPLETED"
    assert facts_of(orphan)["JobState"] == "FAILED"
    assert (project.folder / TABLE).read_text().count("\n") == 25
