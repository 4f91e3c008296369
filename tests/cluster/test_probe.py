"""What a job finds on the cluster."""

import os
import sys
from pathlib import Path

from .conftest import submitted


def test_a_cpu_and_a_gpu_job_find_the_project_without_an_activated_environment(cluster_copy):
    snakemake = Path(sys.prefix) / "bin" / "snakemake"
    environment = {"PATH": os.defpath, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
    project = type(cluster_copy)(cluster_copy.folder, environment)
    probes = ["logs/probe/cpu.txt", "logs/probe/gpu.txt"]
    quick = ["--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "5"]
    said = project.run(str(snakemake), "--profile", "profiles/slurm", *quick, "--", *probes).stdout
    jobs = {job.rule: job for job in submitted(said)}
    for kind, gpus in (("cpu", 0), ("gpu", 1)):
        job, saw = jobs[f"{kind}_probe"], read(cluster_copy.folder / f"logs/probe/{kind}.txt")
        assert (job["Partition"], job["JobState"], job.gpus) == (kind, "COMPLETED", gpus)
        assert (saw["SLURM job"], saw["partition"]) == (job.number, kind)
        assert (saw["granted GPUs"] != "none") == bool(gpus)
        assert saw["code"] == str(cluster_copy.folder / "lib/signal_diffusion")
        assert Path(saw["python"]).parent == snakemake.parent


def read(path: Path) -> dict[str, str]:
    return dict(map(str.strip, line.strip().split("  ", 1)) for line in path.read_text().splitlines())
