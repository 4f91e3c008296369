"""What a label does to the spectrum, in recordings and in generated images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from signal_diffusion.metrics.resampling import estimate, group_weights
from signal_diffusion.metrics.sets import ImageSet
from signal_diffusion.metrics.spectra import MEASURES, UNITS, measures

PRIMARY = {"activity": "alpha", "health": "theta", "gender": "beta", "age": "alpha_peak"}
ORDER = {"activity": ("rest", "arithmetic"), "health": ("H", "PD")}
AGREEMENT = (0.5, 2.0)
NOT_LABELS = frozenset("dataset subject session recording window start_s split text weight file_name".split())


@dataclass(frozen=True)
class Contrast:
    """Two values of a label, as numbers: 0 and 1, or the mean of each half of a numeric label."""

    label: str
    values: tuple[str, str]
    points: tuple[float, float]
    threshold: float | None = None

    def code(self, labels: pd.DataFrame) -> np.ndarray:
        """The label of each row as a number, NaN where it is unknown: float64 [n]."""
        if self.threshold is not None:
            return pd.to_numeric(labels[self.label], errors="coerce").to_numpy(np.float64)
        known = labels[self.label].astype(str).map(dict(zip(self.values, self.points, strict=True)))
        return known.to_numpy(np.float64)

    def second(self, labels: pd.DataFrame) -> np.ndarray:
        """1 where the row has the second value, 0 for the first, NaN where unknown: float64 [n]."""
        code = self.code(labels)
        middle = 0.5 if self.threshold is None else self.threshold
        return np.where(np.isnan(code), np.nan, code > middle)


def contrasts(real: ImageSet, generated: ImageSet) -> list[Contrast]:
    """The contrasts that both sets allow: labels with two values, and numeric labels halved at their median.

    The median and the means of the halves are those of the real subjects. At least two independent units
    must stand on each side, in both sets.
    """
    shared = [name for name in real.labels if name in generated.labels and name not in NOT_LABELS]
    found = [_contrast(name, real) for name in shared]
    return [one for one in found if one and _enough(one, real) and _enough(one, generated)]


def _contrast(name: str, real: ImageSet) -> Contrast | None:
    known = real.labels[name].replace("", np.nan).dropna()
    values = sorted(known.astype(str).unique())
    if len(values) == 2:
        return Contrast(name, ORDER.get(name, tuple(values)), (0.0, 1.0))
    numbers = pd.to_numeric(known.groupby(real.groups[known.index]).first(), errors="coerce")
    if len(values) < 2 or numbers.isna().any():
        return None
    middle = float(numbers.median())
    points = (float(numbers[numbers <= middle].mean()), float(numbers[numbers > middle].mean()))
    return Contrast(name, (f"up to {middle:g}", f"over {middle:g}"), points, middle)


def _enough(contrast: Contrast, images: ImageSet) -> bool:
    second = contrast.second(images.labels)
    return all(len(np.unique(images.groups[second == side])) >= 2 for side in (0, 1))


def effects(
    real: tuple[ImageSet, np.ndarray],
    generated: tuple[ImageSet, np.ndarray],
    frequencies: np.ndarray,
    bootstrap: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Each label's effect on each measure in both sets, and their ratio, with intervals.

    Each set comes with its spectra float64 dB [n, rows], averaged over channels and frames. The effect
    is the measure of the spectrum at the second value less that at the first, with the other labels held
    at the real set's mean by least squares: the two sets may hold the labels in different proportions.
    Real subjects and generated images are the units of the bootstrap. `agrees` says whether a generated
    effect has the right direction, is 0.5 to 2 times the real one, and both intervals exclude zero. A
    ratio has an interval only where the real one excludes zero.
    """
    found = contrasts(real[0], generated[0])
    centre = np.array([np.nanmean(one.code(real[0].labels)) for one in found])
    records = []
    for index, contrast in enumerate(found):
        differences = []
        for stream, (images, spectra) in enumerate((real, generated)):
            weights = group_weights(images.groups, bootstrap, np.random.default_rng([seed, index, stream]))
            design = np.stack([one.code(images.labels) for one in found], axis=1) - centre
            differences.append(_difference(spectra, design, weights, index, contrast, centre, frequencies))
        sizes = subject_effect(contrast, *real, frequencies)
        units = (real[0].units, generated[0].units)
        records += [_record(contrast, m, differences, units, sizes[m]) for m in range(len(MEASURES))]
    return [record for record in records if record["real"]["value"] is not None]


def _difference(
    spectra: np.ndarray,
    design: np.ndarray,
    weights: np.ndarray,
    index: int,
    contrast: Contrast,
    centre: np.ndarray,
    frequencies: np.ndarray,
) -> np.ndarray:
    """Second value less first, all replicates and measures: [replicates, measures]."""
    known = np.isfinite(design[:, index])
    intercept, slopes = _fit(spectra[known], np.nan_to_num(design[known]), weights[:, known])
    first, second = (intercept + slopes[:, index] * (point - centre[index]) for point in contrast.points)
    return measures(second, frequencies) - measures(first, frequencies)


def _fit(y: np.ndarray, x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of y [n, rows] on x [n, labels]: intercepts [b, rows], slopes [b, labels, rows]."""
    x = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    gram = np.stack([weights @ (x * column[:, None]) for column in x.T], axis=1)
    moment = np.stack([weights @ (y * column[:, None]) for column in x.T], axis=1)
    solution = np.linalg.pinv(gram, hermitian=True) @ moment
    return solution[:, 0], solution[:, 1:]


def subject_effect(
    contrast: Contrast, images: ImageSet, spectra: np.ndarray, frequencies: np.ndarray
) -> Sequence[float]:
    """Cohen's d of each measure between subjects' mean spectra at the second and the first value."""
    second = contrast.second(images.labels)
    sides = []
    for side in (0, 1):
        chosen = second == side
        subjects = [
            spectra[chosen & (images.groups == group)].mean(axis=0)
            for group in np.unique(images.groups[chosen])
        ]
        sides.append(measures(np.stack(subjects), frequencies))
    first, second = sides
    pooled = np.sqrt((np.nanvar(first, axis=0, ddof=1) + np.nanvar(second, axis=0, ddof=1)) / 2)
    return (np.nanmean(second, axis=0) - np.nanmean(first, axis=0)) / pooled


def _record(
    contrast: Contrast, index: int, differences: Sequence[np.ndarray], units: tuple[int, int], size: float
) -> dict[str, Any]:
    measure = MEASURES[index]
    real, generated = (difference[:, index] for difference in differences)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = estimate(generated / real, min(units))
    ours, theirs = estimate(generated, units[1]), estimate(real, units[0])
    if not excludes_zero(theirs):
        ratio |= {"low": None, "high": None}
    within = ratio["value"] is not None and AGREEMENT[0] <= ratio["value"] <= AGREEMENT[1]
    return {
        "label": contrast.label,
        "values": list(contrast.values),
        "measure": measure,
        "unit": UNITS[measure],
        "primary": PRIMARY.get(contrast.label) == measure,
        "real": theirs,
        "generated": ours,
        "ratio": ratio,
        "subject_d": float(size) if np.isfinite(size) else None,
        "agrees": within and excludes_zero(ours) and excludes_zero(theirs),
    }


def excludes_zero(interval: dict[str, float | None]) -> bool:
    """Whether the whole interval lies on one side of zero."""
    return interval["low"] is not None and interval["low"] * interval["high"] > 0
