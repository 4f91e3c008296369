"""Hidden parts: a model that looks at one band of one channel is found out, in every representation."""

import numpy as np
import pytest
from signal_diffusion.metrics.classification.occlusion import ALL, hide, occlude, parts, summarise_occlusion

FREQUENCIES = np.geomspace(1, 50, 32)
CHANNELS = ["C3", "C4", "Cz"]
IMAGES = {"representation": "db-iq", "channels": CHANNELS, "frequencies": FREQUENCIES.tolist(), "frames": 10}
SERIES = {"representation": "timeseries", "channels": CHANNELS, "fs": 100, "nsamps": 400}
ALPHA = (FREQUENCIES >= 7) & (FREQUENCIES < 13)


def images(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 200, (n, 3, 32, 32), dtype=np.uint8)


def test_parts_are_channels_bands_and_both():
    found = parts(IMAGES)
    assert len(found) == len(set(found)) == 3 + 5 + 3 * 5
    assert ("Cz", ALL) in found and (ALL, "alpha") in found and ("C3", "gamma") in found


def test_hidden_parts_of_images_show_the_mean_and_the_rest_is_untouched():
    windows = images(4)
    mean = np.full((3, 32, 32), 128.4)
    hidden = hide(windows, mean, "C4", "alpha", IMAGES)
    rows, columns = 31 - np.flatnonzero(ALPHA), np.arange(11, 21)
    inside = np.zeros((32, 32), bool)
    inside[np.ix_(rows, columns)] = True
    assert hidden.dtype == np.uint8 and (hidden[..., inside] == 128).all()
    assert (hidden[..., ~inside] == windows[..., ~inside]).all()
    whole = hide(windows, mean, "C3", ALL, IMAGES)
    assert (whole[..., 1:11] == 128).all() and (whole[..., 11:] == windows[..., 11:]).all()


def test_hidden_bands_of_series_have_no_power_there():
    windows = np.random.default_rng(0).normal(0.3, 1, (5, 3, 400)).astype(np.float32)
    hidden = hide(windows, np.zeros((3, 1)), "Cz", "alpha", SERIES)
    power = np.abs(np.fft.rfft(hidden - windows, axis=-1))
    frequencies = np.fft.rfftfreq(400, 1 / 100)
    alpha = (frequencies >= 7) & (frequencies < 13)
    assert hidden.dtype == np.float32 and (hidden[:, :2] == windows[:, :2]).all()
    assert np.abs(np.fft.rfft(hidden[:, 2])[:, alpha]).max() < 1e-4
    assert power[:, 2][:, ~alpha].max() < 1e-3
    assert (hide(windows, np.full((3, 1), 0.5), "C3", ALL, SERIES)[:, 0] == 0.5).all()


def planted(spec: dict) -> tuple[np.ndarray, np.ndarray, object]:
    """Windows, their classes, and a model that looks at alpha of C4 alone."""
    rng = np.random.default_rng(1)
    truth = np.arange(40) % 2.0
    if spec is SERIES:
        time = np.arange(400) / 100
        windows = rng.normal(0, 1, (40, 3, 400))
        windows[:, 1] += (1 + truth)[:, None] * np.sin(2 * np.pi * 10 * time)
        power = lambda w: (w[:, 1] @ np.exp(2j * np.pi * 10 * time)).__abs__() / 200 - 1.5  # noqa: E731
        return windows.astype(np.float32), truth, power
    windows = images(40, 1)
    rows = np.ix_(31 - np.flatnonzero(ALPHA), np.arange(11, 21))
    windows[:, 0, rows[0], rows[1]] = (100 + 56 * truth)[:, None, None]
    return windows, truth, lambda w: (w[:, 0, rows[0], rows[1]].mean((1, 2)) - 128) / 14


@pytest.mark.parametrize("spec", [IMAGES, SERIES], ids=["images", "series"])
def test_what_a_model_looks_at_is_found(spec):
    windows, truth, look = planted(spec)

    def predict(some: np.ndarray) -> dict:
        p = 1 / (1 + np.exp(-4 * look(some)))
        return {"activity": np.stack([1 - p, p], axis=1), "age": 50 + 10 * look(some)}

    known = {"activity": truth, "age": np.where(truth == 1, 70.0, 30.0)}
    known["age"][:4] = np.nan
    mean = windows.mean(axis=0) if spec is IMAGES else np.zeros((3, 1))
    rises = occlude(predict, windows, known, mean, spec)
    assert rises["activity"].shape == (len(parts(spec)), 40)
    assert np.isnan(rises["age"][:, :4]).all() and np.isfinite(rises["age"][:, 4:]).all()
    found = summarise_occlusion(rises, np.arange(40) // 4, spec, 100, 0)
    for records in found.values():
        certain = {(one["channel"], one["band"]) for one in records if one["low"] > 1e-3}
        assert certain == {("C4", "alpha"), ("C4", ALL), (ALL, "alpha")}
        untouched = [abs(one["value"]) for one in records if one["channel"] in ("C3", "Cz")]
        assert max(untouched) < 1e-3


def test_a_task_without_labels_has_no_map():
    rises = {"age": np.full((len(parts(IMAGES)), 6), np.nan)}
    assert summarise_occlusion(rises, np.arange(6), IMAGES, 10, 0) == {"age": []}
