"""What the workflow is seen to be doing, from logs as Snakemake 9 writes them."""

import os
import time

import pytest
from signal_diffusion.status import queue
from signal_diffusion.status.builds import latest_build
from signal_diffusion.status.jobs import seconds_each, unfinished
from signal_diffusion.status.view import failures, view

NOW = time.mktime(time.strptime("2026-11-21 08:20:00", "%Y-%m-%d %H:%M:%S"))
STATS = """\
Building DAG of jobs...
Job stats:
job                count
---------------  -------
shards                 4
train_diffusion        1
dataset                1
all                    1
total                  7

Select jobs to execute...
[Sat Nov 21 08:18:33 2026]
Finished jobid: 5 (Rule: shards)
1 of 7 steps (14%) done
[Sat Nov 21 08:18:34 2026]
Finished jobid: 4 (Rule: shards)
2 of 7 steps (29%) done
"""
# As on a cluster, whose jobs have a log of another Snakemake, with times of its own.
FAILED = """\
[Sat Nov 21 08:19:10 2026]
Error in rule shards:
    message: SLURM-job '54' failed, SLURM status is: 'FAILED'.
    jobid: 6
    input: work/recordings/demo.csv
    output: work/shards/demo-db-only/demo/batch-2-of-4.json
    log: logs/shards/demo/2-of-4.log, logs/slurm/rule_shards/6.log (check log file(s) for error details)
    shell:
        exec python scripts/shard_batch.py > logs/shards/demo/2-of-4.log 2>&1
        (command exited with non-zero exit code)
    external_jobid: 54
Logfile logs/shards/demo/2-of-4.log:
==========================================
error: a.edf: cut short; fetch it again
==========================================
Logfile logs/slurm/rule_shards/6.log:
================================================================================

SNAKEMAKE
=========
Job stats:
[Sat Nov 21 08:18:50 2026]
Finished jobid: 0 (Rule: shards)
[Sat Nov 21 08:18:55 2026]
Error in rule shards:
    log: logs/shards/demo/2-of-4.log (check log file(s) for error details)
Complete log(s): /somewhere/.snakemake/log/2026-11-21T081840.112297.snakemake.log
================================================================================
"""
AFTERWARDS = """\
Trying to restart job 6.
Select jobs to execute...
[Sat Nov 21 08:19:30 2026]
Finished jobid: 7 (Rule: shards)
"""
FAILED_QUIETLY = """\
[Sat Nov 21 08:19:10 2026]
Finished jobid: 9 (Rule: shards)
RuleException:
Command 'exec python scripts/shard_batch.py > logs/shards/demo/2-of-4.log 2>&1' returned non-zero exit status 1.
"""
ENDED = "Complete log(s): /somewhere/.snakemake/log/2026-11-21T081823.842297.snakemake.log\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A build that began at 08:18:23 and has run until 08:20:00: two batches done, two going on."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr(queue.shutil, "which", lambda _: None)
    say(tmp_path, STATS)
    for number, written, line in (
        (0, 75, "6/6"),
        (1, 76, "6/6"),
        (2, 50, "4/6 ETA 0:07"),
        (3, 2, "5/6 ETA 0:04"),
    ):
        put(tmp_path / f"logs/shards/demo/{number}-of-4.log", f"start\nshards {line}\n\n", NOW - written)
    for number, seconds in ((0, 10), (1, 20)):
        put(
            tmp_path / f"logs/benchmarks/shards/demo/{number}-of-4.tsv",
            f"s\tmax_rss\n{seconds}\t9\n",
            NOW - 74,
        )
    put(tmp_path / "logs/shards/demo/left-by-an-earlier-build.log", "error: old\n", NOW - 9000)
    return tmp_path


def say(folder, text):
    put(folder / ".snakemake/log/2026-11-21T081823.842297.snakemake.log", text, NOW - 1)


def put(path, text, written):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (written, written))


def test_a_build_is_known_from_its_log(folder):
    build = latest_build(folder / ".snakemake/log")
    assert build.planned == {"shards": 4, "train_diffusion": 1, "dataset": 1, "all": 1}
    assert build.finished == {"shards": 2} and build.failed == {} and not build.ended


def test_jobs_that_have_not_succeeded_are_those_without_a_newer_benchmark(folder):
    jobs = list(unfinished(folder / "logs", NOW - 100))
    assert [(job.name, job.rule, job.line) for job in jobs] == [
        ("shards/demo/2-of-4", "shards", "shards 4/6 ETA 0:07"),
        ("shards/demo/3-of-4", "shards", "shards 5/6 ETA 0:04"),
    ]
    assert seconds_each("shards", folder / "logs") == 15
    assert seconds_each("train_diffusion", folder / "logs") is None


def test_every_stage_has_its_share_and_what_is_left(folder):
    head, shards, train, *_ = view(folder).splitlines()
    assert "2 of 6 jobs done after 1:37, about 0:15 left" in head  # two at a time, 15 s each
    assert head.endswith("beside what has never run here: train_diffusion, dataset")
    assert shards.split() == "shards 2 of 4 2 running 15.0 s each about 0:15 left".split()
    assert train.split() == "train_diffusion 0 of 1".split()


def test_a_running_jobs_last_line_is_shown(folder):
    assert "  shards/demo/3-of-4     2 s ago  shards 5/6 ETA 0:04" in view(folder).splitlines()


@pytest.mark.parametrize("failure", [FAILED, FAILED_QUIETLY])
def test_a_failed_job_is_told_from_running_ones(folder, failure):
    say(folder, STATS + failure)
    text = view(folder)
    assert text.index("Running:") < text.index("shards/demo/3-of-4")
    assert text.index("Failed:") < text.index("shards/demo/2-of-4")


@pytest.mark.parametrize("failure", [FAILED, FAILED_QUIETLY])
def test_a_build_that_is_over_names_what_failed(folder, failure):
    assert list(failures(folder)) == []
    say(folder, STATS + failure)
    put(folder / "logs/shards/demo/2-of-4.log", "start\nerror: a.edf: cut short; fetch it again\n", NOW - 50)
    told = "shards/demo/2-of-4: a.edf: cut short; fetch it again (logs/shards/demo/2-of-4.log)"
    assert list(failures(folder)) == [told]


def test_what_follows_a_failed_job_is_read_and_its_own_log_is_not(folder):
    say(folder, STATS + FAILED + AFTERWARDS)
    build = latest_build(folder / ".snakemake/log")
    assert build.finished == {"shards": 3} and not build.ended
    assert build.failed == {"logs/shards/demo/2-of-4.log": NOW - 50}
    say(folder, STATS + FAILED + AFTERWARDS + ENDED)
    assert latest_build(folder / ".snakemake/log").ended


def test_a_job_that_was_started_again_is_no_longer_failed(folder):
    say(folder, STATS + FAILED)
    put(folder / "logs/shards/demo/2-of-4.log", "shards 1/6\n", NOW - 3)
    assert "Failed:" not in view(folder)


def test_nothing_runs_once_the_build_has_ended(folder):
    say(folder, STATS + FAILED + ENDED)
    text = view(folder)
    assert "ended 0:01 ago after 1:36" in text and "Running:" not in text and text.count("-of-4  ") == 2


def test_a_build_of_the_target_alone_has_no_stages(tmp_path):
    """As `snakemake --force` plans where all is built."""
    log = tmp_path / ".snakemake/log/2026-11-21T081823.842297.snakemake.log"
    log.parent.mkdir(parents=True)
    log.write_text("Job stats:\njob      count\n-----  -------\nall          1\ntotal        1\n\n")
    assert "0 of 0 jobs done" in view(tmp_path)


def test_the_clusters_jobs_of_this_folder_are_shown(folder, monkeypatch):
    here = str(folder.resolve())
    said = (
        f"7|RUNNING|1:02|4:00:00|gpu|gpu1|{here}|rule_train_diffusion_wildcards_demo\n"
        f"8|PENDING|0:00|10:00|cpu|(Resources)|{here}|rule_shards_wildcards_0-of-4\n"
        "9|RUNNING|0:05|10:00|cpu|cpu1|/elsewhere|rule_shards_wildcards_1-of-4\n"
    )
    monkeypatch.setattr(queue.shutil, "which", lambda _: "squeue")
    monkeypatch.setattr(queue.subprocess, "run", lambda *_, **__: type("Done", (), {"stdout": said}))
    lines = view(folder).splitlines()
    assert "SLURM: 1 running, 1 pending" in lines
    assert (
        "  7  train_diffusion demo  RUNNING 1:02 of 4:00:00  gpu  gpu1" in lines and "elsewhere" not in lines
    )


def test_a_folder_without_a_build_says_how_to_start_one(tmp_path):
    assert "snakemake TARGET" in view(tmp_path)
