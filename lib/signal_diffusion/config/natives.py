"""What a run of a Stable Diffusion network takes from the released models where it says nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from signal_diffusion.config.fields import Contradiction
from signal_diffusion.config.stable_diffusion import Prompted

if TYPE_CHECKING:
    from signal_diffusion.config.diffusion import DiffusionRun

TRAINED_IN = ("prediction_type", "noise_schedule")  # what pretrained weights cannot do without
V_OF = "stable-diffusion"  # some of whose released weights predict v


def fill_natives(run: DiffusionRun) -> None:
    """Set the released model's objective where the run says nothing, and with `pretrained` its latent space."""
    extras = run.model.extras
    if not isinstance(extras, Prompted):
        return
    if run.model.pretrained is not None:
        _check_pretrained(run, extras)
        extras.fill(latent_space=True)
        run.fill(dataset=run.dataset.model_copy(update={"standardise": "none"}))
    said, native = run.objective.model_fields_set, extras.native["objective"]["noise_schedule"]
    on_its_path = "noise_schedule" not in said or run.objective.noise_schedule == native
    for name, values in extras.native.items():
        section = getattr(run, name)
        missing = {
            key: value
            for key, value in values.items()
            if key not in section.model_fields_set and (on_its_path or key in TRAINED_IN)
        }
        if said & {"times_mean", "times_std"}:
            missing.pop("times", None)
        run.fill(**{name: section.model_copy(update=missing)})


def _check_pretrained(run: DiffusionRun, extras: Prompted) -> None:
    own = {
        "latent_space": (extras, extras.latent_space, True, "model.extras"),
        "standardise": (run.dataset, run.dataset.standardise, "none", "dataset"),
    }
    for key, (section, found, wanted, place) in own.items():
        if key in section.model_fields_set and found != wanted:
            raise Contradiction(f"{place}.{key}", f"pretrained weights need {_shown(wanted)}; remove the key")
    for key in extras.architecture:
        if key in extras.model_fields_set:
            raise Contradiction(
                f"model.extras.{key}",
                "is that of the pretrained weights; remove the key, or model.pretrained",
            )
    for key in TRAINED_IN:
        _check_objective(run, extras, key)


def _check_objective(run: DiffusionRun, extras: Prompted, key: str) -> None:
    found, native = getattr(run.objective, key), extras.native["objective"][key]
    fits = found == native or (run.model.name == V_OF and found == "v")
    if key in run.objective.model_fields_set and not fits:
        message = f'pretrained weights were trained with "{native}"; remove the key, or model.pretrained'
        raise Contradiction(f"objective.{key}", message)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
