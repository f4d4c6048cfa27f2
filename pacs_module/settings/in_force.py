"""All settings and switches as they are in force, each with where it comes from; secrets are not told."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from ..domain.configuration import HIDDEN, InForce, without_password
from ..domain.rules.switches import Switches
from ..shared.switches_file import DEFAULT_CONFIG, read_assignments
from .profiles import profile_keys
from .whole import ENVIRONMENT_PREFIX, Settings

_TOKEN_IN_PATH = frozenset({"alarms.webhook.url"})
"""Addresses whose path is what lets one in."""
_HOST = re.compile(r"^(\w+://[^/]+)/.+$")


def settings_in_force(settings: Settings, environment: Mapping[str, str] = os.environ) -> list[InForce]:
    """The settings of pacs_module, by section."""
    return [
        one
        for name in type(settings).model_fields
        for one in _of_field(settings, name, "", environment, str(settings.file or ""), frozenset())
    ]


def _of_field(
    model: BaseModel,
    name: str,
    path: str,
    environment: Mapping[str, str],
    file: str,
    profiled: frozenset[str],
) -> Iterator[InForce]:
    value, place = getattr(model, name), f"{path}{name}"
    if isinstance(value, BaseModel):
        for inner in type(value).model_fields:
            yield from _of_field(value, inner, f"{place}.", environment, file, profiled)
        return
    if isinstance(value, tuple) and value and all(isinstance(one, BaseModel) for one in value):
        for number, one in enumerate(value):
            label = f"{place}.{getattr(one, 'name', number)}."
            profile = getattr(one, "profile", None)
            keys = profile_keys(profile) if profile else frozenset()
            for inner in type(one).model_fields:
                yield from _of_field(one, inner, label, environment, file, keys)
        return
    source, where = _source(model, name, place, environment, file, profiled)
    default = type(model).model_fields[name].get_default(call_default_factory=True, validated_data={})
    group = place.partition(".")[0] if "." in place else "service"
    shown = _HOST.sub(r"\1/…", _shown(value)) if place in _TOKEN_IN_PATH else _shown(value)
    yield InForce(group, place, shown, source, where, source != "default" and value != default)


def _source(
    model: BaseModel,
    name: str,
    place: str,
    environment: Mapping[str, str],
    file: str,
    profiled: frozenset[str],
) -> tuple[str, str]:
    variable = ENVIRONMENT_PREFIX + place.replace(".", "__").upper()
    known = {key.upper(): key for key, value in environment.items() if value}
    if variable in known:
        return "environment", known[variable]
    if name not in model.model_fields_set:
        return "default", ""
    if name in profiled:
        return "profile", str(getattr(model, "profile", ""))
    first = ENVIRONMENT_PREFIX + place.partition(".")[0].upper()
    return ("environment", known[first]) if first in known else ("file", file)


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if value is None:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(map(_shown, value))
    return without_password(str(value))


def switches_in_force(settings: Settings, switches: Switches) -> list[InForce]:
    """The switches of both processes."""
    config = settings.config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    site, shipped = _assigned(settings.site_config), _assigned(config)
    defaults, found = Switches(), []
    for field in fields(Switches):
        key, value = field.name.upper(), getattr(switches, field.name)
        source, where = "default", ""
        if key in site:
            source, where = "site file", str(settings.site_config)
        elif key in shipped:
            source, where = "config.py", str(config)
        changed = value != getattr(defaults, field.name)
        found.append(InForce("switches", key, _shown(value), source, where, changed))
    return found


def _assigned(path: Path | None) -> frozenset[str]:
    return frozenset(read_assignments(path)) if path is not None and path.exists() else frozenset()
