"""What is wrong with a recipe is said before any job, as far as names and tables tell."""

from pathlib import Path

import pytest
from signal_diffusion.config.recipe import Recipe
from signal_diffusion.datasets.planning import check_recipe
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.datasets.entry import Entry

LABELS = {"gender": "F", "health": "H", "age": 30, "activity": "rest", "site": "A"}
ENTRY = Entry("mine", "s1", "", "s1_rest", Path("s1.edf"), LABELS, events={"seizure": ()})


def recipe(**tables) -> Recipe:
    return Recipe(name="mine", path=Path("config/dataset/mine.toml"), recipe={"datasets": ["mine"]}, **tables)


def test_labels_of_recordings_and_of_their_tables_and_events_are_known():
    tasks = ["dataset", "site", "age", "math_condition", "seizure"]
    check_recipe(recipe(splits={"stratify": ["gender", "site"]}, weights={"tasks": tasks}), [ENTRY])


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (
            {"splits": {"stratify": ["gendr"]}},
            r"\[splits\] stratify: found 'gendr', which no recording has; did you mean gender\?",
        ),
        (
            {"splits": {"stratify": ["seizure"]}},
            r"stratify: found 'seizure', .*; they have activity, age, gender, health, site$",
        ),
        (
            {"weights": {"tasks": ["gender", "helth"]}},
            r"\[weights\] tasks: found 'helth', which no recording has; did you mean health\?",
        ),
        (
            {"weights": {"tasks": ["seed_condition"]}},
            r"tasks: found 'seed_condition', which no recording has",
        ),
        (
            {"splits": {"splits_file": "elsewhere/splits.csv"}},
            r"\[splits\] splits_file: elsewhere/splits.csv: no such file; correct the path",
        ),
    ],
)
def test_what_no_recording_has_is_refused_in_one_line(tables, says):
    with pytest.raises(UserError, match=rf"^config/dataset/mine.toml .*{says}") as caught:
        check_recipe(recipe(**tables), [ENTRY])
    assert "\n" not in str(caught.value)
