"""The files that .env names: there, readable in the containers, and right."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pacs_module.domain.errors import ConfigurationError
from pacs_module.shared.switches_file import load_switches
from site_check.finding import Finding, error, fine
from site_check.values import MEBIBYTE, size_of

GROUP = 10001
"""The group of the images' users."""
_RABBITMQ = "docker/rabbitmq/20-aipull.conf"
_CONSUMER_TIMEOUT = re.compile(r"^consumer_timeout = (\d+)$", re.MULTILINE)
_NAMES = ("SITE_CONFIG_FILE", "PACS_SETTINGS_FILE", "PROFILES_FOLDER")
_INDEX = 8 * MEBIBYTE
"""What the RAM disk keeps for Orthanc's index at least (ram-disk.md)."""


def check_files(root: Path, values: Mapping[str, str], defaults: Mapping[str, str]) -> list[Finding]:
    """
    Site file, settings file and folder of profiles, and whether the RAM disk is larger than its reserve.

    Args:
        root: Where docker-compose.yml lies; relative paths begin there.
        values: Of .env.
        defaults: Of docker-compose.yml.
    """
    named = {name: values.get(name) or defaults[name] for name in _NAMES}
    profiles = named["PROFILES_FOLDER"]
    findings = [
        *_check_site(root, named["SITE_CONFIG_FILE"], values),
        *_check_settings(root, named["PACS_SETTINGS_FILE"]),
    ]
    if (root / profiles).is_dir():
        findings.append(fine("PROFILES_FOLDER", profiles))
    else:
        findings.append(error("PROFILES_FOLDER", profiles, "a folder that is there"))
    return findings


def _check_site(root: Path, said: str, values: Mapping[str, str]) -> list[Finding]:
    name, path = "SITE_CONFIG_FILE", root / said
    if wrong := _unreadable(name, said, path):
        return [wrong]
    try:
        switches = load_switches(root / "orthanc" / "config" / "config.py", path)
    except ConfigurationError as bad:
        return [error(name, said, str(bad))]
    findings = [fine(name, said, "every switch is known and its value allowed")]
    size = size_of(values.get("RAM_DISK_SIZE", ""))
    least = switches.ram_disk_reserve_mb * MEBIBYTE + _INDEX
    if size is not None and size <= least:
        words = (
            f"more than RAM_DISK_RESERVE_MB ({switches.ram_disk_reserve_mb} MB) and 8 MB for the index, and "
            "room for the largest study: ram-disk.md"
        )
        findings.append(error("RAM_DISK_SIZE", values["RAM_DISK_SIZE"], words))
    return findings


def _check_settings(root: Path, said: str) -> list[Finding]:
    name, path = "PACS_SETTINGS_FILE", root / said
    if wrong := _unreadable(name, said, path):
        return [wrong]
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as bad:
        return [error(name, said, f"TOML in UTF-8 ({bad})")]
    read = fine(name, said, "TOML; its keys are checked when pacs_module starts")
    return [read, *_check_result_timeout(root, settings)]


def _check_result_timeout(root: Path, settings: Mapping[str, Any]) -> list[Finding]:
    """RabbitMQ takes a delivery back from a worker that waits for its result longer than consumer_timeout."""
    backend = settings.get("backend")
    waits = backend.get("result_timeout_s") if isinstance(backend, Mapping) else None
    if not isinstance(waits, int | float):
        return []
    told = _CONSUMER_TIMEOUT.search((root / _RABBITMQ).read_text(encoding="utf-8"))
    if told is None or waits * 1000 < int(told[1]):
        return []
    words = f"less than consumer_timeout in {_RABBITMQ} ({int(told[1]) // 1000} s), or set that above it"
    return [error("result_timeout_s", str(waits), words)]


def _unreadable(name: str, said: str, path: Path) -> Finding | None:
    if path.is_dir():
        # docker-compose makes a folder where a file to be mounted is missing.
        return error(name, said, "a file; this is a folder, which Docker made when the file was missing")
    if not path.is_file():
        return error(name, said, "a file that is there; Docker would make a folder of this name")
    facts = path.stat()
    if not (facts.st_mode & 0o004 or (facts.st_mode & 0o040 and facts.st_gid == GROUP)):
        return error(name, said, f"readable in the containers: chmod a+r, or group {GROUP}")
    return None
