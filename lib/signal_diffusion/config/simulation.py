"""The part of a recipe that says which subjects are simulated."""

from typing import Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key
from signal_diffusion.equipment import RATES


class Simulation(Section):
    """The simulated subjects of the demo dataset."""

    subjects: int = key(80, "Number of subjects.", stage="index", ge=3)
    seconds: float = key(60.0, "Length of a recording.", stage="index", unit="s", gt=0)
    rate: float = key(
        250.0, "Sampling rate of the recordings, one that amplifiers have.", stage="index", unit="Hz", gt=0
    )
    seed: int = key(7, "Seed of subjects and signals.", stage="index", ge=0)
    line_hz: float = key(50.0, "Frequency of the line noise.", stage="index", unit="Hz", gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.rate not in RATES:
            near = min(RATES, key=lambda rate: abs(rate - self.rate))
            raise Contradiction("rate", f"no amplifier has {self.rate:g} Hz; take another, such as {near}")
        if round(self.seconds * self.rate) % self.rate:
            whole = f"an EDF holds whole seconds; take {max(round(self.seconds), 1)}"
            raise Contradiction("seconds", f"{self.seconds:g} s cannot be written, for {whole}")
        return self
