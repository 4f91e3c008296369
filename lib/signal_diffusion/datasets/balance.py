"""What the weights of a dataset reach, as tables and in words."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from signal_diffusion.datasets.cells import UNKNOWN
from signal_diffusion.datasets.contents import Contents
from signal_diffusion.datasets.storage import write_table
from signal_diffusion.datasets.targets import CLOSE, JOINT, Target
from signal_diffusion.datasets.weights import Weighting

LOG = logging.getLogger(__name__)
LABELS, CELLS = "balance.csv", "weights.csv"


def write_balance(folder: Path, contents: Contents) -> None:
    """`weights.csv`, a row per combination of classes, and `balance.csv`, a row per class of each label."""
    write_table(folder / CELLS, cell_table(contents.weighting))
    write_table(folder / LABELS, label_table(contents.weighting))


def say_balance(contents: Contents) -> None:
    """Log what the weights reach and which labels are confounded, as the card tells it."""
    for line in summary(contents.weighting):
        LOG.info("%s", line)
    for line in (*contents.one_sided, *contents.confounds):
        LOG.warning("%s", line)


def cell_table(weighting: Weighting) -> pd.DataFrame:
    """One row per combination of classes that occurs: its classes, windows, mean weight and shares.

    `share` is that of the windows, `reached` that of the draws, `target` the product of the labels' targets
    (among the draws that know all labels; empty for a cell that does not).
    """
    cells, joint = weighting.cells, weighting.joint
    names = [cells.names(cell) for cell in range(len(cells))]
    table = pd.DataFrame(names, columns=list(cells.tasks))
    numbers = {"windows": cells.sizes, "weight": weighting.cell_weights}
    table = table.assign(**numbers, share=weighting.before, reached=weighting.after, target=np.nan)
    known = joint.members.any(axis=0)
    table.loc[known, "target"] = (joint.shares @ joint.members)[known] * weighting.after[known].sum()
    return table.round(6)


def label_table(weighting: Weighting) -> pd.DataFrame:
    """One row per label and class: windows, share before and after weighting, target.

    The shares are among the windows that know the label; how many do not is in the row `unknown`, which has
    a target only if the recipe states one.
    """
    rows = []
    for target in weighting.targets:
        shares = zip(
            target.values,
            (target.members @ weighting.cells.sizes).tolist(),
            target.reached(weighting.before),
            target.reached(weighting.after),
            target.shares,
            strict=True,
        )
        rows += [[target.name, *row] for row in shares]
        rows += _unknown_row(weighting, target)
    columns = ["label", "value", "windows", "share", "reached", "target"]
    return pd.DataFrame(rows, columns=columns).round(6)


def _unknown_row(weighting: Weighting, target: Target) -> list[list]:
    rest = ~target.members.any(axis=0)
    if not rest.any():
        return []
    windows = int(weighting.cells.sizes[rest].sum())
    return [
        [target.name, UNKNOWN, windows, weighting.before[rest].sum(), weighting.after[rest].sum(), np.nan]
    ]


def summary(weighting: Weighting) -> list[str]:
    """In sentences: the effective sample size, and what is and is not reached, with the proof."""
    windows = len(weighting.weights)
    lines = [f"Effective sample size: {weighting.effective:.0f} of {windows} windows."]
    if not weighting.proven:
        return [*lines, "The legacy method has no targets: what it reaches stands beside equal shares."]
    near = [target for target in weighting.targets if target.deviation(weighting.after) <= CLOSE]
    if told := [target.name for target in near if len(target.values) > 1]:
        lines.append(f"Reached within {CLOSE:.0%}: {', '.join(told)}.")
    lines += [_missed(weighting, target) for target in weighting.targets if target not in near]
    return [*lines, *_joint(weighting)]


def _missed(weighting: Weighting, target: Target) -> str:
    reached = target.reached(weighting.after)
    shares = ", ".join(
        f"{value} {found:.3f} (target {share:.3f})"
        for value, found, share in zip(target.values, reached, target.shares, strict=True)
    )
    least = weighting.least.get(target.name)
    proof = "" if least is None else (
        " With the labels named before it within 2 % (or as near as they can be), no weights that the cap "
        f"allows come nearer to all its targets than {least:.1%} (linear programme)."
    )  # fmt: skip
    return f"{target.name} is not reached: {shares}.{proof}"


def _joint(weighting: Weighting) -> list[str]:
    if sum(len(target.values) > 1 for target in weighting.targets) < 2:
        return []
    if weighting.absent:
        known = weighting.absent + len(weighting.joint.values)
        return [
            f"The labels cannot be made independent: {weighting.absent} of {known} combinations have no "
            "window. The weights are the nearest to independence."
        ]
    if (least := weighting.least.get(JOINT)) is not None:
        return [
            "The labels cannot be made independent under the cap: some combination stays at least "
            f"{least:.1%} off the product of the labels' targets (linear programme)."
        ]
    return [
        f"The labels are independent: every combination has the product of their shares, within {CLOSE:.0%}."
    ]
