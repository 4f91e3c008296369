"""Figures, card and summary of classification runs: drawn from any metrics.json, with the numbers in it."""

import struct

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.errors import UserError
from signal_diffusion.files import write_json
from signal_diffusion.metrics.classification.evaluation import Resampling, evaluate
from signal_diffusion.metrics.classification.occlusion import parts, summarise_occlusion
from signal_diffusion.metrics.classification.summary import summary_table
from signal_diffusion.metrics.classification.tables import Answers, Predictions
from signal_diffusion.report import classification, classifier_scores
from signal_diffusion.report.classification_summary import summary_figure, write_summary
from signal_diffusion.report.classifier_card import evidence, limits, pictures, tried
from signal_diffusion.report.scores import interval

SPEC = {
    "representation": "db-only",
    "channels": ["C3", "C4"],
    "frequencies": np.geomspace(1, 50, 16).tolist(),
    "frames": 4,
}


def rows_of(subjects: int, windows: int) -> pd.DataFrame:
    owner = np.repeat(np.arange(subjects), 2 * windows)
    part = np.tile(np.repeat([0, 1], windows), subjects)
    return pd.DataFrame(
        {
            "dataset": "demo",
            "subject": [f"s{k:02d}" for k in owner],
            "recording": [f"s{k:02d}-{p}" for k, p in zip(owner, part, strict=True)],
            "window": np.tile(np.arange(windows), 2 * subjects),
            "fold": "split",
        }
    )


def predictions_of(rows: pd.DataFrame, strength: float, seed: int) -> Predictions:
    """Gender by subject, emotion by window, age; `strength` says how much the model knows."""
    rng = np.random.default_rng(seed)
    number = rows["subject"].str[1:].astype(int).to_numpy()
    tasks = {}
    for name, classes, truth in (
        ("gender", ("M", "F"), number % 2.0),
        ("emotion", ("sad", "neutral", "happy"), rows["window"].to_numpy() % 3.0),
    ):
        noise = rng.uniform(size=(len(rows), len(classes)))
        p = noise + strength * np.eye(len(classes))[truth.astype(int)]
        tasks[name] = Answers(classes, truth, p / p.sum(axis=1, keepdims=True))
    age = 20.0 + 3 * number
    tasks["age"] = Answers((), age, age * (strength > 0) + rng.normal(0, 5, len(rows)))
    tasks["handedness"] = Answers(("right", "left"), np.full(len(rows), np.nan), np.full((len(rows), 2), 0.5))
    return Predictions(rows, tasks)


def metrics_of(strength: float, name: str) -> dict:
    rows = rows_of(10, 6)
    others = {"shuffled": predictions_of(rows, 0, 7), "band_power": predictions_of(rows, 0.3, 8)}
    absent = {"dataset": dict.fromkeys(("gender", "emotion", "age"), "all windows are of one dataset")}
    found = evaluate(predictions_of(rows, strength, 1), others, absent, Resampling(60, 0))
    rises = {"gender": np.random.default_rng(0).normal(0.1, 0.02, (len(parts(SPEC)), 20))}
    occlusion = {"tasks": summarise_occlusion(rises, np.arange(20) // 2, SPEC, 20, 0)}
    facts = {"recipe": "demo", "representation": "db-only", "backbone": "cnn_light"}
    return {"run": name, **facts, "protocols": {"split": found}, "occlusion": occlusion}


@pytest.fixture(scope="module")
def metrics() -> dict:
    return metrics_of(0.8, "good")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, metrics):
    out = tmp_path_factory.mktemp("run")
    write_json(out / "metrics.json", metrics)
    for fold in ("split", "fold-01"):
        lines = [f'{{"step": {k}, "train/loss": {1 / k}, "val/loss": 0.5}}' for k in range(1, 30)]
        (out / fold).mkdir()
        (out / fold / "stats.jsonl").write_text("\n".join(lines))
    stats = [out / name / "stats.jsonl" for name in ("split", "fold-01", "fold-02")]
    names = classification.draw_run(out / "metrics.json", stats, out / "figures")
    assert {path.name for path in (out / "figures").iterdir()} == set(names)
    return out


def test_a_run_has_every_figure_once(folder):
    names = {path.stem for path in (folder / "figures").iterdir()}
    expected = {
        "scores-split",
        "subjects-split",
        "confusion-split",
        "reliability-split",
        "occlusion",
        "training",
    }
    assert names == expected <= set(classification.captions({}))
    for path in (folder / "figures").iterdir():
        width, height = struct.unpack(">II", path.read_bytes()[16:24])
        assert width > 400 and height > 250, path.name


def test_forest_shows_the_numbers(metrics):
    figure = classifier_scores.score_forest(metrics["protocols"]["split"])
    panels = {axes.get_title("left"): axes for axes in figure.axes}
    axes = panels["gender: 120 windows"]
    shown = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    scores = metrics["protocols"]["split"]["tasks"]["gender"]["levels"]["window"]["scores"]
    wanted = [scores[name]["balanced_accuracy"]["value"] for name in ("model", "shuffled", "band_power")]
    assert shown == pytest.approx(wanted)
    assert "within recordings" in panels["emotion: by person"].texts[0].get_text().replace("\n", " ")
    assert not any("handedness" in title for title in panels)


def test_a_long_reason_stays_in_its_panel(metrics):
    reason = "gender, health and age, but for the task's own, are unknown or the same for everyone"
    task = metrics["protocols"]["split"]["tasks"]["gender"] | {"absent": {"shuffled": reason}}
    level = {**task["levels"]["window"], "scores": dict(task["levels"]["window"]["scores"])}
    del level["scores"]["shuffled"]
    levels = {"window": level, "person": task["levels"]["person"]}
    axes = classifier_scores.score_forest({"tasks": {"gender": task | {"levels": levels}}}).axes[0]
    [text] = [text.get_text() for text in axes.texts]
    assert text.replace("\n", " ") == reason and max(map(len, text.splitlines())) < 50


def test_a_run_of_a_long_name_leaves_the_scores_room(metrics):
    long = metrics | {"run": "x" * 60}
    narrow, wide = (summary_figure(summary_table([each])) for each in (metrics, long))
    assert wide.get_figwidth() - narrow.get_figwidth() > 4
    assert narrow.axes[0].get_xlabel() == "mean absolute error (years, less is better)"
    task = metrics["protocols"]["split"]["tasks"]["gender"]
    level = task["levels"]["window"]
    beside = level | {"scores": level["scores"] | {"x" * 60: level["scores"]["model"]}}
    found = {"tasks": {"gender": task | {"levels": {"window": beside, "person": beside}}}}
    assert classifier_scores.score_forest(found).get_figwidth() > 12


def test_long_names_of_subjects_leave_their_bars_room(metrics):
    task = metrics["protocols"]["split"]["tasks"]["gender"]
    few = [record | {"subject": "x" * 40} for record in task["subjects"][:4]]
    figure = classifier_scores.subjects({"tasks": {"gender": task | {"subjects": few}}})
    assert figure.get_figheight() > 4 and figure.axes[0].get_xticklabels()[0].get_rotation() == 90


def test_many_classes_have_room_in_the_confusion(metrics):
    task = metrics["protocols"]["split"]["tasks"]["emotion"]
    window = task["levels"]["window"] | {"confusion": np.eye(10, dtype=int).tolist()}
    many = task | {"classes": [f"class {k}" for k in range(10)], "levels": {"window": window}}
    narrow = classifier_scores.confusion({"tasks": {"emotion": task}}).get_size_inches()
    wide = classifier_scores.confusion({"tasks": {"emotion": many}}).get_size_inches()
    assert (wide > narrow + 1).all()


def test_bars_of_subjects_stand_beside_the_chance_of_windows():
    """Three windows in four are of one class: who always names it is right in as many, and no better than chance."""
    rows = rows_of(6, 8)
    truth = (rows["window"].to_numpy() % 4 == 3).astype(float)
    always = Answers(("rest", "arithmetic"), truth, np.tile([0.9, 0.1], (len(rows), 1)))
    found = evaluate(Predictions(rows, {"activity": always}), {}, {}, Resampling(20, 0))
    [axes] = classifier_scores.subjects(found).axes
    [line] = axes.lines
    assert {bar.get_height() for bar in axes.patches} == {0.75}
    assert line.get_ydata()[0] == 0.75 and line.get_label() == "the same for all"


def test_card_holds_numbers_and_reasons(metrics):
    text = "\n".join(evidence(metrics))
    level = metrics["protocols"]["split"]["tasks"]["gender"]["levels"]["person"]
    assert interval(level["scores"]["model"]["auroc"]) in text
    assert interval(level["scores"]["band_power"]["balanced_accuracy"]) in text
    assert f"**{interval(level['differences']['shuffled']['balanced_accuracy'])}**" in text
    for reason in ("handedness", "no held-out window", "one dataset", "within recordings"):
        assert reason in text
    assert "10 subjects, 120 windows" in text and limits().startswith("- ")


def test_other_runs_stand_beside_the_model(metrics):
    level = metrics["protocols"]["split"]["tasks"]["gender"]["levels"]["window"]
    other = {**level, "scores": {**level["scores"], "another": level["scores"]["shuffled"]}}
    found = classifier_scores.sources_of([level, other])
    assert found == ["model", "another", "shuffled", "band_power", "chance"]
    assert [classifier_scores.words_of(name) for name in found[1:3]] == ["run another", "labels shuffled"]


def test_card_tells_all_that_was_tried():
    differs = {"a": {}, "b": {"optimizer": {"learning_rate": 0.1}}}
    folds = [
        {
            "fold": fold,
            "held_out": [["demo", "s01"]],
            "chosen": chosen,
            "candidates": {
                name: {"mean": mean, "differs": differs[name]} for name, mean in zip("ab", means, strict=True)
            },
        }
        for fold, chosen, means in (("split", "a", (0.5, 0.25)), ("fold-01", "b", (0.1, 0.75)))
    ]
    text = "\n".join(tried({"selection": folds}))
    assert '| b | `{"optimizer": {"learning_rate": 0.1}}` | 0.500 | 1 |' in text
    assert "| the recipe's test split | **0.500** | 0.250 |" in text
    assert "| fold-01: s01 | 0.100 | **0.750** |" in text
    assert "| the recipe's val split |" in "\n".join(tried({"selection": folds, "held_out_split": "val"}))
    assert tried({}) == []


def test_what_is_told_names_the_split_that_was_held_out(metrics):
    """`val_split = "test"` leaves the validation split."""
    turned = metrics | {"held_out_split": "val"}
    assert evidence(turned)[0] == "### On the recipe's val split"
    assert "the recipe's val split" in pictures("figures", ["scores-split.png"], turned)
    assert set(summary_table([metrics, turned])["held_out"]) == {"test", "val"}


def test_card_turns_errors_so_that_more_is_better(metrics):
    level = metrics["protocols"]["split"]["tasks"]["age"]["levels"]["window"]
    difference = level["differences"]["shuffled"]["mae"]
    assert difference["value"] < 0 and difference["better"]
    turned = {"value": -difference["value"], "low": -difference["high"], "high": -difference["low"]}
    assert f"**{interval(turned)}**" in "\n".join(evidence(metrics))


def test_pictures_come_in_order_with_captions(folder, metrics):
    text = pictures("figures", sorted(path.name for path in (folder / "figures").iterdir()), metrics)
    assert text.count("![") == 6
    assert text.index("scores-split") < text.index("confusion-split") < text.index("training.png")


def test_events_and_runs_without_scores_have_a_card(metrics):
    estimate = {"value": 0.5, "low": 0.2, "high": 0.9}
    events = {"rules": "SzCORE", "events": 3, "days": 0.00412, "reference": "index"}
    scores = dict.fromkeys(("sensitivity", "precision", "f1", "false_alarms_per_day"), estimate)
    gender = metrics["protocols"]["split"]["tasks"]["gender"]
    task = gender | {"events": events | {"mean_over_subjects": scores, "pooled": scores}}
    tasks = {"gender": task, "handedness": metrics["protocols"]["split"]["tasks"]["handedness"]}
    changed = metrics | {"protocols": {"folds": metrics["protocols"]["split"] | {"tasks": tasks}}}
    text = "\n".join(evidence(changed))
    assert "3 events in 0.00412 days" in text and "| false alarms per day | 0.50 [0.20, 0.90] |" in text
    nothing = {"folds": {"tasks": {"handedness": tasks["handedness"]}, "subjects": 1, "windows": 2}}
    assert classification.figures({"protocols": nothing}, {}) == {}


def test_summary_sorts_runs_best_first_in_every_task(metrics, tmp_path):
    runs = [metrics_of(0.2, "weak"), metrics, metrics_of(0.5, "fair")]
    found = summary_table(runs)
    for (task, level), rows in found.groupby(["task", "level"]):
        values = rows["value"].tolist()
        assert values == sorted(values, reverse=task != "age"), (task, level)
    gender = found[(found["task"] == "gender") & (found["level"] == "window")]
    assert gender["run"].tolist() == ["good", "fair", "weak"]
    assert gender["beats_shuffled"].tolist()[0] is True and gender["dataset"].isna().all()
    for run in runs:
        write_json(tmp_path / run["run"] / "metrics.json", run)
    out = tmp_path / "summary"
    write_summary([tmp_path / run["run"] for run in runs], out)
    page = (out / "classification.md").read_text()
    model = metrics["protocols"]["split"]["tasks"]["gender"]["levels"]["window"]["scores"]["model"]
    assert interval(model["balanced_accuracy"]) in page
    assert len(pd.read_csv(out / "classification.csv")) == len(found) == 15
    assert (out / "classification.png").stat().st_size > 10_000


def test_summary_ranks_runs_on_one_dataset_alone_and_draws_what_is_unknown(metrics, tmp_path):
    other = metrics_of(0.9, "elsewhere") | {"recipe": "eegmat-4s"}
    found = summary_table([metrics, other])
    assert (found.groupby(["task", "recipe", "held_out", "level"]).size() == 1).all()
    titles = {axes.get_title("left") for axes in summary_figure(found).axes}
    assert {
        f"gender on {recipe}, the recipe's test split: windows" for recipe in ("demo", "eegmat-4s")
    } <= titles
    unknown = metrics_of(0.8, "unknown")
    for task in unknown["protocols"]["split"]["tasks"].values():
        for level in task["levels"].values():
            for scores in level.get("scores", {}).values():
                scores |= {name: {"value": None, "low": None, "high": None} for name in scores}
    write_json(tmp_path / "unknown" / "metrics.json", unknown)
    write_summary([tmp_path / "unknown"], tmp_path / "summary")
    page = (tmp_path / "summary" / "classification.md").read_text()
    assert "## gender on demo, windows, the recipe's test split" in page
    assert "| unknown | db-only | cnn_light | 10 | unknown | unknown |" in page
    assert summary_figure(summary_table([])).texts[0].get_text() == "no run has a score"


def test_a_summary_needs_runs(tmp_path):
    out = tmp_path / "summary"
    with pytest.raises(UserError, match="no classification run is built"):
        write_summary([], out)
