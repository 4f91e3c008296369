"""The section that says at which numbers of network calls a run's quality is measured."""

from typing import Annotated, Literal

from pydantic import Field

from signal_diffusion.config.fields import Section, key

Solver = Literal["euler", "heun", "dpmpp_2m", "ddim"]


class Calls(Section):
    """Quality against network calls (`snakemake results/diffusion-calls/RUN`); its own sampling is one of them."""

    solvers: list[Solver] = key(
        ["euler", "heun", "dpmpp_2m", "ddim"],
        "Solvers that are compared; on flow's path `ddim` is `euler` and is left out.",
        stage="calls",
        min_length=1,
    )
    calls: list[Annotated[int, Field(ge=1)]] = key(
        [5, 10, 20, 50, 100],
        "Calls per image; each solver takes as many steps as they allow, guidance two calls where one is one.",
        stage="calls",
        min_length=1,
    )
    num_samples: int = key(
        256,
        "Images of each set, with the reference split's labels, at most as many as that has.",
        stage="calls",
        ge=16,
    )
