"""The sections that say how a trained run is sampled and judged."""

from typing import Literal

from signal_diffusion.config.fields import Section, key


class Inference(Section):
    """Sampling, during training's evaluation and in generation."""

    solver: Literal["euler", "heun", "dpmpp_2m", "ddim"] = key(
        "euler",
        "ODE solver; with flow matching `ddim` is `euler`, to which it is equal there.",
        stage="generation",
    )
    denoising_steps: int = key(50, "Solver steps.", stage="generation", ge=1)
    timestep_shift: float = key(
        1.0,
        "Moves the steps towards noise: the noise-to-data ratio of each is multiplied by it (Esser et al. 2024); "
        "larger where images share structure, which is settled early.",
        stage="generation",
        gt=0,
    )
    cfg_scale: float = key(
        7.5,
        "Guidance: u + scale (c - u); 1 is none, and the default without a condition.",
        stage="generation",
        ge=0,
    )

    guidance: Literal["cfg", "rectified-cfg++"] = key(
        "cfg",
        "How conditions are enforced: classifier-free guidance, or its predictor-corrector form for flows (Saini "
        "et al. 2025).",
        stage="generation",
    )
    guidance_power: float = key(
        0.0,
        "Of rectified-cfg++: guidance grows as (1 - t)^power from noise to data, to cfg_scale - 1.",
        stage="generation",
        ge=0,
    )


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
