"""EDF, EDF+ and BDF (Kemp et al., 1992; Kemp and Olivan, 2003; BioSemi's 24-bit variant).

Refused is what others let pass: a truncated file, channels of unequal rates, an unknown unit, the gaps of a
discontinuous EDF+, records that state other times than the header. Samples beyond the digital range are kept:
CHB-MIT has them.
"""

from pathlib import Path

import numpy as np

from signal_diffusion.recordings.formats.biosemi import pauses
from signal_diffusion.recordings.formats.checks import indices_of, refuse, samples_of, size_and_roughness
from signal_diffusion.recordings.formats.edf_header import (
    VOLTS,
    Layout,
    check_picks,
    check_times,
    number,
    read_layout,
)
from signal_diffusion.recordings.formats.names import is_electrode
from signal_diffusion.recordings.recording import Header, Recording, Span

BLOCK = 2**21  # bytes at a time: they stay in the processor's cache
PEEK = 1000  # samples per signal that show the order of the bytes
WIDEST_UV = 1e7  # 20 times what any EEG amplifier measures
EVEN_SD = (0.25, 0.33)  # of the whole digital range; samples spread evenly over it have 0.29
BORDERS, FEWEST_BORDERS = 9, 5  # of data records, whose steps are compared with the others
JUMP = 2.5  # times the usual step
ROUGH = 0.5  # SD of steps over SD; slow waves that fill the range, as sines do, are smoother


def read_header(path: Path, span: Span | None = None) -> Header:
    layout = read_layout(path)
    chosen = layout.measured
    check_picks(path, layout, chosen)
    _calibrations(path, layout, [i for i in chosen if is_electrode(layout.labels[i])])
    count = layout.counts[chosen[0]]
    fs = count / layout.seconds
    samples_of(path, span, fs, layout.records * count)
    channels = tuple(layout.labels[i] for i in chosen)
    gaps, open_seconds = pauses(path, layout)
    notes = (f"the reference loop was open for {open_seconds:.1f} s",) if open_seconds else ()
    return Header(fs, layout.records * layout.seconds, channels, layout.format, notes, gaps)


def read(path: Path, picks: list[str] | None = None, span: Span | None = None) -> Recording:
    layout = read_layout(path)
    chosen = layout.measured if picks is None else indices_of(path, picks, layout.labels)
    check_picks(path, layout, chosen)
    gains, offsets = _calibrations(path, layout, chosen)
    count = layout.counts[chosen[0]]
    fs = count / layout.seconds
    first, stop = samples_of(path, span, fs, layout.records * count)
    start = first // count
    data = np.empty((len(chosen), (-(-stop // count) - start) * count), np.float32)
    _decode(path, layout, chosen, start, gains, data)
    _check_continuity(path, data.reshape(len(chosen), -1, count))
    data += offsets
    wanted = np.ascontiguousarray(data[:, first - start * count : stop - start * count])
    return Recording(wanted, fs, tuple(layout.labels[i] for i in chosen))


def _calibrations(path: Path, layout: Layout, chosen: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Microvolts per digital unit, and microvolts at digital zero: float32 [signals, 1] each."""
    limit = 2 ** (8 * layout.width - 1)
    gains, offsets = np.empty((2, len(chosen), 1), np.float32)
    for row, i in enumerate(chosen):
        texts = zip(
            ("physical minimum", "physical maximum", "digital minimum", "digital maximum"),
            layout.ranges[i],
            strict=True,
        )
        low, high, bottom, top = (number(path, f"{name} of {layout.name(i)}", text) for name, text in texts)
        if not (-limit <= bottom < top < limit and bottom.is_integer() and top.is_integer()):
            expected = f"two integers within {-limit} to {limit - 1}"
            raise refuse(path, f"digital range of {layout.name(i)}", f"{bottom:g} to {top:g}", expected)
        volts = VOLTS[layout.units[i]]
        if low == high or abs(high - low) * volts > WIDEST_UV:
            expected = f"a range of at most {WIDEST_UV:g} uV"
            raise refuse(path, f"physical range of {layout.name(i)}", f"{low:g} to {high:g}", expected)
        gains[row] = volts * (high - low) / (top - bottom)
        offsets[row] = volts * (low - bottom * (high - low) / (top - bottom))
    _check_polarity(path, layout, chosen, gains[:, 0])
    return gains, offsets


def _check_polarity(path: Path, layout: Layout, chosen: list[int], gains: np.ndarray) -> None:
    """EDF may turn a signal round by its range, but no recorder does so to some of the electrodes."""
    turned = {i for i, gain in zip(chosen, gains, strict=True) if gain < 0 and is_electrode(layout.labels[i])}
    upright = {i for i in chosen if is_electrode(layout.labels[i])} - turned
    if turned and upright:
        i = min(turned, key=chosen.index)
        raise refuse(
            path, f"physical range of {layout.name(i)}", "its minimum above its maximum", "the reverse"
        )


def _decode(
    path: Path, layout: Layout, chosen: list[int], start: int, gains: np.ndarray, data: np.ndarray
) -> None:
    """Fill float32 [signals, samples] from data record `start` on with samples times gains."""
    count = layout.counts[chosen[0]]
    places = [sum(layout.counts[:i]) for i in chosen]
    step = max(1, BLOCK // layout.row)
    with path.open("rb") as file:
        file.seek(layout.size + start * layout.row)
        for at in range(0, data.shape[1] // count, step):
            records = min(step, data.shape[1] // count - at)
            content = np.fromfile(file, np.uint8, records * layout.row).reshape(-1, layout.row)
            if layout.start is not None:
                check_times(path, layout, start + at, [bytes(row) for row in content[:, layout.annotations]])
            samples = _integers(content, layout.width)
            for row, place in enumerate(places):
                digital = samples[:, place : place + count]
                out = data[row, at * count : (at + records) * count].reshape(records, count)
                np.multiply(digital, gains[row], out=out)
            if at == 0:
                few = samples[: 1 + PEEK // count]
                _check_order(path, layout, [few[:, place : place + count] for place in places])


def _integers(content: np.ndarray, width: int) -> np.ndarray:
    """Little-endian integers of 2 or 3 bytes: int16 or int32 [records, samples]."""
    if width == 2:
        return content.view("<i2")
    low, middle, high = (content[:, byte::3] for byte in range(3))
    return low | middle.astype(np.int32) << 8 | high.view(np.int8).astype(np.int32) << 16


def _check_order(path: Path, layout: Layout, signals: list[np.ndarray]) -> None:
    """Bytes in the wrong order, or shifted by one, are noise that fills the whole digital range evenly."""
    size, roughness = size_and_roughness(np.stack([signal.ravel()[:PEEK] for signal in signals], axis=1))
    share = size / 2 ** (8 * layout.width)
    if roughness > ROUGH and EVEN_SD[0] < share < EVEN_SD[1]:
        raise refuse(path, "samples", "noise over the whole digital range", "an EEG, lowest byte first")


def _check_continuity(path: Path, data: np.ndarray) -> None:
    """Refuse data records whose ends do not meet: bytes lost or added before them have shifted the signals.

    data: [signals, records, samples]. The step from one record to the next is, in the mean over signals, as large as
    any other (EEGMAT and CHB-MIT: 0.5 to 1.2 times); after a shift it is that between two signals (3 to 60 times).
    """
    last = data[:, -BORDERS - 1 :]
    steps = np.abs(np.diff(last, axis=2)).mean()
    jumps = np.abs(last[:, 1:, 0] - last[:, :-1, -1]).mean(axis=0)
    if len(jumps) >= FEWEST_BORDERS and 0 < JUMP * steps < np.median(jumps):
        found = f"steps of {np.median(jumps):.3g} uV at the records' borders"
        raise refuse(path, "samples", found, f"about {steps:.3g} uV, as inside the records")
