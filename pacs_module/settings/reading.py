"""
Reads the settings: file, environment and profiles; and says what is wrong with them without telling a secret.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from ..domain.errors import ConfigurationError, ConfigurationErrors
from .profiles import with_profiles
from .whole import ENVIRONMENT_PREFIX, Settings

SETTINGS_FILE = "PACS_MODULE_SETTINGS"


def load_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """
    Read the settings.

    Args:
        path: TOML file; None: the one that ``PACS_MODULE_SETTINGS`` names, or environment variables alone.
        environment: For the check of variable names.

    Raises:
        ConfigurationError: Naming the key, its value and what is allowed; several at once, a line each.
    """
    path = path or (Path(environment[SETTINGS_FILE]) if environment.get(SETTINGS_FILE) else None)
    values = _read_file(path)
    _check_environment(environment)
    try:
        return with_profiles(Settings(**values), path).read_from(path)
    except ValidationError as error:
        wrong = [
            ConfigurationError(_name(one["loc"]), _printable(one), _allowed(one)) for one in _causes(error)
        ]
        raise (ConfigurationErrors(wrong) if len(wrong) > 1 else wrong[0]) from error
    except SettingsError as error:
        # A list or a table in a variable that is no JSON; its words name the field.
        allowed = f"JSON for lists and tables ({error})"
        raise ConfigurationError(ENVIRONMENT_PREFIX + "...", "(not shown)", allowed) from None


def _causes(error: ValidationError) -> list[Any]:
    """Without those that only follow from another: a list is too short because its only entry is wrong."""
    told: list[Any] = error.errors()
    places = [one["loc"] for one in told]

    def follows(one: Any) -> bool:
        place = one["loc"]
        inside = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        return one["type"] == "too_short" and inside

    return [one for one in told if not follows(one)]


def _read_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        # An editor of Windows puts a byte order mark before the text.
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError("settings file", str(path), f"a readable TOML file ({error})") from error
    if "MOVE_SYNC" in values:
        values["move_sync"] = values.pop("MOVE_SYNC")
    return values


def _check_environment(environment: Mapping[str, str]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX) and name != SETTINGS_FILE:
            first = name.removeprefix(ENVIRONMENT_PREFIX).split("__")[0].upper()
            if first not in known:
                shown = _HIDDEN if _is_secret(name) else value
                raise ConfigurationError(
                    name, shown, f"{ENVIRONMENT_PREFIX} and one of {', '.join(sorted(known))}"
                )


_HIDDEN = "(not shown)"
_SECTIONS_WITH_SECRETS = (
    "orthanc",
    "receiver",
    "web",
    "rabbitmq",
    "backend",
    "store",
    "anonymise",
    "destination",
)


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in ("key", "password", "url", "secret", "token"))


def _name(place: tuple[int | str, ...]) -> str:
    """The key as it stands in the file."""
    return ".".join(map(str, place)).replace("move_sync", "MOVE_SYNC")


def _printable(error: Any) -> object:
    """The value, unless it is a secret or may be one: a whole section, or a misspelt key beside one."""
    if error["type"] == "missing":
        return None
    return _HIDDEN if _may_be_secret(error) else error["input"]


def _may_be_secret(error: Any) -> bool:
    place = error["loc"]
    beside = place[0] in _SECTIONS_WITH_SECRETS
    if beside and (error["type"] == "extra_forbidden" or len(place) == 1):
        return True
    return isinstance(error["input"], dict) or any(_is_secret(str(part)) for part in place)


def _allowed(error: Any) -> str:
    if error["type"] == "missing":
        return "it must be given"
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(error["loc"][0]), Settings.model_fields, n=1)
        meant = f"; did you mean {near[0]}?" if near and len(error["loc"]) == 1 else ""
        return f"there is no such setting{meant}"
    if error["type"].startswith("date_"):
        return "a date, YYYY-MM-DD"
    if error["type"] == "tuple_type":
        table = ".".join(part for part in error["loc"] if isinstance(part, str))
        return f"a list: [...], or [[{table}]] for tables"
    if error["type"] == "timezone_naive":
        return "hospital time, without a time zone"
    return str(error["msg"]).removeprefix("Value error, ")
