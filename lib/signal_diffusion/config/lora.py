"""`[model.lora]`: adapters of low rank (LoRA, Hu et al. 2021, arXiv 2106.09685)."""

from typing import Literal, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key


class Lora(Section):
    """Adapters of pretrained Stable Diffusion weights, which stay as they are."""

    enabled: bool = key(False, "Train adapters alone.", stage="training")
    rank: int = key(4, "Rank.", stage="training", ge=1)
    alpha: float = key(4.0, "Adapters are multiplied by alpha / rank.", stage="training", gt=0)
    dropout: float = key(0.0, "Dropout of what enters the adapters.", stage="training", ge=0, lt=1)
    target_modules: list[str] = key(
        ["to_q", "to_k", "to_v", "to_out.0"],
        "Ends of the names of the layers that adapt.",
        stage="training",
        min_length=1,
    )
    bias: Literal["none", "all", "lora_only"] = key(
        "none", "Biases that train: none, all, or those of the layers that adapt.", stage="training"
    )
    scaling: float | None = key(
        None, "What adapters are multiplied by, in place of alpha / rank.", stage="training", gt=0
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in sorted(self.model_fields_set - {"enabled"}):
            if not self.enabled:
                raise Contradiction(name, "goes with enabled = true; set that, or remove the key")
        if self.scaling is not None and "alpha" in self.model_fields_set:
            raise Contradiction("scaling", "says what alpha / rank would; remove one of them")
        return self
