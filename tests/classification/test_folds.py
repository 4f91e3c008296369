"""Folds over subjects and labels that mean nothing."""

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.datasets.folds import fold_parts, shuffled_labels
from signal_diffusion.errors import UserError

COUNT = 13


@pytest.fixture
def metadata() -> pd.DataFrame:
    rows = [
        {"dataset": "demo", "subject": f"s{subject:02d}", "session": "", "recording": f"s{subject:02d}_{activity}",
         "window": window, "gender": "F" if subject < 4 else "M", "activity": activity}
        for subject in range(COUNT) for activity in ("rest", "arithmetic") for window in range(3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def names(metadata: pd.DataFrame, rows: np.ndarray) -> set[str]:
    return set(metadata["subject"].iloc[rows])


@pytest.mark.parametrize(("folds", "count"), [("subject", 4), ("loso", COUNT)])
def test_every_subject_is_held_out_once_and_stands_in_one_part(metadata, folds, count):
    held_out = []
    for number in range(1, count + 1):
        parts = fold_parts(metadata, f"fold-{number:02d}", folds, 4, 0, ["gender"])
        train, val, test = (names(metadata, rows) for rows in (parts.train, parts.val, parts.test))
        assert not train & val and not train & test and not val & test and val
        assert sum(map(len, (parts.train, parts.val, parts.test))) == len(metadata)
        held_out += sorted(test)
    assert sorted(held_out) == sorted(set(metadata["subject"]))


def test_groups_are_alike_in_the_labels(metadata):
    women = [
        sum(
            subject < "s04"
            for subject in names(metadata, fold_parts(metadata, f, "subject", 4, 7, ["gender"]).test)
        )
        for f in ("fold-01", "fold-02", "fold-03", "fold-04")
    ]
    assert women == [1, 1, 1, 1]


def test_groups_do_not_depend_on_the_order_of_rows_but_on_the_seed(metadata):
    mixed = metadata.sample(frac=1, random_state=1).reset_index(drop=True)
    first, again, other = (
        names(table, fold_parts(table, "fold-01", "subject", 4, seed, ["gender"]).test)
        for table, seed in ((metadata, 0), (mixed, 0), (metadata, 1))
    )
    assert first == again != other


def test_without_a_validation_part_all_others_are_trained_on(metadata):
    parts = fold_parts(metadata, "fold-02", "loso", 4, 0, validation=False)
    assert not len(parts.val) and len(names(metadata, parts.train)) == COUNT - 1


@pytest.mark.parametrize("patients", [3, 20])
def test_who_chooses_weights_beside_one_subject_has_every_class(patients):
    """Subjects are named by group, as datasets are; the next by name would all be healthy."""
    people = pd.DataFrame({"dataset": "demo", "subject": [f"s{k:02d}" for k in range(40)]})
    people["health"] = np.where(people.index < 40 - patients, "H", "PD")
    people["gender"] = np.where(people.index % 2, "F", "")
    chosen = []
    for number in range(1, 41):
        arguments = (people, f"fold-{number:02d}", "loso", 5, 0, ["gender", "health"])
        parts = fold_parts(*arguments)
        assert people["health"].iloc[parts.val].nunique() == people["health"].iloc[parts.train].nunique() == 2
        assert len(parts.val) == 4 and number - 1 not in parts.val
        assert np.array_equal(parts.val, fold_parts(*arguments).val)
        chosen += parts.val.tolist()
    assert len(set(chosen)) > 10


def test_the_last_of_a_class_is_trained_on():
    people = pd.DataFrame({"dataset": "demo", "subject": [f"s{k:02d}" for k in range(12)], "health": "H"})
    people.loc[[3, 7], "health"] = "PD"
    for fold, val in (("fold-01", 2), ("fold-04", 2)):
        parts = fold_parts(people, fold, "loso", 5, 0, ["health"])
        assert len(parts.val) == val and "PD" in set(people["health"].iloc[parts.train])


def test_a_fold_behind_the_last_subject_holds_out_nobody(metadata):
    assert not len(fold_parts(metadata, f"fold-{COUNT + 1}", "loso", 4, 0).test)
    with pytest.raises(UserError, match="n_folds is 4"):
        fold_parts(metadata, "fold-05", "subject", 4, 0)


def test_too_few_subjects(metadata):
    with pytest.raises(UserError, match="2 subjects or groups are too few"):
        fold_parts(metadata[metadata["subject"] < "s02"], "fold-01", "loso", 4, 0)


def codes(metadata: pd.DataFrame, label: str) -> np.ndarray:
    return (metadata[label] == metadata[label].iloc[0]).to_numpy(np.float64)


def test_labels_of_people_change_places_between_people(metadata):
    before = codes(metadata, "gender")
    after = shuffled_labels(metadata, "gender", before, 0)
    people = pd.Series(after).groupby(metadata["subject"])
    assert (people.nunique() == 1).all() and people.first().sum() == 4
    assert (after != before).any()
    assert (shuffled_labels(metadata, "gender", before, 0) == after).all()
    assert (shuffled_labels(metadata, "gender", before, 1) != after).any()


def test_labels_of_recordings_change_places_between_recordings(metadata):
    before = codes(metadata, "activity")
    after = shuffled_labels(metadata, "activity", before, 0)
    recordings = pd.Series(after).groupby(metadata["recording"])
    assert (recordings.nunique() == 1).all() and recordings.first().sum() == COUNT
    assert 0.25 < (after == before).mean() < 0.75


def test_one_person_with_two_ages_scatters_nobody_elses(metadata):
    """Sessions years apart: labels change places between sessions, of which most people have one."""
    twice = (metadata["subject"] == "s05") & (metadata["activity"] == "rest")
    metadata["session"] = np.where(twice, "later", "first")
    before = metadata.groupby("subject").ngroup().to_numpy(np.float64) + 0.5 * twice.to_numpy()
    after = pd.Series(shuffled_labels(metadata, "age", before, 0)).groupby(metadata["subject"])
    several = after.nunique()
    assert several.drop("s05").max() == 1 and several["s05"] == 2


def test_unknown_labels_stay_unknown(metadata):
    before = np.where(metadata["subject"] == "s03", np.nan, codes(metadata, "gender"))
    after = shuffled_labels(metadata, "gender", before, 0)
    assert (np.isnan(after) == np.isnan(before)).all()


@pytest.mark.parametrize("rows", [0, 6])
def test_where_no_label_is_known_there_is_none_to_shuffle(metadata, rows):
    unknown = np.full(rows, np.nan)
    assert np.array_equal(
        shuffled_labels(metadata.iloc[:rows], "gender", unknown, 0), unknown, equal_nan=True
    )
