"""What the launcher tells the plugins, checked before anything is registered."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pacs_module.domain.access.keys import weakness
from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.pull.ram_disk import MB, Disk
from pacs_module.domain.receive.image_origin import Sender
from pacs_module.domain.rules.switches import Switches

CONFIG = Path(__file__).resolve().parents[3] / "config" / "config.py"
_DEFAULT_AET = "ORTHANC"
_DEFAULT_HTTP_PORT = 8042


@dataclass(frozen=True)
class Environment:
    """
    Places and addresses; ``handover_seen_as`` is how others see the hand-over folder, ``copies_folder`` where
    pacs_module puts hand-overs without names, None when that is not on the RAM disk.
    """

    journal: Path
    handover_folder: Path
    handover_seen_as: str
    pacs_module_urls: tuple[str, ...]
    api_key: str
    log_folder: Path
    time_zone: ZoneInfo
    site_config: Path | None
    copies_folder: Path | None = None
    quarantine_folder: Path | None = None
    log_key_file: Path | None = None
    """Secret of the pseudonyms in the JSON log; None: the log names patients."""
    """Of images that failed validation, on disk; None: beside the journal."""
    receiver: str = ""
    """
    What this Orthanc is called in pacs_module's settings, where there are several; empty: it is the only one.
    """
    pacs_module_ca: str = ""
    """Authorities of pacs_module's certificate (or of its proxy's), PEM; empty: the system's."""


@dataclass(frozen=True)
class OrthancFacts:
    """What Orthanc's own configuration says."""

    base_url: str
    aet: str
    storage: Path
    index: Path
    """Orthanc's SQLite file."""
    modalities: frozenset[str]
    compressed: bool
    senders: Mapping[str, Sender] = field(default_factory=dict)
    """AE title and host of each PACS in DicomModalities."""
    concurrent_jobs: int = 2
    """So many C-MOVEs at once, ours among them."""


def read_environment(variables: Mapping[str, str]) -> Environment:
    """
    Check the environment variables.

    Raises:
        ConfigurationError: One is missing or cannot be used; folders that are missing are made.
    """
    handover = _folder(variables, "AIPULL_HANDOVER_FOLDER")
    journal = Path(_text(variables, "AIPULL_JOURNAL"))
    _make(journal.parent, "AIPULL_JOURNAL")
    return Environment(
        journal=journal,
        handover_folder=handover,
        handover_seen_as=_optional(variables, "AIPULL_HANDOVER_SEEN_AS").rstrip("/") or str(handover),
        pacs_module_urls=_addresses(variables, "AIPULL_PACS_MODULE_URL"),
        api_key=_key(variables, "AIPULL_API_KEY"),
        log_folder=_folder(variables, "AIPULL_LOG_FOLDER"),
        time_zone=_time_zone(_text(variables, "AIPULL_TIME_ZONE")),
        site_config=_optional_path(variables, "SITE_CONFIG"),
        copies_folder=_optional_path(variables, "AIPULL_COPIES_FOLDER"),
        receiver=_receiver(variables, "AIPULL_RECEIVER"),
        pacs_module_ca=_file(variables, "AIPULL_PACS_MODULE_CA"),
        quarantine_folder=_optional_path(variables, "AIPULL_QUARANTINE_FOLDER"),
        log_key_file=_optional_path(variables, "AIPULL_LOG_KEY_FILE"),
    )


def _addresses(variables: Mapping[str, str], name: str) -> tuple[str, ...]:
    """One address, or several with commas between them."""
    text = _text(variables, name)
    urls = [url.strip().rstrip("/") for url in text.split(",")]
    if not all(url.startswith(("http://", "https://")) for url in urls):
        allowed = "an address that begins with http:// or https://, or several with commas between them"
        raise ConfigurationError(name, text.rstrip("/"), allowed)
    return tuple(dict.fromkeys(urls))


def _receiver(variables: Mapping[str, str], name: str) -> str:
    text = _optional(variables, name)
    if text and not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", text):
        raise ConfigurationError(
            name, text, "at most 32 letters, digits, _ and -, as in pacs_module's settings"
        )
    return text


def _optional(variables: Mapping[str, str], name: str) -> str:
    return variables.get(name, "").strip()


def _optional_path(variables: Mapping[str, str], name: str) -> Path | None:
    text = _optional(variables, name)
    return Path(text) if text else None


def read_orthanc(configuration: Mapping[str, Any]) -> OrthancFacts:
    """Read Orthanc's configuration (its own defaults where it says nothing)."""
    storage = str(configuration.get("StorageDirectory", "OrthancStorage"))
    return OrthancFacts(
        base_url=f"http://127.0.0.1:{configuration.get('HttpPort', _DEFAULT_HTTP_PORT)}",
        aet=str(configuration.get("DicomAet", _DEFAULT_AET)),
        storage=Path(storage),
        index=Path(str(configuration.get("IndexDirectory", storage))) / "index",
        modalities=frozenset(configuration.get("DicomModalities", {})),
        compressed=bool(configuration.get("StorageCompression", False)),
        senders={name: _sender(entry) for name, entry in configuration.get("DicomModalities", {}).items()},
        concurrent_jobs=max(int(configuration.get("ConcurrentJobs", 2)), 1),
    )


def _sender(entry: Any) -> Sender:
    """A modality as Orthanc takes it: an object, or a list of AE title, host, port and more."""
    if isinstance(entry, Mapping):
        return Sender(str(entry.get("AET", "")), str(entry.get("Host", "")))
    return Sender(*(str(part) for part in entry[:2])) if isinstance(entry, list) else Sender()


def check_access(configuration: Mapping[str, Any]) -> None:
    """
    Refuse to run where anybody could ask for pulls.

    Orthanc leaves ``${NAME}`` as it stands when nobody sets the variable: its user and password would then be
    known to all.

    Raises:
        ConfigurationError: A variable was not set, or the REST API asks for no password.
    """
    for key, value in _texts("", configuration):
        if "${" in value:
            raise ConfigurationError(key, value, "an environment variable that is set")
    if configuration.get("AuthenticationEnabled") is not True:
        raise ConfigurationError("AuthenticationEnabled", configuration.get("AuthenticationEnabled"), "true")
    users = configuration.get("RegisteredUsers") or {}
    if not users or not all(name and password for name, password in users.items()):
        raise ConfigurationError(
            "RegisteredUsers", list(users), "at least one user, each with a name and a password"
        )


def check_senders(configuration: Mapping[str, Any]) -> None:
    """
    Refuse a check of senders that would shut out a PACS without a word: Orthanc compares addresses as texts.

    Raises:
        ConfigurationError: DicomCheckModalityHost is on and a modality has a host name.
    """
    if configuration.get("DicomCheckModalityHost") is not True:
        return
    for name, entry in (configuration.get("DicomModalities") or {}).items():
        host = _sender(entry).address
        if not is_address(host):
            key = f"DicomModalities.{name}.Host"
            raise ConfigurationError(key, host, "an IP address, because DicomCheckModalityHost is true")


def is_address(text: str) -> bool:
    """Whether a text is an IP address and no host name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(f"{key}.{name}".strip("."), name)
            yield from _texts(f"{key}.{name}".strip("."), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(key, inner)
    elif isinstance(value, str):
        yield key, value


def check_ram_disk(storage: Path, switches: Switches, total: int | None = None) -> None:
    """
    Refuse a RAM disk that would fill up for ever, or that no pull ever fits on.

    Args:
        storage: Orthanc's store.
        switches: As they are in force.
        total: Bytes of the file system; None: asked for.

    Raises:
        ConfigurationError: The store is a tmpfs and DELETE_AFTER_SEND is False, or the disk is smaller than
            its reserve: Orthanc would be healthy and refuse every pull.
    """
    total = _size_of(storage) if total is None else total
    if total and not Disk(total, total, switches.ram_disk_reserve_mb * MB).usable:
        allowed = (
            f"less than the {total // MB} MB of the disk with {storage}, less 5 % or 8 MB for the index: a "
            "larger RAM disk (RAM_DISK_SIZE, ram-disk.md) or a smaller reserve"
        )
        raise ConfigurationError("RAM_DISK_RESERVE_MB", switches.ram_disk_reserve_mb, allowed)
    kind = filesystem_of(storage)
    if kind in ("tmpfs", "ramfs") and not switches.delete_after_send:
        raise ConfigurationError(
            "DELETE_AFTER_SEND", False, f"True, because the store {storage} lies on a RAM disk ({kind})"
        )


def _size_of(path: Path) -> int:
    """Bytes of the file system of a path, or of the nearest folder above that is there; 0: it has no size."""
    there = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    facts = os.statvfs(there)
    return facts.f_blocks * facts.f_frsize


def filesystem_of(path: Path) -> str:
    """The type of the file system that holds a path, from /proc/self/mounts; the longest mount point wins."""
    real = Path(os.path.realpath(path))
    best, kind = -1, "unknown"
    for point, this_kind in _mounts():
        if real.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), this_kind
    return kind


def _mounts() -> Iterator[tuple[Path, str]]:
    """Mount points in the order in which they were mounted, and the types of their file systems."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        _, mount_point, kind, *_ = line.split(" ")
        yield Path(mount_point.replace("\\040", " ")), kind


def _text(variables: Mapping[str, str], key: str) -> str:
    value = variables.get(key, "").strip()
    if not value:
        raise ConfigurationError(key, variables.get(key), "this environment variable must be set")
    return value


def _key(variables: Mapping[str, str], key: str) -> str:
    value = _text(variables, key)
    if said := weakness(value):
        raise ConfigurationError(key, "(not shown)", said)
    return value


def _folder(variables: Mapping[str, str], key: str) -> Path:
    folder = Path(_text(variables, key))
    _make(folder, key)
    return folder


def _file(variables: Mapping[str, str], key: str) -> str:
    """A file that may be named; empty: it is not."""
    value = variables.get(key, "").strip()
    if value and not Path(value).is_file():
        raise ConfigurationError(key, value, "a file that is there")
    return value


def _make(folder: Path, key: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            key, str(folder), f"a folder that is there or can be made ({error.strerror})"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(key, str(folder), "a folder that Orthanc may write to")


def _time_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            "AIPULL_TIME_ZONE", name, "the hospital's time zone by its IANA name, as Asia/Shanghai"
        ) from error
