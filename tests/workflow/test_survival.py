"""Workflows and jobs that are killed, doubled or left without room: the plain command again is all it takes."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from signal_diffusion.recordings.batches import jobs_text
from signal_diffusion.recordings.datasets.entry import Entry

from .conftest import ROOT

TABLE = "work/recordings/demo-demo.csv"
SLOW = 'import time; open("begun", "w").close(); time.sleep({seconds})'


@pytest.fixture
def slow(project):
    """A project whose index job waits for a minute before it begins, once the recordings are there."""
    project.edit("config/dataset/demo.toml", lambda text: text.replace("subjects = 12", "subjects = 4"))
    project.edit(
        "scripts/index.py", lambda text: text.replace("    parser =", f"    {SLOW}\n    parser =", 1)
    )
    project.edit("scripts/index.py", lambda text: text.replace("{seconds}", "60"))
    return project


def quicken(project) -> None:
    project.edit("scripts/index.py", lambda text: text.replace("time.sleep(60)", "time.sleep(0)"))


def start(project) -> tuple[subprocess.Popen, psutil.Process]:
    """The workflow, and its index job, which has begun."""
    begun = project.folder / "begun"
    begun.unlink(missing_ok=True)
    workflow = subprocess.Popen(
        ["snakemake", "--", TABLE],
        cwd=project.folder,
        env=project.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    wait_for(begun.exists, workflow)
    [job] = [each for each in children(workflow.pid) if "scripts/index.py" in each.cmdline()]
    return workflow, job


def children(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def wait_for(condition, workflow, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert workflow.poll() is None, workflow.communicate()[0]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def ended(job: psutil.Process) -> bool:
    """Whether it ends within seconds; it may stay a zombie where nobody asks how it ended."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            if job.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("error:")]


def test_a_killed_workflow_leaves_nothing_to_unlock_and_its_job_gives_way(slow):
    workflow, job = start(slow)
    workflow.kill()
    workflow.communicate()
    assert job.is_running()
    quicken(slow)
    said = slow.run("snakemake", "--", TABLE).stdout
    assert f"waiting for jobs that an earlier workflow left to stop: index, process {job.pid} on" in said
    assert ended(job) and not list((slow.folder / ".snakemake/running").iterdir())
    assert (slow.folder / TABLE).read_text().count("\n") == 9
    assert slow.planned(TABLE) == {}


def test_a_second_workflow_is_told_who_has_the_folder_and_may_still_plan(slow):
    workflow, job = start(slow)
    second = slow.run("snakemake", "--", TABLE, check=False)
    assert second.returncode == 75 and "Traceback" not in second.stdout
    [line] = errors(second.stdout)
    assert line.startswith(
        f"error: {slow.folder} is being worked on by another snakemake, process {workflow.pid} on"
    )
    assert slow.planned(TABLE) == {"index_simulated": 1}
    assert workflow.poll() is None and job.is_running()
    os.kill(job.pid, signal.SIGKILL)
    said = workflow.communicate(timeout=60)[0]
    assert workflow.returncode == 1, said
    quicken(slow)
    slow.run("snakemake", "--", TABLE)


@pytest.mark.slow
def test_a_workflow_and_its_job_end_by_the_same_sigterm(slow):
    workflow, job = start(slow)
    for pid in (workflow.pid, job.pid):
        os.kill(pid, signal.SIGTERM)
    said = workflow.communicate(timeout=60)[0]
    assert workflow.returncode == 1, said
    quicken(slow)
    slow.run("snakemake", "--", TABLE)


def test_a_job_of_a_workflow_that_was_replaced_begins_nothing(slow):
    workflow, job = start(slow)
    environment, command = job.environ(), job.cmdline()
    workflow.kill()
    workflow.communicate()
    quicken(slow)
    slow.run("snakemake", "--", TABLE)
    table = slow.folder / TABLE
    before = table.stat().st_mtime_ns
    late = subprocess.run(command, cwd=slow.folder, env=environment, capture_output=True, text=True)
    assert late.returncode == 75 and late.stderr.count("\n") == 1
    assert "has been taken over by another workflow" in late.stderr
    nested = ["snakemake", "--mode", "remote", "--force", "--nolock", "--no-hooks", "--", TABLE]
    late = subprocess.run(nested, cwd=slow.folder, env=environment, capture_output=True, text=True)
    assert late.returncode == 75 and len(errors(late.stderr)) == 1, late.stderr
    assert table.stat().st_mtime_ns == before


VANISHED = "work/simulated/demo/gone.cnt"
COMMANDS = {
    VANISHED: "shard_batch --recipe demo --recordings {packed}",
    "work/recordings/gone.csv": "build_dataset --recipe demo --index {gone} --shards work/shards/demo-db-only",
}


@pytest.mark.parametrize("gone", COMMANDS)
def test_an_input_that_vanishes_is_named_in_one_line(finished, tmp_path, gone):
    packed = jobs_text([Entry("demo", "gone", "", "gone", Path(gone))])
    script, *arguments = COMMANDS[gone].format(gone=gone, packed=packed).split()
    out = str(tmp_path / "out" / "batch-0-of-1.json")
    done = finished.run("python", f"scripts/{script}.py", *arguments, "--out", out, check=False)
    assert done.returncode == 2 and done.stdout.count("\n") == 1, done.stdout
    assert done.stdout.startswith(f"error: {gone}: ") and not list(tmp_path.rglob("*.*"))


@pytest.fixture
def disk(tmp_path_factory):
    """Mounts a small disk."""
    folder = tmp_path_factory.mktemp("disk")

    def mount(*options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)])
        if done.returncode:
            pytest.skip("this user may mount no small disk")
        return folder

    yield mount
    while subprocess.run(["umount", str(folder)], capture_output=True).returncode == 0:
        pass


def put_work_on(project, folder: Path) -> None:
    project.edit("config/default.toml", lambda text: text.replace('"../work"', f'"{folder}/work"'))


@pytest.mark.slow
def test_a_disk_that_fills_up_is_named_in_one_line_and_room_mends_it(project, disk):
    folder = disk("size=16m")
    put_work_on(project, folder)
    (folder / "ballast").write_bytes(bytes(15 * 2**20))
    target = str(folder / "work/simulated/demo/sub-000_rest.edf")
    done = project.run("snakemake", "--", target, check=False)
    [line] = errors(done.stdout)
    assert (
        done.returncode == 2
        and line == f"error: {folder}: its disk is full; make room and run the same command again"
    )
    project.edit("config/dataset/demo.toml", lambda text: text.replace("seconds = 20.0", "seconds = 100.0"))
    (folder / "ballast").write_bytes(bytes(3 * 2**20))
    done = project.run("snakemake", "--", target, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert any(f"{folder}/work" in line and "; make room" in line for line in errors(done.stdout)), (
        done.stdout
    )
    assert not [path for path in (folder / "work").rglob("*.partial*")]
    (folder / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=100m", str(folder)], check=True)
    project.run("snakemake", "--", target)


def test_a_folder_that_cannot_be_written_is_named_in_one_line(project, disk):
    folder = disk("ro")
    put_work_on(project, folder)
    done = project.run("snakemake", "--", str(folder / "work/simulated/demo/sub-000_rest.edf"), check=False)
    [line] = errors(done.stdout)
    assert (
        done.returncode == 2
        and line.startswith(f"error: {folder}: cannot be written to")
        and "Traceback" not in done.stdout
    )


@pytest.mark.slow
def test_a_build_that_is_killed_again_and_again_ends_as_an_undisturbed_one(environment):
    command = ["python", str(ROOT / "benchmarks/survival.py"), "--builds", "1", "--kills", "6"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"(\d+) of \1 builds equal", done.stdout) and "in a checkpoint write" in done.stdout
