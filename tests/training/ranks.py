"""What one of several processes does in `test_processes`; started with RANK and WORLD_SIZE set, as launchers do."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import torch
from signal_diffusion import cli
from signal_diffusion.training.logging import RunLog
from signal_diffusion.training.loop import train
from signal_diffusion.training.plan import SwaPlan
from signal_diffusion.training.processes import Processes, environment_rank, joined

CPU = torch.device("cpu")
PLANS = {
    "whole": {"accumulation": 2, "keep": ("val/loss", "min"), "eval_every": 3},
    "rows": {"accumulation": 1, "swa": SwaPlan(4, 2), "eval_every": 5, "precision": "bf16"},
}


def load_toy():
    spec = importlib.util.spec_from_file_location("training_toy", Path(__file__).with_name("toy.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toy = load_toy()


class Failing(toy.Toy):
    """Memory runs out in the second process, in the step of index 3."""

    def batch(self, step, micro):
        if environment_rank() == 1 and step == 3:
            raise MemoryError("no room for 3 GiB")
        return super().batch(step, micro)


class Rows(toy.Toy):
    """The mean of 7 rows, without draws: two processes take 3 and 4 of them."""

    def __init__(self):
        super().__init__()
        self.model = torch.nn.Linear(6, 3)
        torch.nn.init.ones_(self.model.weight)

    def parameter_groups(self):
        return [{"params": self.model.parameters()}]

    def batch(self, step, micro):
        return [self.data[step % toy.EPOCH, micro % 2, :7]]

    def loss(self, model, batch, generator):
        return (model(batch[0]).sum(1) - 1).square().mean(), {}


def run(task, plan, folder):
    """Final states in the first process, nothing in the others."""
    try:
        with RunLog(folder) as log:
            return train(task, plan, folder / "checkpoints", {}, log)
    except SystemExit as end:
        if end.code:
            raise
        return {}


def same(found, expected):
    assert found.keys() == expected.keys()
    pairs = [(value, found[kind][name]) for kind, state in expected.items() for name, value in state.items()]
    return all(torch.equal(a, b) for a, b in pairs)


def resume(folder: Path, steps: int, every: int) -> None:
    """Both ways of sharing, begun again after each `every`-th step; the first process writes down what differs."""
    with joined(CPU) as processes:
        found = {name: list(_broken(folder / name, name, steps, every, processes)) for name in PLANS}
    if processes.first:
        (folder / "found.json").write_text(json.dumps(found))


def _broken(folder: Path, name: str, steps: int, every: int, processes: Processes):
    plan = toy.toy_plan(steps, checkpoint_limit=None, **PLANS[name])
    expected = run(toy.Toy(), plan, folder / "whole")
    last = steps + (plan.swa.steps if plan.swa else 0)
    for step in range(every, last, every):
        broken = folder / f"broken-{step}"
        processes.alone(lambda broken=broken, step=step: _cut(folder / "whole", broken, step))
        found = run(toy.Toy(), plan, broken)
        yield [step, same(found, expected)]


def _cut(whole: Path, broken: Path, step: int) -> None:
    shutil.copytree(whole, broken)
    for checkpoint in broken.glob("checkpoints/*/step-*"):
        if int(checkpoint.name.removeprefix("step-")) > step:
            shutil.rmtree(checkpoint)


def fail(folder: Path) -> None:
    run(Failing(), toy.toy_plan(), folder)


def share(folder: Path) -> None:
    """The weights of both ways of sharing, and of 7 rows."""
    tasks = {"whole": (toy.Toy(), 2), "rows": (Rows(), 1), "rows-of-3": (Rows(), 3)}
    with joined(CPU):
        for name, (task, accumulation) in tasks.items():
            plan = toy.toy_plan(6, accumulation=accumulation)
            states = run(task, plan, folder / name)
            if states:
                toy.save_weights(folder / f"{name}.safetensors", states["model"], {})


def main() -> None:
    command, folder, *numbers = sys.argv[1:]
    {"resume": resume, "fail": fail, "share": share}[command](Path(folder), *map(int, numbers))


if __name__ == "__main__":
    cli.run(main)
