"""The part of a recipe that says which channels."""

from typing import Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key
from signal_diffusion.config.messages import nearest
from signal_diffusion.equipment import BIPOLAR_SET, CHANNEL_SETS


class Channels(Section):
    """Which channels, by name."""

    set: str | list[str] = key("1020-19", "A named channel set, or a list of channel names.", stage="shards")
    missing: Literal["refuse", "interpolate"] = key(
        "refuse",
        "What becomes of a recording without one of them; interpolate: from the others, by spherical splines.",
        stage="shards",
    )
    bad: Literal["keep", "interpolate", "refuse"] = key(
        "keep",
        "What becomes of a bad channel: kept as it is but left out of the average reference, interpolated, or "
        "the recording refused.",
        stage="shards",
    )

    @model_validator(mode="after")
    def _check_set(self) -> Self:
        if isinstance(self.set, str) and self.set not in CHANNEL_SETS:
            guess = nearest(self.set, list(CHANNEL_SETS))
            hint = f"did you mean {guess}?" if guess else f"use one of {', '.join(CHANNEL_SETS)}, or a list"
            raise Contradiction("set", f"found {self.set!r}, which is no channel set; {hint}")
        for name in ("missing", "bad"):
            if getattr(self, name) == "interpolate" and self.set == BIPOLAR_SET:
                message = "bipolar channels have no place on the head to interpolate; choose another"
                raise Contradiction(name, message)
        return self
