"""Confounds: planted ones are told with the right numbers, and chance is not."""

import logging

import numpy as np
import pandas as pd
import pytest
from scipy.stats import contingency, entropy
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.confounds import confounds, cramers_v, entropy_left, one_sided

from .material import Material, index_rows, make_recipe

LABELS = ["gender", "health", "age"]


def people(n: int, dataset: str = "a", seed: int = 0, **columns) -> pd.DataFrame:
    """Two windows each of `n` people with labels drawn independently, or as given."""
    rng = np.random.default_rng(seed)
    drawn = {
        "dataset": dataset,
        "subject": [f"{dataset}{k}" for k in range(n)],
        "gender": rng.choice(["F", "M"], n),
        "health": rng.choice(["H", "PD"], n),
        "age": rng.integers(20, 60, n).astype(str),
    }
    rows = pd.DataFrame(drawn | columns).assign(split="train", weight=1.0)
    return pd.concat([rows, rows], ignore_index=True)


def test_labels_that_go_together_by_chance_are_not_told():
    for seed in range(20):
        assert confounds(people(40, seed=seed), LABELS) == []


def test_a_label_that_follows_from_another_is_told():
    rows = people(40, health=["H"] * 20 + ["PD"] * 20)
    rows["gender"] = rows["health"].map({"H": "F", "PD": "M"})
    (found,) = [each for each in confounds(rows, ["gender", "health"])]
    assert found.labels == ("gender", "health") and found.subjects == 40
    assert found.v > 0.95 and found.left == (0, 0) and found.drawn == pytest.approx(1)
    assert "gender follows from health and health follows from gender" in str(found)


def test_windows_of_one_subject_are_no_further_evidence():
    few = people(6, gender=list("FFFMMM"), health=["H", "H", "H", "PD", "PD", "PD"])
    assert confounds(pd.concat([few] * 200, ignore_index=True), LABELS) == []


def test_weights_that_break_a_confound_are_told():
    table = {("F", "H"): 40, ("F", "PD"): 10, ("M", "H"): 10, ("M", "PD"): 40}
    labels = [pair for pair, n in table.items() for _ in range(n)]
    rows = people(100, gender=[a for a, _ in labels], health=[b for _, b in labels])
    (found,) = confounds(rows, ["gender", "health"])
    assert found.drawn == pytest.approx(0.6) and 0.5 < found.v < 0.6
    sizes = rows.groupby(["gender", "health"])["split"].transform("size")
    (even,) = confounds(rows.assign(weight=1 / sizes), ["gender", "health"])
    assert even.v == found.v and even.drawn == pytest.approx(0, abs=1e-6)


def test_a_dataset_that_tells_the_label_is_a_confound():
    rows = pd.concat([people(30, "a", health="H"), people(30, "b", health="PD")], ignore_index=True)
    (found,) = confounds(rows, LABELS)
    assert found.labels == ("dataset", "health") and found.left[1] == 0
    assert "health PD occurs in b only: a difference may be one of recording." in one_sided(rows, LABELS)


def test_a_label_known_in_one_dataset_only_is_told():
    rows = pd.concat([people(20, "a"), people(20, "b", health=""), people(9, "c", health="")])
    (line,) = one_sided(rows.reset_index(drop=True), LABELS)
    assert line.startswith("health is known in a only")
    assert one_sided(people(20, "a"), LABELS) == []


def test_numbers_and_names_are_left_out():
    rows = people(40).assign(nickname=[f"n{k}" for k in range(40)] * 2, site="here")
    assert confounds(rows, ["nickname", "site", "gender"]) == []


@pytest.mark.parametrize("counts", [[[30, 10], [5, 25]], [[12, 3, 5], [4, 9, 17]], [[8, 8], [8, 8]]])
def test_measures_against_scipy(counts):
    counts = np.array(counts, dtype=float)
    v, p = cramers_v(counts)
    n, (r, c) = counts.sum(), counts.shape
    plain = contingency.association(counts.astype(int), method="cramer") ** 2 * (min(r, c) - 1)
    corrected = max(0, plain - (r - 1) * (c - 1) / (n - 1))
    sides = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    assert v == pytest.approx(np.sqrt(corrected / sides))
    assert p == pytest.approx(contingency.chi2_contingency(counts, correction=False).pvalue)
    conditional = sum(column.sum() / n * entropy(column) for column in counts.T)
    assert entropy_left(counts) == pytest.approx(conditional / entropy(counts.sum(axis=1)))


def test_card_and_log_tell_them(tmp_path, caplog):
    rows = [
        index_rows(16, name).assign(health=health) for name, health in (("math", "H"), ("parkinsons", "PD"))
    ]
    material = Material(tmp_path / "material", pd.concat(rows, ignore_index=True))
    recipe = make_recipe(
        recipe=dict(datasets=["math", "parkinsons"]), weights=dict(tasks=["dataset", "health"])
    )
    with caplog.at_level(logging.INFO):
        build_dataset(recipe, "db-only", material.shards, [material.index], tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    for line in (
        "dataset follows from health and health follows from dataset (Cramer's V ",
        "health PD occurs in parkinsons only",
        "The labels cannot be made independent: 2 of 4 combinations have no window.",
        "Effective sample size: ",
    ):
        assert line in card and line in caplog.text
