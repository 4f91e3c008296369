"""The section that says what is noised how, what the network predicts and how its error is weighed."""

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key


class Objective(Section):
    """Noising, prediction and times; formulas: `diffusion/process.py`. `scheduler` is `inference.solver`."""

    prediction_type: Literal["epsilon", "sample", "vector_field", "v"] = key(
        "epsilon", "What the model predicts.", stage="training"
    )
    noise_schedule: Literal["flow", "cosine", "linear", "scaled-linear"] = key(
        "flow",
        "How data become noise: flow matching, or variance-preserving with the angle (cosine) or the rate of "
        "the variance (linear) growing evenly, or as in Stable Diffusion 1 (scaled-linear).",
        stage="training",
    )
    precondition: bool = key(
        False,
        "Let the network predict what a linear guess of the vector field leaves (Karras et al. 2022).",
        stage="training",
    )
    num_timesteps: int = key(1000, "Timesteps.", refused="times are continuous here; remove the key")
    times: Literal["logit-normal", "uniform"] = key(
        "logit-normal", "Distribution of training times (Esser et al. 2024).", stage="training"
    )
    times_mean: float = key(0.0, "Mean of the logit.", stage="training")
    times_std: float = key(1.0, "Standard deviation of the logit.", stage="training", gt=0)
    times_shift: float = key(
        1.0,
        "Multiplies the noise-to-data ratio of each training time, as inference.timestep_shift does in sampling.",
        stage="training",
        gt=0,
    )
    snr_weight: Literal["soft", "hard"] = key(
        "soft",
        "How training.snr_gamma caps the weight: smoothly (Crowson et al. 2024), or by the minimum (Hang et al. "
        "2023).",
        stage="training",
    )
    aliases: ClassVar[dict[str, str]] = {"flow_match_timesteps": "num_timesteps"}

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("times_mean", "times_std"):
            if self.times == "uniform" and name in self.model_fields_set:
                raise Contradiction(
                    name, 'uniform times have none; remove the key, or set times = "logit-normal"'
                )
        return self
