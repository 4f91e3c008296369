"""Splits: exact sizes, balance, independence of order, pins, planted leaks."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.splits import (
    assign_splits,
    check_disjoint,
    largest_remainder,
    read_splits,
    subject_table,
)
from signal_diffusion.errors import UserError

from .material import index_rows, make_recipe


def config(**changes):
    return make_recipe(splits=dict(train=0.8, val=0.1, test=0.1) | changes).splits


def subjects(n, seed=0, datasets=("math", "seed")):
    rng = np.random.default_rng(seed)
    rows = [(dataset, f"s{k:03d}") for dataset in datasets for k in range(n)]
    table = pd.DataFrame(rows, columns=["dataset", "subject"])
    return table.assign(
        gender=rng.choice(["F", "M", ""], len(table)), health=rng.choice(["H", "PD"], len(table))
    )


def placed(table, **changes):
    split = assign_splits(table, config(**changes))
    return {
        (row.dataset, row.subject): split[k] for k, row in zip(table.index, table.itertuples(), strict=True)
    }


def test_placement_ignores_the_order_of_rows():
    table = subjects(40)
    assert placed(table) == placed(table.sample(frac=1, random_state=1))


def test_seeds_and_subject_names_matter():
    table = subjects(40)
    assert placed(table, seed=1) != placed(table, seed=2)


@pytest.mark.parametrize(("n", "sizes"), [(1, (1, 0, 0)), (2, (2, 0, 0)), (3, (1, 1, 1)), (5, (3, 1, 1))])
def test_few_subjects_still_fill_every_split(n, sizes):
    counts = assign_splits(subjects(n, datasets=["math"]), config()).value_counts()
    assert tuple(counts.get(split, 0) for split in ("train", "val", "test")) == sizes


@pytest.mark.parametrize("n", [10, 36, 73, 250])
def test_sizes_are_the_largest_remainder_and_strata_are_even(n):
    table = subjects(n, seed=n)
    split = assign_splits(table, config())
    counts = split.value_counts()
    expected = dict(
        zip(("train", "val", "test"), largest_remainder(2 * n, np.array([0.8, 0.1, 0.1])), strict=True)
    )
    assert counts.to_dict() == expected
    for _, rows in table.groupby(["dataset", "gender", "health"]):
        for name, fraction in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
            assert abs((split[rows.index] == name).sum() - fraction * len(rows)) <= 2


def test_a_split_without_a_fraction_stays_empty():
    assert "test" not in set(assign_splits(subjects(20), config(train=0.9, val=0.1, test=0.0)))


def test_no_stratification():
    assert assign_splits(subjects(20), config(stratify=[])).value_counts()["train"] == 32


def test_pinned_subjects_stay_and_the_sizes_are_met():
    table = subjects(50)
    first = table[table["subject"] < "s020"]
    pinned = placed(first)
    split = assign_splits(table, config(), pinned | {("gone", "s001"): "test"})
    assert {key: split[k] for k, key in zip(first.index, pinned, strict=True)} == pinned
    assert split.value_counts().to_dict() == {"train": 80, "val": 10, "test": 10}


def test_pins_beyond_the_quota_are_kept():
    table = subjects(5, datasets=["math"])
    pinned = {("math", f"s{k:03d}"): "test" for k in range(4)}
    assert list(assign_splits(table, config(), pinned)) == ["test"] * 4 + ["train"]


def test_largest_remainder_sums_and_stays_within_one():
    rng = np.random.default_rng(0)
    for total in range(200):
        fractions = rng.dirichlet([3, 1, 1])
        quota = largest_remainder(total, fractions)
        assert quota.sum() == total and np.all(np.abs(quota - total * fractions) < 1)


def test_a_subject_listed_twice_is_refused():
    table = subjects(3)
    with pytest.raises(UserError, match="listed once each"):
        assign_splits(pd.concat([table, table.iloc[:1]]), config())


def test_subject_table_joins_what_recordings_say():
    rows = index_rows(2)
    rows.loc[0, "gender"] = ""
    table = subject_table(rows, ["gender"])
    assert table.to_dict("list") == {
        "dataset": ["demo", "demo"],
        "subject": ["sub-00", "sub-01"],
        "gender": ["F", "M"],
    }
    with pytest.raises(UserError, match="stratify: no column 'handedness'"):
        subject_table(rows, ["handedness"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject,split\na,train\n", "no column dataset"),
        ("dataset,subject,split\nm,a,training\n", "split 'training' is unknown; use one of train, val, test"),
        ("dataset,subject,split\nm,a,train\nm,a,test\n", "listed twice"),
        ("", "cannot be read"),
    ],
)
def test_wrong_splits_files_are_refused(tmp_path, text, message):
    path = tmp_path / "splits.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_splits(path)


def test_read_splits_keeps_ids_as_they_are(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("dataset,subject,split\nm,007,val\n")
    assert read_splits(path) == {("m", "007"): "val"}


def rows_of_splits():
    return pd.DataFrame(
        {
            "dataset": ["a", "a", "b"],
            "subject": ["1", "2", "1"],
            "recording": ["1_r", "2_r", "1_r"],
            "window": [0, 0, 0],
            "split": ["train", "test", "val"],
        }
    )


def test_equal_names_in_two_datasets_are_no_leak():
    check_disjoint(rows_of_splits(), ["x", "y", "z"])


@pytest.mark.parametrize(
    ("change", "hashes", "message"),
    [
        ({"subject": "1"}, "xyz", "subject a/1 stands in splits test and train"),
        ({"recording": "1_r"}, "xyz", "recording a/1_r stands in splits test and train"),
        ({}, "xxz", "identical windows .*a/1_r window 0 .train. and a/2_r window 0 .test."),
    ],
)
def test_leaks_are_refused(change, hashes, message):
    rows = rows_of_splits()
    for column, value in change.items():
        rows.loc[1, column] = value
    with pytest.raises(UserError, match=message):
        check_disjoint(rows, list(hashes))


def test_identical_windows_within_a_split_are_no_leak():
    rows = rows_of_splits().assign(split="train")
    check_disjoint(rows, list("xxx"))


class TestOneRecordingUnderTwoNames:
    def rows(self, subjects=("s1", "s2"), n=6):
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "dataset": "a",
                        "subject": subject,
                        "recording": name,
                        "window": range(n),
                        "split": "train",
                    }
                )
                for subject, name in zip(subjects, ("r1", "r2"), strict=True)
            ],
            ignore_index=True,
        )

    def test_of_two_subjects_is_refused_within_a_split_too(self):
        with pytest.raises(
            UserError, match="a/r1 of s1 and a/r2 of s2 share 3 identical windows; remove one"
        ):
            check_disjoint(self.rows(), list("abcdef" + "abcxyz"))

    def test_of_one_subject_is_no_leak(self):
        check_disjoint(self.rows(("s1", "s1")), list("abcdef" * 2))

    def test_a_few_equal_windows_are_no_recording(self):
        check_disjoint(self.rows(), list("abcdef" + "abuxyz"))

    def test_windows_that_repeat_within_a_recording_count_once(self):
        check_disjoint(self.rows(), list("aaaaaa" + "auvxyz"))
