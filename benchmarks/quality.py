"""How often planted faults are found and called by their name, and how often clean recordings raise an alarm.

    python benchmarks/quality.py [FOLDER] [--subjects 40]

Each fault is planted in T7 (window faults: in all channels) of simulated recordings of 19 channels, 60 s at
250 Hz. With a folder, every file there that has the 19 channels is examined as well, and what is found in it
is listed.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from signal_diffusion.config.quality import Quality
from signal_diffusion.config.recipe import Signal, Simulation
from signal_diffusion.equipment import CHANNEL_SETS
from signal_diffusion.errors import UserError
from signal_diffusion.recordings.channels import pick, picks
from signal_diffusion.recordings.formats import READERS, read, read_header
from signal_diffusion.recordings.recording import Recording
from signal_diffusion.recordings.simulated_faults import CHANNEL_FAULTS, WINDOW_FAULTS, plant
from signal_diffusion.recordings.simulated_signals import simulate_recording
from signal_diffusion.signals.extremes import blocks, extremes
from signal_diffusion.signals.quality import (
    MAD_TO_SD,
    REASONS,
    Findings,
    closest_correlations,
    covariances,
    inspect,
    window_faults,
)
from signal_diffusion.signals.resample import average_reference, resample
from signal_diffusion.signals.windows import window_starts

CHANNELS, SPOILED = CHANNEL_SETS["1020-19"], "T7"
LIMITS, SIGNAL = Quality(), Signal(nsamps=1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, help="real recordings, in any depth")
    parser.add_argument("--subjects", type=int, default=40, help="simulated subjects (default 40)")
    arguments = parser.parse_args()
    simulation = Simulation(seconds=60.0, rate=250.0)
    clean = [simulate_recording(simulation, subject, "rest") for subject in range(arguments.subjects)]
    report_alarms(f"{len(clean)} clean simulated recordings", clean)
    report_faults(clean)
    if arguments.folder:
        found = list(real(arguments.folder))
        report_alarms(f"{len(found)} recordings of {arguments.folder.name}", found)
        report_margins(found)
        alone = sum(prep_alone(recording) for recording in found)
        print(f"  disconnected by PREP's definition: {alone} of {len(CHANNELS) * len(found)} channels")


def real(folder: Path) -> Iterable[Recording]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in READERS):
        try:
            yield read(path, picks(read_header(path).channels, CHANNELS))
        except UserError as error:
            print(f"{path.name} left out: {error}")


def examine(recording: Recording) -> tuple[Findings, dict[str, list[int]]]:
    data = pick(recording, CHANNELS).data
    data = data - data.mean(axis=1, keepdims=True)
    raw, resampled = extremes(data, recording.fs), resample(data, recording.fs, SIGNAL.fs)
    findings = inspect(resampled, raw, SIGNAL.fs, LIMITS)
    starts = window_starts(resampled.shape[1], SIGNAL.nsamps, SIGNAL.ovr_perc)
    return findings, window_faults(findings, starts, SIGNAL.nsamps, SIGNAL.fs, LIMITS.bad_share)


def report_alarms(title: str, recordings: Iterable[Recording]) -> None:
    channels, windows, seconds, count = Counter(), Counter(), Counter(), 0
    for recording in recordings:
        findings, faults = examine(recording)
        count += 1
        channels.update(findings.bad.values())
        windows.update({reason: len(found) for reason, found in faults.items()})
        seconds += Counter(dict(enumerate(np.bincount(findings.codes.ravel(), minlength=4).tolist())))
    shares = ", ".join(f"{100 * seconds[code] / seconds.total():.2f} % {REASONS[code]}" for code in (1, 2, 3))
    print(f"{title}, {len(CHANNELS) * count} channels")
    print(
        f"  bad channels: {dict(channels) or 'none'}; bad windows: {dict(windows) or 'none'};"
        f" seconds: {shares}"
    )


def report_margins(recordings: list[Recording]) -> None:
    """How near good channels come to being called bad."""
    levels = []
    for recording in recordings:
        typical = np.log(np.median(examine(recording)[0].amplitude, axis=1))
        levels.append(np.abs(typical - np.median(typical)))
    deviations = [each / (MAD_TO_SD * np.median(each)) for each in levels]
    lowest = min(correlations(recording).min() for recording in recordings)
    print(f"  largest deviation {np.max(deviations):.1f} robust SDs, factor {np.exp(np.max(levels)):.2f}")
    print(f"  smallest correlation with the channel that is followed most {lowest:.2f}")


def correlations(recording: Recording) -> np.ndarray:
    data = resample(pick(recording, CHANNELS).data, recording.fs, SIGNAL.fs)
    return closest_correlations(covariances(data, SIGNAL.fs), np.arange(len(CHANNELS)))


def prep_alone(recording: Recording) -> int:
    """Channels whose correlation with the others is below 0.4 in more than 1 % of the seconds.

    As in PREP's `findNoisyChannels`: the 98th percentile over channels of the absolute correlations, against
    the average reference.
    """
    data = resample(pick(recording, CHANNELS).data, recording.fs, SIGNAL.fs)
    correlations = [
        np.abs(np.corrcoef(second)) for second in blocks(average_reference(data), SIGNAL.fs).swapaxes(0, 1)
    ]
    for each in correlations:
        np.fill_diagonal(each, 0)
    closest = np.quantile(np.nan_to_num(correlations), 0.98, axis=1)
    return int(np.count_nonzero((closest < 0.4).mean(axis=0) > 0.01))


def report_faults(recordings: list[Recording]) -> None:
    for name, fault in CHANNEL_FAULTS.items():
        found, others = Counter(), 0
        for seed, recording in enumerate(recordings):
            bad = examine(plant(recording, fault, [SPOILED], seed))[0].bad
            reason = bad.pop(CHANNELS.index(SPOILED), "not found")
            found[reason], others = found[reason] + 1, others + len(bad)
        print(f"  {name:<12} {dict(found)}, other channels {others}")
    unplugged = [
        plant(each, CHANNEL_FAULTS["unplugged"], [SPOILED], seed) for seed, each in enumerate(recordings)
    ]
    largest = max(correlations(each)[CHANNELS.index(SPOILED)] for each in unplugged)
    print(f"  largest correlation of an unplugged channel {largest:.2f}")
    for name, fault in WINDOW_FAULTS.items():
        wrong = Counter()
        for recording in recordings:
            findings, faults = examine(plant(recording, fault))
            wrong[f"windows {'+'.join(faults) or 'not found'}, bad channels {len(findings.bad)}"] += 1
        print(f"  {name:<12} {dict(wrong)}")


if __name__ == "__main__":
    main()
