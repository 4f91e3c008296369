"""Combinations that make no sense, each with its reason: what the dry run refuses, and docs/diffusion.md lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from signal_diffusion import markdown
from signal_diffusion.config.fields import Contradiction

if TYPE_CHECKING:
    from signal_diffusion.config.diffusion import DiffusionRun

SERIES = "timeseries"
UNGUIDED = "guidance of a model that was never without its condition"


class Senseless(NamedTuple):
    """One combination: what it is, the key that is refused, why and what to do, and whether a run has it.

    `applies` takes a run and its representation, None where that is not known yet.
    """

    combination: str
    key: str
    reason: str
    applies: Callable[[DiffusionRun, str | None], bool]


def _extras(name: str) -> Callable[[DiffusionRun, str | None], bool]:
    return lambda run, _: bool(getattr(run.model.extras, name, None))


def _prompted(run: DiffusionRun) -> bool:
    return hasattr(run.model.extras, "native")


def _without(conditioning: str, applies: Callable[[DiffusionRun, str | None], bool]):
    return lambda run, kind: run.model.conditioning == conditioning and applies(run, kind)


def _guided(run: DiffusionRun, _: str | None) -> bool:
    return "cfg_scale" in run.inference.model_fields_set and run.inference.cfg_scale != 1


def _said_tokens(run: DiffusionRun) -> int:
    extras = run.model.extras
    return extras.t5_tokens if "t5_tokens" in extras.model_fields_set else 0


def _rectified(run: DiffusionRun) -> bool:
    return run.inference.guidance == "rectified-cfg++"


SENSELESS: tuple[Senseless, ...] = (
    Senseless(
        "a time series in latent space",
        "model.extras.latent_space",
        "a VAE of images would halve the electrodes' axis, which has no order; remove the key, and make tokens "
        "longer by patch_size",
        lambda run, kind: run.model.extras.latent_space and kind == SERIES,
    ),
    Senseless(
        "a VAE in pixel space",
        "model.extras.vae",
        "latent_space is false; set it to true, or remove the key",
        lambda run, _: run.model.extras.vae is not None and not run.model.extras.latent_space,
    ),
    Senseless(
        "a tiled VAE in pixel space",
        "model.vae_tiling",
        "model.extras.latent_space is false; set it to true, or remove the key",
        lambda run, _: run.model.vae_tiling and not run.model.extras.latent_space,
    ),
    Senseless(
        "pretrained weights of a network that has none",
        "model.pretrained",
        "only stable-diffusion and stable-diffusion-35 start from released weights; remove the key",
        lambda run, _: run.model.pretrained is not None and not _prompted(run),
    ),
    Senseless(
        "a revision of no weights",
        "model.revision",
        "model.pretrained is not set; set it, or remove the key",
        lambda run, _: run.model.revision is not None and run.model.pretrained is None,
    ),
    Senseless(
        "adapters of weights that are drawn at random",
        "model.lora.enabled",
        "adapters need pretrained weights of stable-diffusion or stable-diffusion-35; set model.pretrained, or remove "
        "the section",
        lambda run, _: run.model.lora.enabled and run.model.pretrained is None,
    ),
    Senseless(
        "text encoders that train without captions",
        "model.extras.train_text_encoder",
        'no caption is read; set model.conditioning to "caption", or remove the key',
        lambda run, _: run.model.conditioning != "caption" and _extras("train_text_encoder")(run, None),
    ),
    Senseless(
        "preconditioning of another prediction than the vector field",
        "objective.precondition",
        'goes with prediction_type = "vector_field"; remove one of them',
        lambda run, _: run.objective.precondition and run.objective.prediction_type != "vector_field",
    ),
    Senseless(
        "preconditioning on a variance-preserving schedule",
        "objective.precondition",
        'leaves v there, which prediction_type = "v" predicts; remove the key',
        lambda run, _: run.objective.precondition and run.objective.noise_schedule != "flow",
    ),
    Senseless(
        "guidance without a condition",
        "inference.cfg_scale",
        'model.conditioning is "none", so there is nothing to guide; set 1.0, or remove the key',
        _without("none", _guided),
    ),
    Senseless(
        "dropped conditions without a condition",
        "model.extras.cfg_dropout",
        'model.conditioning is "none"; set it to "caption", or remove cfg_dropout',
        _without("none", _extras("cfg_dropout")),
    ),
    Senseless(
        "a condition's width without a condition",
        "model.extras.mapping_cond_dim",
        'model.conditioning is "none"; set it to "caption", or remove mapping_cond_dim',
        _without("none", _extras("mapping_cond_dim")),
    ),
    Senseless(
        "text encoders without captions",
        "model.extras.text_encoder",
        'no caption is read; set model.conditioning to "caption", or remove text_encoder',
        lambda run, _: run.model.conditioning != "caption" and bool(run.model.extras.text_encoder),
    ),
    Senseless(
        "T5 without captions",
        "model.extras.skip_t5",
        'no caption is read; set model.conditioning to "caption", or remove skip_t5',
        lambda run, _: run.model.conditioning != "caption" and not getattr(run.model.extras, "skip_t5", True),
    ),
    Senseless(
        "tokens of T5 without captions",
        "model.extras.t5_tokens",
        'no caption is read; set model.conditioning to "caption", or remove t5_tokens',
        lambda run, _: run.model.conditioning != "caption" and _said_tokens(run) > 0,
    ),
    Senseless(
        "captions from no column",
        "dataset.caption_column",
        'is empty, but model.conditioning is "caption"; set it to "text"',
        _without("caption", lambda run, _: not run.dataset.caption_column),
    ),
    Senseless(
        "classes from no column",
        "dataset.class_column",
        'model.conditioning is "classes"; name the label, such as "activity"',
        _without("classes", lambda run, _: not run.dataset.class_column),
    ),
    Senseless(
        "no classes to tell apart",
        "dataset.num_classes",
        'model.conditioning is "classes"; say how many there are, 2 or more',
        _without("classes", lambda run, _: run.dataset.num_classes < 2),
    ),
    Senseless(
        "a column of classes without classes",
        "dataset.class_column",
        'is read where model.conditioning is "classes"; set that, or remove the key',
        lambda run, _: run.model.conditioning != "classes" and run.dataset.class_column is not None,
    ),
    Senseless(
        "a number of classes without classes",
        "dataset.num_classes",
        'is read where model.conditioning is "classes"; set that, or remove the key',
        lambda run, _: run.model.conditioning != "classes" and run.dataset.num_classes > 0,
    ),
    Senseless(
        "rectified CFG++ on a variance-preserving schedule",
        "inference.guidance",
        'rectified-cfg++ is made for flow matching; set guidance = "cfg", or objective.noise_schedule = "flow"',
        lambda run, _: _rectified(run) and run.objective.noise_schedule != "flow",
    ),
    Senseless(
        "rectified CFG++ with another solver than Euler",
        "inference.guidance",
        'rectified-cfg++ is a rule for an Euler step; set solver = "euler", or guidance = "cfg"',
        lambda run, _: _rectified(run) and run.inference.solver != "euler",
    ),
    Senseless(
        "rectified CFG++ without a condition",
        "inference.guidance",
        'model.conditioning is "none", so there is nothing to guide; set guidance = "cfg", or remove the key',
        _without("none", lambda run, _: _rectified(run)),
    ),
    Senseless(
        "the power of a guidance that has none",
        "inference.guidance_power",
        'goes with guidance = "rectified-cfg++"; remove the key',
        lambda run, _: "guidance_power" in run.inference.model_fields_set and not _rectified(run),
    ),
    Senseless(
        "a form of the loss weight without one",
        "objective.snr_weight",
        "training.snr_gamma is not set, so nothing is weighed; set it, such as 5.0, or remove the key",
        lambda run, _: "snr_weight" in run.objective.model_fields_set and run.training.snr_gamma is None,
    ),
    Senseless(
        "a number of validation windows without a validation split",
        "dataset.max_eval_samples",
        'dataset.val_split is not set; set it, such as "val", or remove the key',
        lambda run, _: run.dataset.max_eval_samples is not None and run.dataset.val_split is None,
    ),
    Senseless(
        "a distance from no windows",
        "training.eval_mmd_samples",
        "there is no validation split; set dataset.val_split, or training.eval_mmd_fallback_ntrain to 2 or more",
        lambda run, _: (
            run.training.eval_mmd_samples > 0
            and run.dataset.val_split is None
            and run.training.eval_mmd_fallback_ntrain < 2
        ),
    ),
)


def refuse_senseless(run: DiffusionRun, representation: str | None = None) -> None:
    """Raise the Contradiction of the first combination that the run has."""
    for each in SENSELESS:
        if each.applies(run, representation):
            raise Contradiction(each.key, each.reason)
    _refuse_unguided(run)


def _refuse_unguided(run: DiffusionRun) -> None:
    scale = run.inference.cfg_scale
    if run.model.conditioning != "none" and scale != 1 and run.model.extras.cfg_dropout == 0:
        message = (
            f"guidance of {scale:g} needs a trained null condition; "
            "set model.extras.cfg_dropout, such as 0.1, or 1.0 here"
        )
        raise Contradiction("inference.cfg_scale", message)


def table() -> str:
    """The combinations as rows of markdown, as docs/diffusion.md lists them."""
    rows = [(each.combination, f"`{each.key}`", each.reason) for each in SENSELESS]
    rows.append(
        (UNGUIDED, "`inference.cfg_scale`", "needs a trained null condition; set model.extras.cfg_dropout")
    )
    return markdown.table(("Combination", "Key that is refused", "Why, and what to do"), rows) + "\n"
