"""The base of every configuration section and the one way to declare a key."""

from __future__ import annotations

from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

STAGES = (
    "index",
    "shards",
    "dataset",
    "support",
    "captions",
    "latents",
    "training",
    "generation",
    "evaluation",
    "calls",
    "figures",
    "synthetic",
    "images",
    "none",
)


class Contradiction(ValueError):
    """A value that cannot stand; `key` is dotted and relative to the section that raised it."""

    def __init__(self, key: str, message: str):
        super().__init__(message)
        self.key = key


def key(
    default: Any,
    description: str,
    *,
    stage: str | tuple[str, ...] = "none",
    unit: str | None = None,
    refused: str | None = None,
    **constraints: Any,
) -> Any:
    """Declare one documented key; pass `...` as default when it is required.

    stage: the stages whose results change with the value ("none": nothing becomes stale).
    refused: the reason why any value but the default is refused.
    """
    stages = (stage,) if isinstance(stage, str) else stage
    if unknown := set(stages) - set(STAGES):
        raise ValueError(f"unknown stage {unknown}")
    extra = {"stage": stages, "unit": unit, "refused": refused}
    return Field(default, description=description, json_schema_extra=extra, **constraints)


def section(table: type[Section]) -> Any:
    """Declare an optional table; it is built only when a file is read, which keeps imports light."""
    return Field(default_factory=table)


def metadata(field: Any) -> dict[str, Any]:
    """Return the stage, unit and refusals that `key` stored with a field."""
    return field.json_schema_extra or {}


class Section(BaseModel):
    """A TOML table: strict types, unknown keys refused, immutable once resolved.

    aliases: other names of keys. elsewhere: documented keys that belong to another kind of this table, and what
    to do. applies: where a key holds one of several tables, when this one.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, defer_build=True)
    aliases: ClassVar[dict[str, str]] = {}
    elsewhere: ClassVar[dict[str, str]] = {}
    applies: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = cls.rename(dict(data))
        for name, field in cls.model_fields.items():
            if name in data:
                # TOML has no null: the documents write an empty string for "none".
                if data[name] == "" and type(None) in get_args(field.annotation):
                    data[name] = None
                _refuse(name, field, data[name])
        return data

    @classmethod
    def rename(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Replace documented aliases by the names of the fields; sections may extend this."""
        for name, reason in cls.elsewhere.items():
            if name in data:
                raise Contradiction(name, reason)
        for alias, name in cls.aliases.items():
            if alias not in data:
                continue
            if name in data:
                raise Contradiction(alias, f"is another name of {name}, which is given too; remove one")
            data[name] = data.pop(alias)
        return data

    @classmethod
    def chosen(cls, name: str, data: dict[str, Any]) -> type[Section] | None:
        """The section that key `name` holds in this table, where it may hold one of several."""
        return None

    def unread(self) -> frozenset[str]:
        """Dotted keys that no stage reads, given the values of others."""
        return frozenset()

    def also_read(self, stage: str) -> frozenset[str]:
        """Dotted keys that `stage` reads too, given the values of others."""
        return frozenset()

    def fill(self, **values: Any) -> None:
        """Set resolved defaults; for validators only, since sections are frozen."""
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _refuse(name: str, field: Any, value: Any) -> None:
    rules = metadata(field)
    if rules.get("refused") and value != field.default:
        raise Contradiction(name, f"{value!r} is not in this version: {rules['refused']}")
