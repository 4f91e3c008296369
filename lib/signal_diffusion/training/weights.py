"""Weights as safetensors that carry their own recipe."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from signal_diffusion.errors import UserError
from signal_diffusion.files import atomic_path

if TYPE_CHECKING:
    from signal_diffusion.config.classification import ClassificationRun
    from signal_diffusion.config.diffusion import DiffusionRun


def weights_path(run: "DiffusionRun | ClassificationRun") -> Path:
    """Where a training started by hand writes its weights; UserError where the run does not say."""
    if run.training.output_dir is None:
        raise UserError(f"{run.path} [training] output_dir: not set; set it, or give --out")
    return Path(run.training.output_dir) / "model.safetensors"


def save_weights(path: str | Path, state: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """`state` and, as its one metadata entry `json`, `config`; equal inputs give equal bytes."""
    with atomic_path(path) as temporary:
        write_tensors(temporary, state, config)


def load_weights(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The CPU tensors and the config of `save_weights`; `UserError` for any other kind of file."""
    tensors, metadata = _read(path)
    if "json" not in metadata:
        raise UserError(f"{path}: its metadata has no config; expected weights written by signal_diffusion")
    return tensors, json.loads(metadata["json"])


def load_plain(path: str | Path) -> dict[str, Tensor]:
    """The CPU tensors of any safetensors file, such as diffusers writes; `UserError` for another kind of file."""
    return _read(path)[0]


def write_tensors(path: Path, state: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """A safetensors file at `path`; tensors that share memory (tied weights) are written once per name."""
    seen: set[int] = set()
    tensors = {name: _alone(value, seen) for name, value in state.items()}
    save_file(tensors, path, metadata={"json": json.dumps(meta, sort_keys=True)})


def _alone(value: Tensor, seen: set[int]) -> Tensor:
    value = value.detach().cpu().contiguous()
    address = value.untyped_storage().data_ptr()
    if address in seen and value.numel():
        return value.clone()
    seen.add(address)
    return value


def _read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
            return tensors, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not readable as safetensors ({error}); make it again") from error
