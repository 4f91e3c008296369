"""Figures are drawn, deterministic and show what they say; the card holds the numbers."""

import hashlib
import struct

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.metrics.battery import evaluate
from signal_diffusion.metrics.sets import ImageSet
from signal_diffusion.report import classifier_maps, classifier_page, curves, images, style
from signal_diffusion.report.cards import model_card
from signal_diffusion.report.dataset import balance_figure, dataset_overview, read_shares
from signal_diffusion.report.figures import CAPTIONS, draw_run, read_stats
from signal_diffusion.report.scores import interval

SPEC = {
    "recipe": "demo",
    "representation": "db-only",
    "channels": ["Fp1", "Cz", "O1", "O2"],
    "frequencies": np.geomspace(1, 60, 32).tolist(),
    "frames": 7,
    "min_db": -40.0,
    "max_db": 40.0,
    "counts": {"train": {"windows": 1234, "recordings": 60, "subjects": 30}},
}
LABELS = ["gender", "activity"]


def make_set(subjects: int, seed: int) -> ImageSet:
    rng = np.random.default_rng(seed)
    rows = [
        {
            "dataset": "demo",
            "subject": f"{seed}-{s}",
            "age": 20 + s,
            "gender": "FM"[s % 2],
            "activity": activity,
        }
        for s in range(subjects)
        for activity in ("rest", "arithmetic")
    ]
    slope = np.linspace(60, 200, 32)[:, None]
    pixels = slope + rng.normal(0, 25, (len(rows), 1, 32, 32))
    return ImageSet.real(np.clip(pixels, 0, 255).astype(np.uint8), pd.DataFrame(rows))


def imagined(subjects: int, seed: int) -> ImageSet:
    drawn = make_set(subjects, seed)
    return ImageSet.generated(drawn.images, drawn.labels)


@pytest.fixture(scope="module")
def sets() -> tuple[ImageSet, ImageSet, ImageSet]:
    return make_set(20, 1), make_set(12, 2), imagined(12, 3)


@pytest.fixture(scope="module")
def battery(sets):
    train, test, generated = sets
    return evaluate({"generated": generated}, train, test, SPEC, bootstrap=10)


@pytest.fixture(scope="module")
def stats() -> list[dict]:
    return [{"step": step, "train/loss": 1 / step, "train/grad_norm": 1.0} for step in range(1, 120)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sets, battery, stats):
    out = tmp_path_factory.mktemp("figures")
    names = draw_run(out, battery.metrics, battery.arrays, sets[1], sets[2], SPEC, LABELS, stats)
    assert {path.name for path in out.iterdir()} == set(names) == {f"{key}.png" for key in CAPTIONS}
    return out


def test_training_curves_leave_out_what_is_not_finite(stats, tmp_path):
    overflowed = [{**line, "train/grad_norm": np.inf} if line["step"] < 20 else line for line in stats]
    style.save(curves.training_curves(overflowed), tmp_path / "training.png")
    style.save(curves.training_curves([{"step": 1, "train/grad_norm": np.inf}]), tmp_path / "none.png")


def test_no_loss_of_the_validation_lies_outside_the_axis(stats):
    """Nor does one of the training, but for the first of many."""
    worse = [{"step": step, "val/loss": 1 + step / 40} for step in range(40, 120, 40)]
    [low, high] = curves.training_curves([*stats, *worse]).axes[0].get_ylim()
    assert low < 1 / 119 and high > 3
    many = [{"step": step, "val/loss": 0.5 + step / 1e4} for step in range(1, 120)]
    [low, high] = curves.training_curves([*stats, *many]).axes[0].get_ylim()
    assert low < 1 / 119 and 0.5119 < high < 0.7


def test_a_training_that_was_evaluated_once_shows_its_point():
    stats = {"split": [{"step": 1, "train/loss": 2.0}, {"step": 9, "train/loss": 1.0, "val/loss": 1.5}]}
    axes = classifier_maps.fold_curves(stats).axes[0]
    assert all(line.get_marker() == "o" for line in axes.lines) and len(axes.lines) == 4


def test_bands_that_no_row_reaches_have_no_name_beside_the_axis(battery):
    rows = np.geomspace(1, 25, 32)
    top = curves.mean_spectra({**battery.arrays, "frequencies": rows}, "power (dB)").axes[0]
    assert [text.get_text() for text in top.texts] == ["delta", "theta", "alpha", "beta"]
    assert max(text.get_position()[0] for text in top.texts) < 25


def test_images_of_the_old_system_are_judged_and_drawn_in_their_unit(sets, tmp_path):
    """They have a row at 0 Hz, and decibels of volts."""
    rows = [0.0, *np.geomspace(0.4, 62.5, 31)]
    spec = SPEC | {"bins": "log-legacy", "frequencies": rows}
    found = evaluate({"generated": sets[2]}, sets[0], sets[1], spec, bootstrap=5)
    draw_run(tmp_path / "out", found.metrics, found.arrays, sets[1], sets[2], spec, LABELS, [])
    top, bottom = curves.mean_spectra(found.arrays, style.power_label(spec)).axes
    assert top.get_ylabel() == "power (dB re 1 V)" and bottom.get_xlim()[0] == pytest.approx(0.4)
    labels = [axes.get_ylabel() for axes in images.sample_grid(sets[1], sets[2], spec, []).axes]
    assert "power (dB re 1 V)" in labels and style.power_label(SPEC) == "power (dB re 1 µV²/Hz)"


def test_pixels_of_what_is_no_spectrogram_differ_by_levels_not_decibels(sets, tmp_path, monkeypatch):
    spec = {"representation": "images", "planes": ["grey"], "resolution": 32}
    found = evaluate({"generated": sets[2]}, sets[0], sets[1], spec, bootstrap=5)
    drawn = {}
    monkeypatch.setattr(
        "signal_diffusion.report.figures.save", lambda figure, path: drawn.update({path.name: figure})
    )
    draw_run(tmp_path, found.metrics, found.arrays, sets[1], sets[2], spec, [], [])
    assert drawn["nearest.png"].axes[0].get_xlabel() == "distance (levels of 255)"


def test_combinations_with_an_unknown_label_displace_no_other():
    values = [(g, h, a) for g in ("", "F", "M") for h in ("", "H", "PD") for a in ("arithmetic", "rest")]
    labels = pd.DataFrame(values, columns=["gender", "health", "activity"])
    every = ImageSet.generated(np.zeros((len(labels), 1, 4, 4), np.uint8), labels)
    shown = images.shared_conditions(every, every, list(labels))
    assert len(shown) == 8 and not any("" in condition.values() for condition in shown)


def test_an_unknown_label_is_said_to_be():
    assert images.condition_name({"gender": "", "health": "PD"}) == "unknown, Parkinson's"


def test_figures_are_whole_and_equal_when_drawn_again(folder, sets, battery, stats, tmp_path):
    style.save(images.sample_grid(sets[1], sets[2], SPEC, LABELS), tmp_path / "samples.png")
    style.save(curves.training_curves(stats), tmp_path / "training.png")
    for name in ("samples.png", "training.png"):
        first, again = ((place / name).read_bytes() for place in (folder, tmp_path))
        assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()
        width, height = struct.unpack(">II", first[16:24])
        assert width > 800 and height > 300


def test_grid_rows_show_their_condition(sets):
    conditions = images.shared_conditions(sets[1], sets[2], [*LABELS, "unknown"])
    assert len(conditions) == 4
    for condition in conditions:
        row = images.first_of(sets[1], condition)
        assert sets[1].labels.loc[row, LABELS].to_dict() == condition
    rows = images._rows(sets[1], {"gender": "F"})
    assert len(set(sets[1].groups[rows[:6]])) == 6
    assert images.shared_conditions(sets[1], sets[2], []) == [{}]


def test_image_is_shown_in_decibels_with_low_frequencies_at_the_bottom():
    image = np.zeros((32, 32), np.uint8)
    image[-1, 2:30] = 255
    figure = images.sample_pair(image, image, SPEC, "caption")
    axes = figure.axes[0]
    shown = axes.images[0].get_array()
    assert shown.shape == (32, 28)
    assert shown[-1].min() == pytest.approx(40) and shown[0].max() == pytest.approx(-40)
    places = dict(zip([tick.get_text() for tick in axes.get_yticklabels()], axes.get_yticks(), strict=True))
    assert places["1"] == pytest.approx(31) and places["1"] > places["4"] > places["60"] >= 0
    assert [tick.get_text() for tick in axes.get_xticklabels()] == SPEC["channels"]


def test_dataset_overview_copes_with_unknown_labels(sets, tmp_path):
    metadata = sets[0].labels.assign(split="train", gender="", age=np.nan)
    style.save(dataset_overview(metadata, sets[0].images, SPEC), tmp_path / "dataset.png")
    assert (tmp_path / "dataset.png").stat().st_size > 10_000


def test_bars_of_ages_hold_as_many_years_each(sets):
    metadata = sets[0].labels.assign(split="train", age=np.linspace(20, 88, 40).round())
    ages = dataset_overview(metadata, sets[0].images, SPEC).axes[1]
    middles = np.unique([round(bar.get_x() + bar.get_width() / 2, 6) for bar in ages.patches])
    assert np.allclose(np.diff(middles), 6) and sum(bar.get_height() for bar in ages.patches) == 20


def test_names_of_labels_stay_on_their_part_of_the_bar(sets):
    sites = [f"hospital number {k % 7} of the town" for k in range(40)]
    labels = dataset_overview(sets[0].labels.assign(split="train", site=sites), sets[0].images, SPEC).axes[2]
    names = [text.get_text() for text in labels.texts]
    assert "female" in names and "arithmetic" in names and all(len(name) <= 6 for name in names[4:])


def test_dataset_overview_of_time_series_shows_no_images(sets, tmp_path):
    metadata = sets[0].labels.assign(split="train", age=30)
    figure = dataset_overview(
        metadata, np.zeros((4, 3, 50), np.float32), SPEC | {"representation": "timeseries"}
    )
    assert len(figure.get_axes()) == 3 and not any(axes.images for axes in figure.get_axes())


def test_balance_figure_shows_shares_and_targets_of_labels_with_a_choice():
    rows = [
        ("gender", "F", 30, 0.75, 0.5, 0.5),
        ("gender", "M", 10, 0.25, 0.5, 0.5),
        ("health", "H", 40, 1, 1, 1),
    ]
    labels = pd.DataFrame(rows, columns=["label", "value", "windows", "share", "reached", "target"])
    cells = pd.DataFrame({"windows": [30, 10], "weight": [2 / 3, 2.0]})
    figure = balance_figure(labels, cells)
    (gender,) = figure.axes
    assert [bar.get_height() for bar in gender.patches] == [0.75, 0.25, 0.5, 0.5]
    assert [tick.get_text() for tick in gender.get_xticklabels()] == ["female", "male"]
    assert figure.get_suptitle() == "Effective sample size: 30 of 40 training windows"
    (alone,) = balance_figure(labels.iloc[2:], cells).axes
    assert alone.texts[0].get_text().startswith("No label has two classes")


def test_balance_figure_names_classes_as_the_dataset_does(tmp_path):
    rows = "run,01,3,0.5,0.5,0.5\nrun,None,2,0.3,0.3,0.3\nrun,unknown,1,0.2,0.2,\n"
    (tmp_path / "balance.csv").write_text(f"label,value,windows,share,reached,target\n{rows}")
    labels = read_shares(tmp_path / "balance.csv")
    (run,) = balance_figure(labels, pd.DataFrame({"windows": [6], "weight": [1.0]})).axes
    assert [tick.get_text() for tick in run.get_xticklabels()] == ["01", "None", "unknown"]
    assert labels["target"].isna().tolist() == [False, False, True]


def test_card_holds_the_numbers(battery, folder):
    figures = [f"figures/{path.name}" for path in folder.iterdir()]
    config = {"optimizer": {"learning_rate": 0.00123}}
    training = {"parameters": 1_234_567, "seconds": 61.5}
    card = model_card("demo", config, SPEC, battery.metrics, training, figures, "pipeline = Pipeline()")
    assert card.startswith("---\nlicense") and card.count("](figures/") == len(CAPTIONS)
    for text in (
        "1,234,567",
        "61.5",
        "0.00123",
        "Pipeline()",
        "1,234 | 60 | 30",
        "12 unseen people",
        "## Limits",
    ):
        assert text in card
    for scores in battery.metrics["distances"].values():
        assert interval(scores["frechet"]["closed"]) in card
    primary = [record for record in battery.metrics["effects"] if record["primary"]]
    assert primary and all(interval(record["generated"]) in card for record in primary)


def test_one_training_subject_leaves_the_floor_unknown_and_everything_is_drawn(sets, stats, tmp_path):
    alone = make_set(8, 1)
    alone = ImageSet(alone.images, alone.labels.assign(subject="one"), np.zeros(len(alone), np.int64))
    found = evaluate({"generated": sets[2]}, alone, sets[1], SPEC, bootstrap=5)
    scores = found.metrics["distances"]["spectral"]["mmd"]
    assert scores["floor"]["value"] is None and scores["best_baseline"] == "pixel_gaussian"
    draw_run(tmp_path / "out", found.metrics, found.arrays, sets[1], sets[2], SPEC, LABELS, stats)


def test_one_unseen_subject_leaves_distances_unknown_and_everything_is_drawn(sets, stats, tmp_path):
    train, _, generated = sets
    alone = make_set(8, 2)
    alone = ImageSet(alone.images, alone.labels.assign(subject="one"), np.zeros(len(alone), np.int64))
    found = evaluate({"generated": generated}, train, alone, SPEC, bootstrap=5)
    assert found.metrics["distances"]["spectral"]["mmd"]["best_baseline"] is None
    draw_run(tmp_path / "out", found.metrics, found.arrays, alone, generated, SPEC, LABELS, stats)
    card = model_card("alone", {}, SPEC, found.metrics, {}, [], "")
    assert "| Kernel distance (MMD²) | unknown | unknown | unknown | unknown |" in card


def test_card_counts_nobody_behind_training_windows_that_a_model_drew(battery):
    spec = SPEC | {"generated_by": {"model": "demo"}, "real": "held-out"}
    ours, other = (model_card("it", {}, each, battery.metrics, {}, [], "") for each in (spec, SPEC))
    assert "no person stands behind them" in ours and "The training windows were drawn from a model" in ours
    assert "drew" not in other and "drawn" not in other
    windows = {"fs": 125, "nsamps": 500}
    assert "no person stands" in classifier_page._data(
        spec | windows
    ) and "drew" not in classifier_page._data(SPEC | windows)


def test_card_of_a_run_without_labels(battery):
    metrics = battery.metrics | {"effects": []}
    assert "agrees" not in model_card("demo", {}, SPEC, metrics, {}, [], "code")


@pytest.mark.parametrize(("kernel", "promised"), [("natten", False), ("tiled", True)])
def test_card_says_which_kernels_trained_and_what_they_do_not_promise(battery, kernel, promised):
    training = {"device": "CPU", "neighbourhood attention": kernel}
    card = model_card("demo", {}, SPEC, battery.metrics, training, [], "code")
    assert f"| neighbourhood attention | {kernel} |" in card
    assert ("in no fixed order" not in card) == promised


def test_interval_is_readable():
    assert interval({"value": 0.914, "low": 0.8, "high": 1.0}) == "0.91 [0.80, 1.00]"
    assert interval({"value": 2.0, "low": None, "high": None}) == "2.00"
    assert interval({"value": None, "low": None, "high": None}) == "unknown"


def test_stats_are_read_line_by_line(tmp_path):
    (tmp_path / "stats.jsonl").write_text('{"step": 1, "train/loss": 2.0}\n\n{"step": 2, "lr": 0.1}\n')
    assert [line["step"] for line in read_stats(tmp_path / "stats.jsonl")] == [1, 2]
