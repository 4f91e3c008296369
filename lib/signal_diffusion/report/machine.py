"""What a process finds where it runs."""

import os
import socket
import sys
import tempfile
from pathlib import Path

import torch

import signal_diffusion
from signal_diffusion.models import neighborhood, scan
from signal_diffusion.training.processes import choose_device


def machine() -> dict[str, str]:
    """Where this process runs and what it may use, by what people call it.

    SLURM's own answers come from the environment of its job step (sbatch(1), OUTPUT ENVIRONMENT VARIABLES).
    """
    device = choose_device()
    return {
        "host": socket.gethostname(),
        "SLURM job": os.environ.get("SLURM_JOB_ID", "none"),
        "partition": os.environ.get("SLURM_JOB_PARTITION", "none"),
        "node": os.environ.get("SLURMD_NODENAME", "none"),
        "cores": str(len(os.sched_getaffinity(0))),
        "granted GPUs": os.environ.get("CUDA_VISIBLE_DEVICES", "none"),
        "GPU that torch sees": _gpu(device),
        "python": sys.executable,
        "code": str(Path(signal_diffusion.__file__).parent),
        "torch": torch.__version__,
        "neighbourhood attention": neighborhood.backend(device),
        "selective scan": scan.backend(device),
        "temporary files": tempfile.gettempdir(),
    }


def _gpu(device: torch.device) -> str:
    if device.type == "cpu":
        return "none" if torch.version.cuda else "none, for this torch is a CPU build"
    memory = torch.cuda.get_device_properties(device).total_memory / 2**30
    return f"{torch.cuda.get_device_name(device)}, {memory:.0f} GiB, CUDA {torch.version.cuda}"
