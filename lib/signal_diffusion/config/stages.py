"""Which resolved values a stage's results depend on."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from signal_diffusion.config.fields import STAGES, Section, metadata


def stage_keys(model: Section, stage: str) -> dict[str, Any]:
    """Return dotted key -> resolved value, JSON-able, of all keys that change what `stage` makes."""
    if stage not in STAGES:
        raise ValueError(f"no stage {stage!r}; stages are {', '.join(STAGES)}")
    unread, also = model.unread(), model.also_read(stage)
    return {
        key: value
        for key, value, stages in _walk(model, "")
        if (stage in stages or key in also) and key not in unread
    }


def described(section: Section) -> list[tuple[str, Any, str, str]]:
    """Key, resolved value, unit and description of every key of a section that changes what some stage makes."""
    return [
        (name, _plain(getattr(section, name)), metadata(field)["unit"] or "", field.description or "")
        for name, field in type(section).model_fields.items()
        if metadata(field).get("stage", ("none",)) != ("none",)
    ]


def _walk(model: Section, prefix: str):
    for name, field in type(model).model_fields.items():
        value, dotted = getattr(model, name), f"{prefix}{name}"
        if isinstance(value, Section):
            yield from _walk(value, f"{dotted}.")
        elif isinstance(value, dict) and any(isinstance(each, Section) for each in value.values()):
            for entry, section in value.items():
                yield from _walk(section, f"{dotted}.{entry}.")
        else:
            yield dotted, _plain(value), metadata(field).get("stage", ())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value
