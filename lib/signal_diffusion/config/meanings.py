"""What the keys of a recipe or a run mean, for those who read the values."""

from __future__ import annotations

from pathlib import Path

from signal_diffusion.config.fields import Section, metadata
from signal_diffusion.config.recipe import load_recipe
from signal_diffusion.config.runs import load_run
from signal_diffusion.errors import UserError


def meanings(path: Path) -> dict[str, tuple[str, str]]:
    """Dotted key -> (unit, description) of a file in config/; of none where the file is no longer there or valid."""
    try:
        model = load_recipe(path) if path.parent.name == "dataset" else load_run(path)
    except UserError:
        return {}
    return dict(_walk(model, ""))


def _walk(model: Section, prefix: str):
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, Section):
            yield from _walk(value, f"{prefix}{name}.")
        elif isinstance(value, dict) and any(isinstance(each, Section) for each in value.values()):
            for entry, section in value.items():
                yield from _walk(section, f"{prefix}{name}.{entry}.")
        else:
            yield f"{prefix}{name}", (metadata(field).get("unit") or "", field.description or "")
