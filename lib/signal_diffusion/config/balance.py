"""The part of a recipe that says how often a window counts, what is exported, and where it comes from."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from signal_diffusion.config.fields import Contradiction, Section, key

Shares = dict[str, Annotated[float, Field(gt=0, le=1)]]


class Weights(Section):
    """Re-weighting of the training split.

    `[weights.targets.LABEL]` gives shares of your own, such as `F = 0.6` and `M = 0.4`; they sum to 1.
    """

    tasks: list[str] = key(
        ["dataset", "gender"],
        "Labels that are balanced together, dataset among them if named; where not all can be reached, the "
        "first named come first.",
        stage="dataset",
    )
    method: Literal["ipf", "legacy"] = key(
        "ipf",
        "ipf: iterative proportional fitting to the targets under the cap; legacy: the old sampler's ranks.",
        stage="dataset",
    )
    targets: dict[str, Shares] = key(
        {}, "Shares per label and value; a label without them gets equal shares.", stage="dataset"
    )
    age_bins: list[Annotated[float, Field(ge=0)]] = key(
        [], "Ages at which a new class begins; empty: decades.", stage="dataset", unit="years"
    )
    max_sampling_weight: float | None = key(
        None, "Largest weight relative to the mean; unset: the settings' value.", stage="dataset", ge=1
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.tasks)) < len(self.tasks):
            raise Contradiction("tasks", "names a label twice; keep one")
        if self.targets and self.method == "legacy":
            raise Contradiction("targets", 'the legacy method knows no targets; use method = "ipf"')
        for label, shares in self.targets.items():
            if label not in self.tasks:
                raise Contradiction(f"targets.{label}", "is not among the tasks; add it there")
            if abs(sum(shares.values()) - 1) > 1e-6:
                raise Contradiction(
                    f"targets.{label}", f"sums to {sum(shares.values()):g}; make the shares sum to 1"
                )
        if self.age_bins != sorted(set(self.age_bins)):
            raise Contradiction("age_bins", "is not in rising order; sort it")
        return self


class Export(Section):
    """Copies for other tools, of a recipe's dataset or of a synthetic one."""

    imagefolder: bool = key(
        False, "Also write PNG files that `datasets.load_dataset` opens.", stage=("dataset", "synthetic")
    )
    parquet: bool = key(
        False, "Also write Parquet files that `datasets.load_dataset` opens.", stage=("dataset", "synthetic")
    )
    copies: bool = key(
        False,
        "Repeat the exported training windows by their weights, for tools that cannot draw by weight.",
        stage="dataset",
    )

    @model_validator(mode="after")
    def _check_copies(self) -> Self:
        if self.copies and not (self.imagefolder or self.parquet):
            raise Contradiction("copies", "nothing is exported; set imagefolder or parquet")
        return self


class Origin(Section):
    """What the card says of a dataset of your own, by its name."""

    license: str = key(
        "unknown", "Licence by its Hub identifier, such as cc-by-4.0.", stage="dataset", min_length=1
    )
    title: str = key("", "Full name.", stage="dataset")
    url: str = key("", "Where it can be had.", stage="dataset")
    citation: str = key("", "What to cite.", stage="dataset")
