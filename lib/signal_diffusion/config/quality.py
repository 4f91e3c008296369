"""The part of a recipe that says what is filtered away, which channels and windows count as bad."""

from typing import Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key


class Filter(Section):
    """Zero-phase filters, which run at `signal.fs` before anything is compared; none by default."""

    notch: float | None = key(
        None,
        "Line frequency, taken out with its harmonics below signal.fs / 2; unset: none.",
        stage="shards",
        unit="Hz",
        gt=0,
    )
    notch_width: float = key(
        2.0, "Width of each notch, between its -6 dB points.", stage="shards", unit="Hz", gt=0
    )
    highpass: float | None = key(
        None, "-6 dB point of the high-pass; unset: none.", stage="shards", unit="Hz", gt=0
    )
    lowpass: float | None = key(
        None, "-6 dB point of the low-pass; unset: none.", stage="shards", unit="Hz", gt=0
    )
    order: int = key(
        4,
        "Order of the Butterworth edges, each of which runs forwards and backwards.",
        stage="shards",
        ge=1,
        le=12,
    )

    @model_validator(mode="after")
    def _check_band(self) -> Self:
        if self.highpass is not None and self.lowpass is not None and self.highpass >= self.lowpass:
            raise Contradiction("lowpass", f"is not above highpass = {self.highpass:g} Hz; raise it")
        return self

    def check_rate(self, fs: float) -> None:
        """Raise Contradiction for a frequency that a signal at `fs` Hz does not have."""
        for name in ("notch", "highpass", "lowpass"):
            value = getattr(self, name)
            if value is not None and value >= fs / 2:
                raise Contradiction(f"filter.{name}", f"is not below signal.fs / 2 = {fs / 2:g} Hz; lower it")


class Quality(Section):
    """When a channel, second or window of a recording counts as bad; docs/quality.md gives the sources.

    A second of a channel is flat, clipped or outlying; a channel can also be disconnected. All is looked for
    and recorded always; `drop` and `channels.bad` say what follows from it.
    """

    flat_uv: float = key(
        0.1, "A second whose standard deviation is smaller is flat.", stage="shards", unit="uV", ge=0
    )
    extreme_uv: float = key(
        500.0, "A second whose standard deviation is larger is outlying.", stage="shards", unit="uV", gt=0
    )
    clipped_share: float = key(
        0.01,
        "A second is clipped when more than this share of its samples lies at the channel's own limit.",
        stage="shards",
        gt=0,
        lt=1,
    )
    deviation: float = key(
        5.0,
        "Outlying: so many robust standard deviations from the median, in log amplitude.",
        stage="shards",
        gt=0,
    )
    factor: float = key(4.0, "Outlying: and by this factor in amplitude at least.", stage="shards", ge=1)
    correlation: float = key(
        0.2,
        "A channel that correlates less with every other, in the median over seconds, is disconnected.",
        stage="shards",
        ge=0,
        lt=1,
    )
    bad_share: float = key(
        0.25,
        "A channel is bad when more than this share of its seconds is; a window, of its channels' seconds.",
        stage="shards",
        gt=0,
        lt=1,
    )
    min_channels: float = key(
        0.5, "Least share of the channels that must be there and good.", stage="shards", ge=0, le=1
    )
    min_seconds: float = key(
        0.0, "Least number of good seconds; one window is always needed.", stage="shards", unit="s", ge=0
    )
    drop: list[Literal["flat", "clipped", "outlying"]] = key(
        ["flat", "clipped"], "Windows that are left out, by what is wrong with them.", stage="dataset"
    )
