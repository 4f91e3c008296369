"""All diffusion runs in one table; and the README's results, which are made from the files in docs/."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from signal_diffusion.config.diffusion import EXTRAS
from signal_diffusion.errors import UserError
from signal_diffusion.files import read_json
from signal_diffusion.metrics.comparison import summary
from signal_diffusion.report.calls import calls_figure, sentence
from signal_diffusion.report.diffusion_summary import read_summary, summary_figure, tables, write_summary

ROOT = Path(__file__).resolve().parents[2]


def between(name: str) -> str:
    return re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", (ROOT / "README.md").read_text(), re.DOTALL)[1]


def test_the_readme_is_in_step_with_the_files_in_docs():
    assert between("results") == tables(read_summary(ROOT / "docs/results.csv"))
    assert between("calls") == sentence(read_json(ROOT / "docs/calls.json"))


def test_every_model_of_the_registry_has_its_row_in_the_readme():
    assert set(EXTRAS) <= set(read_summary(ROOT / "docs/results.csv")["model"])
    assert all(f"\n| {model} | " in between("results") for model in EXTRAS)


def test_no_runs_are_refused(tmp_path):
    with pytest.raises(UserError, match="build one first"):
        write_summary([], tmp_path / "out")


def scored(run: str, generated: float, model: str = "dit") -> list[dict]:
    rows = []
    for features in ("spectral", "encoder"):
        values = {"generated": generated, "floor": 1.0, "untrained": 9.0, "pixel_gaussian": 5.0}
        found = summary({name: np.full(9, value) for name, value in values.items()}, 9)
        parts = {"generated": found["generated"], "floor": found["floor"], "closed": found["closed"]}
        parts["best_baseline"] = found["baselines"]["pixel_gaussian"]
        row = {"run": run, "model": model, "recipe": "demo", "representation": "db-only", "effects": "3 of 4"}
        row |= {"parameters": 2_500_000, "flops": 1e8, "steps_per_s": 4.0, "minutes": np.nan}
        row |= {"features": features, "distance": "mmd", "baseline": found["best_baseline"]}
        ends = (("", "value"), ("_low", "low"), ("_high", "high"))
        rows.append(row | {f"{part}{end}": parts[part][key] for part in parts for end, key in ends})
    return rows


def test_a_table_holds_what_was_measured_and_who_was_not():
    text = tables(pd.DataFrame([*scored("good", 1.4), *scored("poor", 3.0), {"model": "hourglass"}]))
    [good] = [line for line in text.splitlines() if line.startswith("| dit | good ")]
    assert "| 2.50 M | 100 | 4 |  | 3 of 4 | 0.90 [0.90, 0.90] | 0.90 [0.90, 0.90] |" in good
    assert "| hourglass | not run |" in text and "(pixel Gaussian) | 0.50 [0.50, 0.50] |" in text


def test_a_long_name_leaves_its_run_room_and_a_way_that_is_unknown_is_said_to_be():
    unknown = [
        row | {"closed": None, "closed_low": None, "closed_high": None} for row in scored("y" * 60, 2.0)
    ]
    narrow, wide = (
        summary_figure(pd.DataFrame(rows)) for rows in (scored("x", 1.4), scored("x", 1.4) + unknown)
    )
    assert wide.get_figwidth() - narrow.get_figwidth() > 4
    assert [text.get_text() for text in wide.axes[0].texts] == ["unknown"] and not narrow.axes[0].texts


def test_a_run_worse_than_the_best_baseline_is_shown_and_has_no_share_of_it():
    found = read_json(ROOT / "docs/calls.json")
    lower = {"quality": ("value", "low", "high"), "closed": ("closed", "closed_low", "closed_high")}
    for point in found["points"]:
        for each, keys in (
            (point["quality"], lower["quality"]),
            *((s, lower["closed"]) for s in point["scores"]),
        ):
            each.update({key: each[key] - 3 for key in keys})
    text = sentence(found)
    assert "share" not in text and "the run's own makes 10% of its calls." in text
    for axes in calls_figure(found).axes:
        [own] = [line for line in axes.lines if line.get_marker() == "*"]
        assert axes.get_ylim()[0] < own.get_ydata()[0]


def test_a_distance_without_a_way_leaves_its_panel_without_a_point():
    found = read_json(ROOT / "docs/calls.json")
    for point in found["points"]:
        point["scores"][0] |= {"closed": None, "closed_low": None, "closed_high": None}
    _, panel, *_ = calls_figure(found).axes
    assert np.isnan([line.get_ydata()[0] for line in panel.lines if line.get_marker() == "*"]).all()
