"""The cluster's profile, where no cluster is needed."""

import asyncio
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm as plugin
import yte
from signal_diffusion import cluster

ROOT = Path(__file__).resolve().parents[2]
PROFILE = ROOT / "profiles/slurm/config.yaml"
GPU_RULE = re.compile(r"(train|select|predict|generate|encode|profile)\w*|support|measure_calls|gpu_probe")


@pytest.fixture(autouse=True)
def untouched_plugin(monkeypatch):
    """The profile changes how the plugin asks; afterwards it asks as before."""
    for owner, name in (
        (plugin, "query_job_status"),
        (plugin, "get_min_job_age"),
        (plugin.Executor, "sleep"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))


def read() -> dict:
    return yte.process_yaml(PROFILE.read_text(), require_use_yte=True)


def rules() -> set[str]:
    text = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    return set(re.findall(r"^rule (\w+):", text, re.MULTILINE)) | {"cpu_probe", "gpu_probe"}


def test_rules_that_train_generate_or_encode_ask_for_a_gpu_and_no_other_does():
    asked = read()["set-resources"]
    gpu = {rule for rule, resources in asked.items() if resources.get("gpu")}
    assert gpu == {rule for rule in rules() if GPU_RULE.fullmatch(rule)}
    assert {asked[rule]["slurm_partition"] for rule in gpu} == {"gpu"}
    assert set(asked) <= rules() and set(read()["groups"]) <= rules()


def test_rules_know_no_partition_and_repeat_nothing():
    for path in (ROOT / "rules").glob("*.smk"):
        assert not re.search(r"slurm_|partition|retries", path.read_text()), path.name


@pytest.mark.parametrize("accounting", ["works", "disabled", "absent"])
def test_jobs_are_followed_through_whatever_the_cluster_has(tmp_path, monkeypatch, accounting):
    if accounting != "absent":
        sacct = tmp_path / "sacct"
        sacct.write_text(f"#!/bin/sh\nexit {int(accounting == 'disabled')}\n")
        sacct.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    expected = "sacct" if accounting == "works" else "squeue"
    assert read()["slurm-status-command"] == expected


def test_a_controller_that_is_silent_for_a_while_costs_no_job(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PAUSE", 0.01)
    read()
    squeue = tmp_path / "squeue"
    squeue.write_text(
        f"#!/bin/sh\necho x >> {tmp_path}/asked\n[ $(wc -l < {tmp_path}/asked) -gt 7 ] && echo '7|RUNNING'\n"
    )
    squeue.chmod(0o755)
    states, _ = asyncio.run(plugin.query_job_status(f"{squeue} --name x", logging.getLogger()))
    assert states == {"7": "RUNNING"} and len((tmp_path / "asked").read_text().split()) == 8


@pytest.mark.parametrize(
    ("first", "pauses"),
    [
        (4, [4, 4, 4, 4, 4, 5, 6.25]),
        (10, 5 * [10] + [12.5, 15.625]),
        (45, 7 * [45]),
        (28, [28] * 5 + [30, 30]),
    ],
)
def test_pauses_between_questions_grow_with_the_wait_to_half_a_minute(monkeypatch, first, pauses):
    slept: list[float] = []

    async def sleep(executor) -> None:
        slept.append(executor.next_seconds_between_status_checks)

    monkeypatch.setattr(plugin.Executor, "sleep", sleep)
    read()
    settings = SimpleNamespace(init_seconds_before_status_checks=first)
    executor = SimpleNamespace(
        workflow=SimpleNamespace(executor_settings=settings), next_seconds_between_status_checks=first
    )
    for _ in pauses:
        asyncio.run(plugin.Executor.sleep(executor))
        executor.next_seconds_between_status_checks += 10  # as the plugin does while no job ends
    assert slept == pauses
    executor.next_seconds_between_status_checks = first  # as it does when one has ended
    asyncio.run(plugin.Executor.sleep(executor))
    assert slept[-1] == first


def test_every_rule_grows_after_a_failure_but_what_resumes_keeps_its_time():
    for path in (ROOT / "rules").glob("*.smk"):
        for body in re.split(r"^ *rule(?: \w+)?:$", path.read_text(), flags=re.MULTILINE)[1:]:
            if "localrule: True" in body or "shell:" not in body:
                continue
            assert "mem_mb=growing(" in body, path.name
            resumes = "checkpoints=" in body and re.search("exec python scripts/(train|select)", body)
            assert ("runtime=growing(" in body) != bool(resumes), path.name
