"""dB ranges against numpy over all values, and against their definitions on values whose answer is known."""

import tomllib

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance
from signal_diffusion.config.reading import read_toml
from signal_diffusion.datasets import db_ranges
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.db_ranges import ALL, clipping, measure_ranges, recommended, sweep, toml_lines
from signal_diffusion.datasets.ranges import DecibelHistogram
from signal_diffusion.datasets.storage import read_metadata, read_spec
from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors
from signal_diffusion.report.db_range import write_db_range

from .material import Material, index_rows, make_recipe, random_windows


def histogram(values) -> DecibelHistogram:
    found = DecibelHistogram()
    found.add(np.asarray(values, dtype=np.float16))
    return found


@pytest.fixture
def normal() -> np.ndarray:
    return np.random.default_rng(0).normal(-5, 10, 20_000).astype(np.float16)


@pytest.fixture
def two(tmp_path):
    """Two datasets, the second 20 dB louder."""
    rows = pd.concat([index_rows(6, "math"), index_rows(8, "seed")], ignore_index=True)
    material = Material(tmp_path, rows)
    for k, row in enumerate(material.rows.itertuples()):
        material.write(k, random_windows(k) + np.float16(20 * (row.dataset == "seed")))
    return material, make_recipe(recipe=dict(datasets=["math", "seed"]))


def test_histograms_are_those_of_the_training_windows_of_a_dataset(two, tmp_path):
    material, recipe = two
    damaged = random_windows(0)
    damaged[0] = np.float16(99)
    material.write(0, damaged)
    found = measure_ranges(recipe, material.shards, [material.index])
    build_dataset(recipe, "db-only", material.shards, [material.index], tmp_path / "out")
    training = read_metadata(tmp_path / "out" / "train-metadata.csv")
    for name, rows in [*training.groupby("dataset"), (ALL, training)]:
        windows = [
            load_tensors(tmp_path / "shards" / row.dataset / f"{row.recording}.safetensors")[0]["windows"][
                row.window
            ]
            for row in rows.itertuples()
        ]
        assert found[name].counts.sum() == np.size(windows)
        low, high = recommended(found[name], recipe)
        expected = np.percentile(np.array(windows, dtype=np.float64), [0.5, 99.5])
        assert (low, high) == (pytest.approx(expected[0], abs=0.006), pytest.approx(expected[1], abs=0.006))
    spec = read_spec(tmp_path / "out")
    assert recommended(found[ALL], recipe) == (spec["min_db"], spec["max_db"])


def test_toml_lines_are_read_back_by_recipe_and_settings(two):
    material, recipe = two
    found = measure_ranges(recipe, material.shards, [material.index])
    tables = tomllib.loads(toml_lines(found, recipe))
    low, high = recommended(found[ALL], recipe)
    assert tables["spectrogram"] == {"min_db": low, "max_db": high}
    assert set(tables["datasets"]) == {"math", "seed"}
    assert tables["datasets"]["seed"]["min_db"] > tables["datasets"]["math"]["min_db"] + 15


def test_measures_against_numpy_and_scipy(normal):
    low, high = -20.0, 15.0
    found = clipping(histogram(normal), low, high)
    values = normal.astype(np.float64)
    levels = np.clip(np.rint((values - low) / (high - low) * 255), 0, 255)
    restored = low + levels / 255 * (high - low)
    assert found.clipped == pytest.approx(np.mean((values < low) | (values > high)))
    shares = np.bincount(levels.astype(int)) / len(levels)
    assert found.entropy == pytest.approx(-np.sum(shares[shares > 0] * np.log2(shares[shares > 0])), abs=1e-3)
    noise = np.mean((values - restored) ** 2)
    assert found.psnr == pytest.approx(10 * np.log10(np.ptp(values) ** 2 / noise), abs=0.01)
    assert found.distance == pytest.approx(wasserstein_distance(values, restored), rel=1e-3)
    edges = np.arange(np.floor(values.min()), np.floor(values.max()) + 2)
    first, second = (np.histogram(each, edges)[0] for each in (values, restored.astype(np.float32)))
    assert found.divergence == pytest.approx(jensenshannon(first, second, base=2) ** 2, rel=0.02)


def test_a_wider_range_clips_less_and_rounds_more_coarsely(normal):
    table = sweep(histogram(normal)).set_index(["lower", "upper"])
    assert len(table) == len(db_ranges.LOWER) * len(db_ranges.UPPER)
    whole, usual, narrow = table.loc[(0, 100)], table.loc[(0.5, 99.5)], table.loc[(25, 98)]
    assert whole["clipped"] == 0 and usual["clipped"] == pytest.approx(0.01, abs=1e-3)
    step = (whole["max_db"] - whole["min_db"]) / 255
    span = float(normal.max()) - float(normal.min())
    assert whole["psnr"] == pytest.approx(10 * np.log10(span**2 / (step**2 / 12)), abs=0.1)
    assert narrow["distance"] > usual["distance"] and narrow["divergence"] > usual["divergence"]
    assert usual["entropy"] > whole["entropy"]


def test_equal_distributions_do_not_diverge():
    shares = np.array([0.25, 0.5, 0.25, 0])
    assert db_ranges.jensen_shannon(shares, shares) == 0
    assert db_ranges.jensen_shannon(shares, shares[::-1]) < 1
    assert db_ranges.jensen_shannon(np.array([1.0, 0]), np.array([0.0, 1])) == 1


def test_files_and_figures(two, tmp_path, caplog):
    material, recipe = two
    with caplog.at_level("INFO"):
        write_db_range(recipe, material.shards, [material.index], tmp_path / "range")
    out = tmp_path / "range"
    assert (out / "ranges.toml").read_text() in caplog.text
    assert set(read_toml(out / "ranges.toml")) == {"spectrogram", "datasets"}
    histograms = pd.read_csv(out / "histogram.csv")
    assert list(histograms.columns) == ["db", "math", "seed", ALL]
    np.testing.assert_allclose(histograms[["math", "seed", ALL]].sum(), 1, atol=1e-6)
    table = pd.read_csv(out / "sweep.csv")
    assert set(table["dataset"]) == {"math", "seed", ALL} and table["psnr"].notna().all()
    assert all((out / name).stat().st_size > 10_000 for name in ("histogram.png", "sweep.png"))
    first = [(out / name).read_bytes() for name in ("histogram.png", "sweep.csv")]
    write_db_range(recipe, material.shards[::-1], [material.index], out)
    assert first == [(out / name).read_bytes() for name in ("histogram.png", "sweep.csv")]


def test_shards_of_another_representation_are_refused(two):
    material, recipe = two
    for k in range(len(material.rows)):
        material.write(k, random_windows(k), representation="db-iq")
    with pytest.raises(UserError, match="holds db-iq, expected db-only"):
        measure_ranges(recipe, material.shards, [material.index])
