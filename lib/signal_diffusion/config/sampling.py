"""The sections that say how a trained run is sampled and judged."""

from typing import Any, Literal

from signal_diffusion.config.fields import Section, key


class Inference(Section):
    """Sampling, during training's evaluation and in generation."""

    solver: Literal["euler", "heun", "dpmpp_2m"] = key(
        "euler",
        "ODE solver; `ddim` is accepted for euler, to which it is equal on this path.",
        stage="generation",
    )
    denoising_steps: int = key(50, "Solver steps.", stage="generation", ge=1)
    timestep_shift: float = key(
        1.0,
        "Moves the steps towards noise, t -> s t / (1 + (s - 1) t) (Esser et al. 2024); larger where images "
        "share structure, which is settled early.",
        stage="generation",
        gt=0,
    )
    cfg_scale: float = key(
        7.5,
        "Guidance: u + scale (c - u); 1 is none, and the default without a condition.",
        stage="generation",
        ge=0,
    )

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take ddim for euler: with x = (1 - s) data + s noise both make the same step."""
        return {**data, "solver": "euler"} if data.get("solver") == "ddim" else data


class Generation(Section):
    """The synthetic dataset."""

    num_samples: int = key(
        512, "Images, with the reference split's distribution of labels.", stage="generation", ge=2
    )
    seed: int = key(
        0, "Seed; the noise of a sample depends on it and the sample's index.", stage="generation", ge=0
    )
    batch_size: int = key(64, "Images at a time.", stage="generation", ge=1)
    grid_per_condition: int = key(
        4, "Images per condition in the grid, real and generated each.", stage="figures", ge=1
    )


class Evaluation(Section):
    """The battery."""

    encoder: str | None = key(
        None, "A feature-encoder run of config/support/; unset: spectral features only.", stage="evaluation"
    )
    reference_split: Literal["val", "test"] = key(
        "test", "Real windows that generated ones are held against.", stage=("generation", "evaluation")
    )
    bootstrap: int = key(200, "Bootstrap samples of the intervals.", stage="evaluation", ge=2)
    seed: int = key(0, "Seed of subsets and bootstrap.", stage="evaluation", ge=0)
