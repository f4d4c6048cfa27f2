"""All settings and switches as they are in force, each with where it comes from; secrets are not told."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
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
    variables = {key.upper(): key for key, value in environment.items() if value}
    origin = _Origin(variables, str(settings.file or ""))
    found: list[InForce] = []
    for name in type(settings).model_fields:
        found.extend(_of_field(origin, settings, name, ""))
    return found


@dataclass(frozen=True)
class _Origin:
    """
    Where a value may come from: environment variables by their name in upper case, the file, and the keys
    that a PACS's profile has.
    """

    variables: Mapping[str, str]
    file: str
    profiled: frozenset[str] = frozenset()


def _of_field(origin: _Origin, model: BaseModel, name: str, path: str) -> Iterator[InForce]:
    value, place = getattr(model, name), f"{path}{name}"
    if isinstance(value, BaseModel):
        for inner in type(value).model_fields:
            yield from _of_field(origin, value, inner, f"{place}.")
    elif isinstance(value, tuple) and value and all(isinstance(one, BaseModel) for one in value):
        for number, one in enumerate(value):
            yield from _of_one(origin, one, f"{place}.{getattr(one, 'name', number)}.")
    else:
        yield _in_force(origin, model, name, place)


def _of_one(origin: _Origin, one: BaseModel, path: str) -> Iterator[InForce]:
    """One section of several, such as a PACS, with the profile that it may have."""
    profile = getattr(one, "profile", None)
    profiled = profile_keys(profile) if profile else frozenset()
    for inner in type(one).model_fields:
        yield from _of_field(replace(origin, profiled=profiled), one, inner, path)


def _in_force(origin: _Origin, model: BaseModel, name: str, place: str) -> InForce:
    value = getattr(model, name)
    source, where = _source(origin, model, name, place)
    default = type(model).model_fields[name].get_default(call_default_factory=True, validated_data={})
    group = place.partition(".")[0] if "." in place else "service"
    changed = source != "default" and value != default
    return InForce(group, place, _shown_at(place, value), source, where, changed)


def _shown_at(place: str, value: object) -> str:
    """Of an address with a token in its path only the host."""
    shown = _shown(value)
    return _HOST.sub(r"\1/…", shown) if place in _TOKEN_IN_PATH else shown


def _source(origin: _Origin, model: BaseModel, name: str, place: str) -> tuple[str, str]:
    variable = ENVIRONMENT_PREFIX + place.replace(".", "__").upper()
    known = origin.variables
    if variable in known:
        return "environment", known[variable]
    if name not in model.model_fields_set:
        return "default", ""
    if name in origin.profiled:
        return "profile", str(getattr(model, "profile", ""))
    first = ENVIRONMENT_PREFIX + place.partition(".")[0].upper()
    return ("environment", known[first]) if first in known else ("file", origin.file)


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
