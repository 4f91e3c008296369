"""Configurations of which inner folds choose one for each outer fold."""

from typing import Any, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key

SECTIONS = ("model", "augmentation", "optimizer", "scheduler", "training")


class Selection(Section):
    """What is tried: for the recipe's split and for each fold, inner folds of its training subjects choose.

    Who is held out has no part in the choice, and every score is told. A run of shuffled labels trains what was chosen
    on the true ones.
    """

    candidates: dict[str, dict[str, Any]] = key(
        {},
        "`[selection.candidates.NAME.model]` and so on: where NAME differs from the run; none: nothing is chosen.",
        stage="training",
    )
    inner_folds: int = key(
        3,
        "Groups of training subjects, each held out once to score every candidate by `val/score`.",
        stage="training",
        ge=2,
    )
    seed: int = key(0, "Seed of these groups.", stage="training", ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.candidates) == 1:
            raise Contradiction("candidates", "has one alone; name two or more, or write it into the run")
        for name in ("inner_folds", "seed"):
            if not self.candidates and name in self.model_fields_set:
                raise Contradiction(name, "goes with candidates; name some, or remove the key")
        for name, tables in self.candidates.items():
            for section in tables:
                if section not in SECTIONS:
                    known = ", ".join(SECTIONS)
                    raise Contradiction(
                        f"candidates.{name}.{section}", f"cannot differ from the run; use {known}"
                    )
        return self
