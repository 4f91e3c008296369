"""What `[model.extras]` holds whatever the network; each network's own keys are in the module of its name."""

from typing import Any, ClassVar, Self

from pydantic import model_validator

from signal_diffusion.config.fields import Contradiction, Section, key


class Extras(Section):
    """Keys of every network. `told`: what it is told of the time, the noise level or the time itself."""

    told: ClassVar[str] = "level"
    aliases: ClassVar[dict[str, str]] = {"mapping_cond": "mapping_cond_dim"}
    patch_size: list[int] = key(
        [2, 2],
        "Height and width of a token, one number for both.",
        stage="training",
        unit="pixels",
        min_length=2,
        max_length=2,
    )
    mapping_cond_dim: int | None = key(
        None,
        "Width of the condition: what the text encoders give; of labels any, by default 256.",
        stage="training",
        ge=0,
    )
    in_channels: int | None = key(
        None,
        "Channels of what is noised: 1 or 3 of an image, 1 of a time series, a VAE's; found by itself.",
        stage="images",
        ge=1,
    )
    out_channels: int | None = key(None, "Channels of the prediction; same as `in_channels`.", ge=1)
    cfg_dropout: float = key(
        0.0, "Probability per sample of training the null condition.", stage="training", ge=0, le=1
    )
    text_encoder: str | None = key(
        None,
        "Support run, hub id or folder of two CLIP encoders; default: hf_models.stable_diffusion_model_id.",
        stage=("captions", "training"),
    )
    latent_space: bool = key(False, "Train in the latent space of a VAE.", stage=("latents", "training"))
    vae: str | None = key(
        None,
        "Support run, hub id or folder of the VAE; default: that of hf_models.stable_diffusion_model_id.",
        stage=("latents", "training"),
    )
    num_classes: int = key(0, "Another name of dataset.num_classes.", ge=0)

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Also take one number where a side each is meant."""
        data = super().rename(data)
        if is_int(data.get("patch_size")):
            data["patch_size"] = [data["patch_size"]] * 2
        return data

    @property
    def coarsest(self) -> list[int]:
        """Pixels that the coarsest token covers, [rows, columns]."""
        return self.patch_size

    def check_positive(self, *names: str) -> None:
        for name in names:
            if any(value < 1 for value in getattr(self, name) or []):
                raise Contradiction(name, "holds a number below 1; use positive numbers")

    @classmethod
    def spread_depths(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Take one number of `depths` for every level of `widths`."""
        widths = data.get("widths", cls.model_fields["widths"].default)
        if is_int(data.get("depths")) and isinstance(widths, list):
            data["depths"] = [data["depths"]] * len(widths)
        return data

    def check_heads(self) -> int:
        """The width that heads make together; refuse one that positions by sine and cosine cannot fill."""
        width = self.num_attention_heads * self.attention_head_dim
        if width % 4:
            message = f"{self.num_attention_heads} heads of it make {width}; positions need a multiple of 4"
            raise Contradiction("attention_head_dim", message)
        return width

    def check_levels(self, *names: str) -> None:
        """Refuse lists of another length than `widths`."""
        for name in names:
            if len(getattr(self, name)) != len(self.widths):
                found, levels = len(getattr(self, name)), len(self.widths)
                raise Contradiction(
                    name, f"has {found} entries for the {levels} levels of widths; give one per level"
                )


class Levels(Extras):
    """Keys of networks of several resolutions, from the finest to the deepest; lists have one entry for each."""

    aliases: ClassVar[dict[str, str]] = Extras.aliases | {
        "block_out_channels": "widths",
        "num_res_blocks": "depths",
    }
    depths: list[int] = key(
        [2, 2, 4], "Blocks per level; one number for all.", stage="training", min_length=1
    )
    widths: list[int] = key([128, 256, 512], "Width per level.", stage="training", min_length=1)
    mapping_width: int = key(256, "Width of the mapping network.", stage="training", ge=8, multiple_of=2)
    mapping_depth: int = key(2, "Blocks of the mapping network.", stage="training", ge=1)
    mapping_d_ff: int | None = key(
        None, "Its feed-forward width; default: 3 x mapping_width.", stage="training", ge=1
    )
    mapping_dropout_rate: float = key(0.0, "Dropout of the mapping network.", stage="training", ge=0, lt=1)

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        return cls.spread_depths(super().rename(data))

    @model_validator(mode="after")
    def _resolve_mapping(self) -> Self:
        self.check_positive("patch_size", "depths", "widths")
        self.fill(mapping_d_ff=self.mapping_d_ff or 3 * self.mapping_width)
        return self

    @property
    def coarsest(self) -> list[int]:
        return [side * 2 ** (len(self.widths) - 1) for side in self.patch_size]


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
