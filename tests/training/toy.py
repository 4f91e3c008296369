"""A task of seconds that draws on everything the loop must restore; as a script, one training run of it."""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from signal_diffusion import cli
from signal_diffusion.training.ema import EmaPlan
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import Plan, train
from signal_diffusion.training.optim import OptimizerPlan, SchedulePlan
from signal_diffusion.training.weights import save_weights
from torch import nn

EPOCH = 4


class Toy:
    """Regression on 4 batches an epoch, in an order drawn from the epoch, with dropout and noisy input."""

    def __init__(self, width: int = 8, pause: float = 0.0):
        torch.manual_seed(5)
        self.model = nn.Sequential(
            nn.Linear(6, width), nn.BatchNorm1d(width), nn.GELU(), nn.Dropout(0.2), nn.Linear(width, width)
        )
        self.pause = pause
        self.data = np.random.default_rng(0).standard_normal((EPOCH, 2, 16, 6), dtype=np.float32)

    def parameter_groups(self):
        return [
            {"params": self.model[0].parameters(), "weight_decay": 0.0, "lr_scale": 0.5},
            {"params": [*self.model[1].parameters(), *self.model[4].parameters()]},
        ]

    def batch(self, step, micro):
        time.sleep(self.pause)
        order = np.random.default_rng(step // EPOCH).permutation(EPOCH)
        return {"x": self.data[order[step % EPOCH], micro % 2]}

    def loss(self, model, batch, generator):
        x = batch["x"]
        noisy = x + 0.1 * torch.randn(x.shape, generator=generator)
        loss = (model(noisy).float().mean(1) - x.sum(1)).square().mean()
        return loss, {"double": 2 * loss}

    def evaluate(self, model, step):
        return {"val/loss": float((model(torch.ones(2, 6)) ** 2).mean())}

    def images(self, model, step):
        return [("samples", np.zeros((4, 4), np.uint8))]


def toy_plan(steps: int = 9, **changes) -> Plan:
    values = {
        "accumulation": 2,
        "precision": "no",
        "threads": 1,
        "device": "cpu",
        "log_every": 2,
        "checkpoint_every": 1,
        "optimizer": OptimizerPlan(lr=0.01),
        "schedule": SchedulePlan("cosine", warmup_steps=3),
        "ema": EmaPlan(decay=0.9, update_after_step=2),
    }
    return Plan(max_steps=steps, **{**values, **changes})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.0)
    arguments = parser.parse_args()
    plan = toy_plan(arguments.steps, log_every=1, checkpoint_every=5)
    with RunLog(arguments.folder) as log:
        final = train(Toy(arguments.width, arguments.pause), plan, arguments.folder / "checkpoints", {}, log)
    for kind, state in final.items():
        save_weights(arguments.folder / f"{kind}.safetensors", state, {})


if __name__ == "__main__":
    sys.exit(cli.run(main))
