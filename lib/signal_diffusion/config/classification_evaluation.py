"""How a classification run is judged: by folds over subjects, beside a run whose labels mean nothing."""

from typing import Literal, Self, get_args

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key

SPLIT, TRUE, SHUFFLED = "split", "true", "shuffled"
Baseline = Literal["demographics", "dataset", "band_power"]
SOURCES = ("model", "chance", SHUFFLED, *get_args(Baseline))  # of the scores of every run


class Evaluation(Section):
    """Which trainings are judged: that on the recipe's splits always, and one for each fold over all subjects."""

    folds: Literal["none", "subject", "loso"] = key(
        "none",
        "subject: each of `n_folds` groups of subjects is held out once; loso: each subject.",
        stage="training",
    )
    n_folds: int = key(5, 'Groups of folds = "subject".', stage="training", ge=2)
    fold_seed: int = key(0, "Seed of the groups.", stage="training", ge=0)
    shuffled: bool = key(
        True, "Also train on labels that were permuted between the training subjects, a null of every score."
    )

    bootstrap: int = key(1000, "Bootstrap samples of the intervals.", stage="evaluation", ge=2)
    seed: int = key(0, "Seed of the bootstrap and of the baselines' inner folds.", stage="evaluation", ge=0)
    baselines: list[Baseline] = key(
        ["demographics", "dataset", "band_power"],
        "Regressions beside the model: on gender, health and age; on the dataset's name; on log band powers.",
        stage="evaluation",
    )
    beside: list[str] = key(
        [],
        "Other classification runs on the same windows and folds, whose scores stand beside this one's.",
        stage="evaluation",
    )
    occlusion: bool = key(
        True, "Whether to measure which channels and frequencies matter.", stage="evaluation"
    )
    occlusion_windows: int = key(
        128, "Held-out windows of each fold that it hides parts of.", stage="evaluation", ge=1
    )

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        for name in ("n_folds", "fold_seed"):
            if self.folds != "subject" and name in self.model_fields_set:
                raise Contradiction(name, 'goes with folds = "subject"; set that, or remove the key')
        if len(set(self.baselines)) < len(self.baselines):
            raise Contradiction("baselines", "names one twice; keep one")
        if not self.occlusion and "occlusion_windows" in self.model_fields_set:
            raise Contradiction("occlusion_windows", "occlusion is false; set it to true, or remove the key")
        return self

    def fold_names(self, subjects: int) -> list[str]:
        """fold-01 and so on, one for each group, or for each of the `subjects`; none without folds."""
        count = {"none": 0, "subject": self.n_folds, "loso": subjects}[self.folds]
        return [f"fold-{number:02d}" for number in range(1, count + 1)]
