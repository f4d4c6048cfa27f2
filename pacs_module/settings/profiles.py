"""
Profiles of PACS: what ``pacs-module probe`` found out, as a TOML file that a person can read and the pipeline
uses.

The table ``[settings]`` holds keys of ``[[pacs]]``; a key that the site has set itself stays the site's.
Everything else in the file is for people.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..domain.errors import ConfigurationError
from ..domain.probe import Finding, Recommendation, profile_settings
from ..shared.files import write_whole

if TYPE_CHECKING:
    from ..ports import EventLog
    from .pacs import PacsSettings
    from .whole import Settings

PROFILES = "profiles"
"""The folder beside the settings file."""
_NOT_FROM_A_PROFILE = frozenset({"name", "profile"})


@dataclass(frozen=True)
class Profile:
    """What is written: who was asked, when, what came, what follows."""

    name: str
    host: str
    port: int
    ae_title: str
    calling_ae_title: str
    probed_at: str
    findings: tuple[Finding, ...]
    recommendations: tuple[Recommendation, ...]

    def settings(self) -> dict[str, Any]:
        """The keys of ``[[pacs]]`` that follow; the address only where the finder needs it."""
        settings: dict[str, Any] = dict(profile_settings(self.recommendations))
        if settings.get("finder") == "pynetdicom":
            settings |= {
                name: getattr(self, name) for name in ("host", "port", "ae_title", "calling_ae_title")
            }
        return settings


def write_profile(path: Path, profile: Profile) -> None:
    """
    Write a profile, whole or not at all.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "\n".join(_lines(profile)), mode=0o644)
    except OSError as error:
        allowed = f"a file that can be written ({error.strerror})"
        raise ConfigurationError("profile", str(path), allowed) from error


_ABOUT = ("name", "host", "port", "ae_title", "calling_ae_title", "probed_at")
_HEAD = "# Written by `pacs-module probe`. [settings] holds where the site has not set a key itself."


def _lines(profile: Profile) -> list[str]:
    about = {name: getattr(profile, name) for name in _ABOUT}
    lines = [_HEAD, "", *_table("[pacs]", about)]
    lines += _table("[settings]", profile.settings()) + _table("[advice]", _advice(profile))
    for finding in profile.findings:
        lines += _finding(finding)
    return lines


def _advice(profile: Profile) -> dict[str, str]:
    told = [each for each in profile.recommendations if each.value is not None]
    return {each.setting: f"{_toml(each.value)}: {each.why}" for each in told}


def _finding(finding: Finding) -> list[str]:
    values = {
        "key": finding.key,
        "verdict": str(finding.verdict),
        "words": finding.words,
        "asked": finding.asked,
        "came": finding.came,
    }
    return _table("[[finding]]", values)


def with_profiles(settings: Settings, file: Path | None) -> Settings:
    """
    The settings with what profiles tell of each PACS.

    Args:
        settings: As the site has set them.
        file: The settings file; profiles lie beside it unless a PACS names its own.

    Raises:
        ConfigurationError: A profile cannot be read, or holds what is no setting; file and key are named.
    """
    folder = file.parent / PROFILES if file else None
    profiled = tuple(_with_profile(pacs, folder) for pacs in settings.pacs)
    return settings.model_copy(update={"pacs": profiled})


def tell_profiles(settings: Settings, log: EventLog) -> None:
    """Say in the log which profile each PACS's settings were taken from, and what they are now."""
    for pacs in settings.pacs:
        if pacs.profile is not None:
            keys = _read(pacs.profile)
            log.event(
                "profile_used",
                "profile used",
                pacs=pacs.name,
                file=str(pacs.profile),
                settings={key: getattr(pacs, key) for key in keys},
            )


def _with_profile(pacs: PacsSettings, folder: Path | None) -> PacsSettings:
    path = pacs.profile or (folder / f"{pacs.name}.toml" if folder else None)
    if path is None or (pacs.profile is None and not path.exists()):
        return pacs
    told = _read(path)
    own = {key: getattr(pacs, key) for key in pacs.model_fields_set}
    try:
        return type(pacs)(**{**told, **own, "profile": path})
    except ValidationError as error:
        raise _wrong(path, told, error) from error


def _wrong(path: Path, told: Mapping[str, Any], error: ValidationError) -> ConfigurationError:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "settings"
    allowed = str(first["msg"]).removeprefix("Value error, ")
    return ConfigurationError(f"{path}: {key}", told.get(key), allowed)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError("profile", str(path), f"a readable TOML file ({error})") from error
    told = values.get("settings", {})
    if not isinstance(told, dict) or _NOT_FROM_A_PROFILE & set(told):
        raise ConfigurationError(
            f"{path}: settings", told, "a table with keys of [[pacs]] other than name and profile"
        )
    return told


def _table(title: str, values: Mapping[str, object]) -> list[str]:
    keys = {key: key if key.replace("_", "").isalnum() else json.dumps(key) for key in values}
    return [title, *(f"{keys[key]} = {_toml(value)}" for key, value in values.items()), ""]


def _toml(value: object) -> str:
    """
    Strings, numbers, booleans and lists are written as in JSON, but for a character that JSON lets pass (TOML
    1.0).
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def profile_keys(path: Path) -> frozenset[str]:
    """Which keys of ``[[pacs]]`` a profile tells."""
    return frozenset(_read(path))
