"""Datasets of every representation: what is stored, whose statistics, what is refused, the same bytes anyhow."""

import numpy as np
import pytest
from signal_diffusion.datasets.build import build_dataset
from signal_diffusion.datasets.checks import check_dataset
from signal_diffusion.datasets.storage import Windows, read_spec
from signal_diffusion.errors import UserError
from signal_diffusion.files import load_tensors
from signal_diffusion.signals.encoding import decode
from signal_diffusion.signals.images import content_columns, untile
from signal_diffusion.signals.representations import REPRESENTATIONS

from .material import CHANNELS, FRAMES, RESOLUTION, WINDOWS, Material, index_rows, make_recipe

SAMPLES = 50
SPLITS = ("train", "val", "test")


def random_windows(kind, seed, n=WINDOWS):
    rng = np.random.default_rng(seed)
    if kind == "timeseries":
        return (3 + 20 * rng.standard_normal((n, CHANNELS, SAMPLES))).astype(np.float32)
    real, imaginary = (
        rng.standard_normal((2, n, CHANNELS, RESOLUTION, FRAMES)) * np.geomspace(30, 0.3, RESOLUTION)[:, None]
    )
    db = 20 * np.log10(np.hypot(real, imaginary))
    if kind == "db-only":
        return db.astype(np.float16)
    others = (
        (real, imaginary) if kind == "db-iq" else (np.hypot(real, imaginary), np.arctan2(imaginary, real))
    )
    return np.stack([db, *others], axis=1).astype(np.float16)


class Collection(Material):
    """Index and shards of one representation."""

    def __init__(self, folder, kind):
        self.kind = kind
        super().__init__(folder, index_rows())
        self.shards = [self.write(k, random_windows(kind, k)) for k in range(len(self.rows))]

    def write(self, k, windows, **meta):
        if self.kind == "timeseries":
            meta |= {"frequencies": None, "frames": None}
        return super().write(k, windows, representation=self.kind, **meta)

    def windows(self, row):
        path = self.folder / "shards" / row.dataset / f"{row.recording}.safetensors"
        return load_tensors(path)[0]["windows"][row.window].astype(np.float64)

    def build(self, out="out", **changes):
        signal = {"nsamps": SAMPLES} if self.kind == "timeseries" else {}
        recipe = make_recipe(signal=signal, **changes)
        build_dataset(recipe, self.kind, self.shards, [self.index], self.folder / out)
        return self.folder / out


@pytest.fixture(params=REPRESENTATIONS)
def collection(request, tmp_path):
    return Collection(tmp_path, request.param)


@pytest.fixture(params=["db-iq", "db-polar"])
def planes(request, tmp_path):
    return Collection(tmp_path, request.param)


@pytest.fixture
def series(tmp_path):
    return Collection(tmp_path, "timeseries")


def test_arrays_have_the_documented_shape_and_type(collection):
    out = collection.build()
    shapes = {"db-only": (1, 16, 16), "timeseries": (CHANNELS, SAMPLES)}
    for split in SPLITS:
        array = np.load(out / f"{split}.npy")
        assert array.shape[1:] == shapes.get(collection.kind, (3, 16, 16))
        assert array.dtype == (np.float32 if collection.kind == "timeseries" else np.uint8)
        part = Windows(out, split)
        assert np.array_equal(part.array([2, 0]), array[[2, 0]]) and part.shape == array.shape
    check_dataset(out)


def test_images_are_those_of_image_datasets(collection):
    part = Windows(collection.build(), "train")
    if collection.kind == "timeseries":
        with pytest.raises(UserError, match="holds timeseries, expected images"):
            part.images([0])
    else:
        assert np.array_equal(part.images([1]), part.array([1]))


def test_planes_come_back_within_their_levels(planes):
    out = planes.build()
    spec = read_spec(out)
    scale = np.array(*spec["scales"].values())[:, None]
    for split in SPLITS:
        part = Windows(out, split)
        found = decode(part.array(np.arange(len(part))), spec)
        for row, window in zip(part.metadata.itertuples(), found, strict=True):
            truth = planes.windows(row)
            if planes.kind == "db-iq":
                pairs, levels = zip(window[1:], np.clip(truth[1:], -scale, scale), strict=True), 127
            else:
                pairs, levels = [(window[1], np.minimum(truth[1], scale))], 255
                assert np.abs(np.angle(np.exp(1j * (window[2] - truth[2])))).max() <= np.pi / 256 + 1e-3
            for level, value in pairs:
                bound = np.log(256) / levels / 2 * (np.abs(value) + scale / 255)
                assert (np.abs(level - value) <= 1.05 * bound).all()


def test_each_row_has_a_scale_of_training_windows_alone(planes):
    out = planes.build()
    scale = np.array(*read_spec(out)["scales"].values())
    training = [planes.windows(row) for row in Windows(out, "train").metadata.itertuples()]
    values = np.abs(np.stack(training)[:, 1:3] if planes.kind == "db-iq" else np.stack(training)[:, 1:2])
    rows = np.moveaxis(values, -2, 0).reshape(RESOLUTION, -1)
    expected = np.percentile(rows, 99.95, axis=1, method="inverted_cdf")
    assert (scale >= expected).all() and (scale <= expected * (1 + 1 / 128)).all()
    others = {row.recording for split in ("val", "test") for row in Windows(out, split).metadata.itertuples()}
    for k, row in enumerate(planes.rows.itertuples()):
        if row.recording in others:
            planes.write(k, random_windows(planes.kind, k) * np.float16(3))
    assert read_spec(planes.build("louder"))["scales"] == read_spec(out)["scales"]


def test_padding_is_black_in_every_plane(planes):
    images = np.load(planes.build() / "train.npy")
    outside = np.delete(images, np.r_[content_columns(RESOLUTION, CHANNELS, FRAMES)], axis=3)
    assert outside.max() == 0 and untile(images[:, 1], CHANNELS, FRAMES).min() > 0


def test_series_are_z_scores_of_the_training_split(series):
    out = series.build()
    spec = read_spec(out)
    train = Windows(out, "train")
    truth = np.stack([series.windows(row) for row in train.metadata.itertuples()])
    assert spec["scales"]["mean"] == pytest.approx(truth.mean(axis=(0, 2)), abs=1e-6)
    assert spec["scales"]["sd"] == pytest.approx(truth.std(axis=(0, 2)), rel=1e-6)
    scores = np.load(out / "train.npy")
    assert scores.mean(axis=(0, 2)) == pytest.approx(0, abs=1e-5)
    assert scores.std(axis=(0, 2)) == pytest.approx(1, abs=1e-5)
    test = Windows(out, "test")
    truth = np.stack([series.windows(row) for row in test.metadata.itertuples()])
    np.testing.assert_allclose(decode(np.load(out / "test.npy"), spec), truth, atol=1e-4)
    assert not {"resolution", "bins", "min_db", "frequencies"} & set(spec)


def test_series_are_called_so_in_captions_and_card(series):
    text = Windows(series.build(captions=dict(modality=None)), "train").metadata["text"].iloc[0]
    assert text.startswith("a time-series segment of a ")
    card = (series.folder / "out" / "README.md").read_text()
    assert "time-series segment of" in card and "uV^2/Hz" not in card


def test_a_silent_window_is_left_out(series):
    windows = random_windows("timeseries", 1)
    windows[2] = 1e-3 * windows[2] + np.float32([[5.0], [0.0], [-7.0]])
    series.write(0, windows)
    refused = (series.build() / "refused.csv").read_text()
    assert "2,all channels are flat" in refused


def test_broken_values_are_left_out(collection):
    windows = random_windows(collection.kind, 1)
    windows[(1, *([0] * (windows.ndim - 1)))] = np.inf
    windows[(3, *([-1] * (windows.ndim - 1)))] = np.nan
    collection.write(0, windows)
    refused = (collection.build() / "refused.csv").read_text()
    assert "1 3,not all values are finite" in refused


def test_identical_windows_in_two_splits_are_refused(collection):
    metadata = {split: Windows(collection.build(), split).metadata for split in SPLITS}
    numbers = {row.recording: k for k, row in enumerate(collection.rows.itertuples())}
    first = {split: numbers[rows["recording"].iloc[0]] for split, rows in metadata.items()}
    leak = random_windows(collection.kind, 99)
    leak[2] = random_windows(collection.kind, first["train"])[1]
    collection.write(first["test"], leak)
    with pytest.raises(UserError, match="identical windows stand in two splits"):
        collection.build("leaked")


def test_splits_and_rows_are_the_same_in_every_representation(tmp_path):
    built = [Collection(tmp_path / kind, kind).build() for kind in REPRESENTATIONS]
    for out in built[1:]:
        assert (out / "splits.csv").read_bytes() == (built[0] / "splits.csv").read_bytes()
        for split in SPLITS:
            ours, theirs = (Windows(folder, split).metadata for folder in (out, built[0]))
            assert ours[["recording", "window", "weight"]].equals(theirs[["recording", "window", "weight"]])


def test_bytes_do_not_depend_on_blocks(collection, monkeypatch):
    first = collection.build()
    monkeypatch.setattr("signal_diffusion.datasets.sources.BLOCK_BYTES", 1)  # one window at a time
    second = collection.build("again")
    for name in ("train.npy", "test.npy", "dataset.json", "metadata.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_shard_whose_windows_have_another_shape_is_refused(collection):
    collection.write(3, random_windows(collection.kind, 3)[..., 1:])
    with pytest.raises(UserError, match="make the shards again"):
        collection.build()


def test_old_images_are_rounded_down_within_their_range(tmp_path):
    old = Collection(tmp_path, "db-only")
    for k in range(len(old.rows)):
        old.write(k, np.random.default_rng(k).uniform(-140, -60, (WINDOWS, CHANNELS, RESOLUTION, FRAMES)))
    spectrogram = dict(bins="log-legacy", hop_step=4, min_db=-130.0, max_db=-65.0)
    out = old.build(spectrogram=spectrogram)
    spec, part = read_spec(out), Windows(out, "test")
    assert (spec["bins"], spec["hop_step"], spec["window"]) == ("log-legacy", 4, 2 * RESOLUTION - 1)
    found = untile(part.array(np.arange(len(part)))[:, 0], CHANNELS, FRAMES)
    for row, window in zip(part.metadata.itertuples(), found, strict=True):
        share = (np.clip(old.windows(row), -130, -65) + 130) / 65
        assert np.array_equal(window, np.floor(share * 255))
