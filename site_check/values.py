"""What the value of each variable may be. No look at the machine."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pacs_module.domain.access.keys import weakness
from site_check.finding import Finding, error, warning

SECRETS = (
    "ORTHANC_PASSWORD", "AIPULL_API_KEY", "BACKEND_KEY", "MONGO_ROOT_PASSWORD", "MONGO_PASSWORD",
    "RABBITMQ_PASSWORD",
)  # fmt: skip
SHORTEST_SECRET = 16
_EXAMPLES = ("changeme", "password", "secret", "example")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
MEBIBYTE = 1024**2
ITSELF = 1024**3
"""Bytes that a service takes at the least beside what is kept in its memory."""

Check = Callable[[str], str]
"""What is allowed, in words, where the value is not; else an empty text."""


def size_of(text: str) -> int | None:
    """Bytes of a size as tmpfs takes it (``4g``, ``512m``, ``4096k``); None when it is none."""
    match = re.fullmatch(r"([1-9]\d{0,11})([kmg])", text.lower())
    return int(match[1]) * _UNITS[match[2]] if match else None


def check_values(values: Mapping[str, str]) -> list[Finding]:
    """All values that are set and cannot be used, and those that are hardly meant."""
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        value = values.get(name, "")
        if not value:
            continue
        if allowed := check(value):
            findings.append(error(name, value, allowed))
        elif "<" in value and ">" in value:
            findings.append(error(name, value, "the value itself in the place of < >"))
    return [*findings, *_check_secrets(values), *_check_together(values), *_hardly_meant(values)]


_NOT_DICOM = {
    "22": "SSH", "80": "web pages", "443": "web pages", "2575": "HL7", "8042": "web pages",
    "8080": "web pages",
    "8443": "web pages",
}  # fmt: skip
_FIXED_OFFSETS = re.compile(r"Etc/.*|UTC|GMT.*|UCT|Zulu|Universal|Greenwich|[EMH]ST|Factory|localtime")


def _hardly_meant(values: Mapping[str, str]) -> list[Finding]:
    """What can be used, and was most likely mistaken for something else."""
    findings: list[Finding] = []
    port, zone = values.get("HOSPITAL_PACS_PORT", ""), values.get("HOSPITAL_TIME_ZONE", "")
    if port in _NOT_DICOM:
        words = f"usually a port of {_NOT_DICOM[port]}; a PACS listens for DICOM at 104 or 11112 most often"
        findings.append(warning("HOSPITAL_PACS_PORT", port, words))
    if _FIXED_OFFSETS.fullmatch(zone) and not _time_zone(zone):
        words = f"no town's zone: no summer time, and Etc/GMT+8 is 8 hours behind UTC; {_TIME_ZONE}"
        findings.append(warning("HOSPITAL_TIME_ZONE", zone, words))
    return findings


def _check_secrets(values: Mapping[str, str]) -> list[Finding]:
    """A secret's value is never shown."""
    findings: list[Finding] = []
    holder: dict[str, str] = {}
    for name in SECRETS:
        value = values.get(name, "")
        if not value:
            continue
        words = _allowed_instead(value)
        if not words and value in holder:
            words = f"the same as {holder[value]}; each secret has one purpose"
        if words:
            findings.append(error(name, f"({len(value)} characters)", words))
        holder.setdefault(value, name)
    return findings


def _allowed_instead(secret: str) -> str:
    """What would be allowed in place of a secret; empty: it can be used."""
    if not re.fullmatch(r"[A-Za-z0-9]+", secret):
        return "letters and digits only, because it becomes part of URLs: openssl rand -hex 24"
    if len(secret) < SHORTEST_SECRET or any(word in secret.lower() for word in _EXAMPLES):
        return f"{SHORTEST_SECRET} characters or more, and no example's: openssl rand -hex 24"
    return weakness(secret)


def _check_together(values: Mapping[str, str]) -> list[Finding]:
    """Values that depend on each other."""
    findings: list[Finding] = []
    if values.get("ANONYMISE_FOLDER") and not values.get("ANONYMISE_KEY"):
        findings.append(error("ANONYMISE_KEY", "", "needed with ANONYMISE_FOLDER: 16 letters or more"))
    findings += _check_memory(values)
    findings += _check_ae_titles(values)
    findings += _check_names_of_pacs(values)
    findings += _check_tls(values)
    host = values.get("HOSPITAL_PACS_HOST", "")
    if values.get("ORTHANC_CHECK_MODALITY_HOST") == "true" and host and _address(host):
        words = "an IP address with ORTHANC_CHECK_MODALITY_HOST: Orthanc compares it with the sender's"
        findings.append(error("HOSPITAL_PACS_HOST", host, words))
    bind = values.get("PACS_HTTP_BIND", "")
    if bind and not _address(bind) and not ipaddress.ip_address(bind).is_loopback:
        words = "patient data over plain HTTP leave this machine; a TLS proxy is safer"
        findings.append(warning("PACS_HTTP_BIND", bind, words))
    return findings


def _check_ae_titles(values: Mapping[str, str]) -> list[Finding]:
    """A PACS that sees two of us under one AE title sends to one of them."""
    named = {
        "HOSPITAL_PACS_AET": values.get("HOSPITAL_PACS_AET", ""),
        "ORTHANC_AET": values.get("ORTHANC_AET") or "AIPULL",
        "ORTHANC_AET_2": values.get("ORTHANC_AET_2", ""),
    }
    findings: list[Finding] = []
    holder: dict[str, str] = {}
    for name, title in named.items():
        if title in holder:
            findings.append(error(name, title, f"another AE title than {holder[title]}"))
        elif title:
            holder[title] = name
    return findings


def _check_names_of_pacs(values: Mapping[str, str]) -> list[Finding]:
    """Each PACS has a name of its own."""
    more = values.get("MORE_PACS", "")
    if not more or _more_pacs(more):
        return []
    names = [values.get("HOSPITAL_PACS_NAME", "")] + [one["name"] for one in _read_more_pacs(more)]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [error("MORE_PACS", name, "each PACS needs a name of its own") for name in twice]


_TLS_FILES = ("ORTHANC_DICOM_TLS_CERTIFICATE", "ORTHANC_DICOM_TLS_KEY", "ORTHANC_DICOM_TLS_TRUSTED")


def _check_tls(values: Mapping[str, str]) -> list[Finding]:
    """Orthanc does not start with DICOM TLS and a file missing."""
    if "true" not in (values.get("ORTHANC_DICOM_TLS"), values.get("HOSPITAL_PACS_TLS")):
        return []
    words = "needed with ORTHANC_DICOM_TLS and HOSPITAL_PACS_TLS: a PEM file, absolute path"
    return [error(name, "", words) for name in _TLS_FILES if not values.get(name)]


_MEMORY_OTHERWISE = {"ORTHANC_MEMORY": "", "PACS_MEMORY": "2g", "MONGO_MEMORY": "2g"}
"""What docker-compose.yml has where nothing is set."""


def _check_memory(values: Mapping[str, str]) -> list[Finding]:
    """A limit below what must fit into it ends the process in the middle of its work."""
    cache = values.get("MONGO_CACHE_GB") or "1"
    copies = values.get("COPIES_SIZE") or "1g" if values.get("ANONYMISE_FOLDER") else "1k"
    inside = {
        "ORTHANC_MEMORY": ("RAM_DISK_SIZE", size_of(values.get("RAM_DISK_SIZE", ""))),
        "PACS_MEMORY": ("COPIES_SIZE", size_of(copies)),
        "MONGO_MEMORY": ("MONGO_CACHE_GB", 0 if _gigabytes(cache) else int(float(cache) * 1024**3)),
    }
    findings = []
    for name, (what, inner) in inside.items():
        said = values.get(name) or _MEMORY_OTHERWISE[name]
        limit = size_of(said)
        if limit is not None and inner and limit < inner + ITSELF:
            findings.append(error(name, said, f"{what} and 1g at the least; 2g are better for Orthanc"))
    return findings


def _time_zone(value: str) -> str:
    return "" if value in available_timezones() else _TIME_ZONE


_TIME_ZONE = "an IANA name, for example Asia/Shanghai or Europe/Berlin"


def _port(value: str) -> str:
    return "" if value.isascii() and value.isdigit() and 0 < int(value[:6]) < 65536 else "a port, 1 to 65535"


def _ae_title(value: str) -> str:
    """
    PS3.5 6.2: 16 characters at most, no backslash, no control character, not spaces only; it becomes part of
    a JSON file.
    """
    if re.fullmatch(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?", value) and '"' not in value:
        return ""
    return "an AE title: 1 to 16 printable ASCII characters, no backslash, no quotation mark"


def _senders(value: str) -> str:
    """As orthanc/config/senders.py reads them."""
    for part in value.split(","):
        title, at, address = (piece.strip() for piece in part.partition("@"))
        if (title or at) and (_ae_title(title) or ":" in title or (address and _address(address))):
            return "AET@address, separated by commas: CT1@10.1.2.3, PACSNODE2@10.1.2.4"
    return ""


def _user(value: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value) else "letters, digits, ., - and _, 64 at most"


def _label(value: str) -> str:
    """It becomes part of a JSON file."""
    return (
        "" if re.fullmatch(r"[^\x00-\x1f\x7f\"\\]{1,64}", value) else '64 characters at most, no " and no \\'
    )


def _alias(value: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) else "letters, digits, - and _, 64 at most"


def _host(value: str) -> str:
    if ":" in value or re.fullmatch(r"[0-9.]+", value):
        return "" if not _address(value) else _HOST
    return "" if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?", value) else _HOST


_HOST = "a host name or a whole address, without port or scheme"


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        wrong = parts.scheme not in {"http", "https"} or parts.port == 0 or bool(parts.fragment)
        wrong = wrong or bool(_host(parts.hostname or "")) or re.search(r"\s", value) is not None
    except ValueError:
        wrong = True
    return "an address that begins with http:// or https://, with a host, no blanks and no #" if wrong else ""


def _size(value: str) -> str:
    return "" if size_of(value) else "a number with k, m or g, for example 8g"


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "an IP address of this host, or 0.0.0.0 for all"
    return ""


def _day_before(value: str) -> str:
    return "" if value in {"0", "-1"} else "0, or -1 for yesterday as well"


def _switch(value: str) -> str:
    return "" if value.lower() in {"true", "false", "1", "0"} else "true or false"


def _json_switch(value: str) -> str:
    """It becomes part of a JSON file."""
    return "" if value in {"true", "false"} else "true or false"


def _whole(value: str) -> str:
    return "" if re.fullmatch(r"[1-9]\d{0,8}", value) else "a whole number, 1 or more"


def _workers(value: str) -> str:
    return "" if not _whole(value) and int(value) <= 64 else "a whole number, 1 to 64"


def _gigabytes(value: str) -> str:
    return (
        "" if re.fullmatch(r"\d{1,4}(\.\d{1,3})?", value) and float(value) >= 0.25 else "0.25 or more, in GB"
    )


def _absolute(value: str) -> str:
    return "" if value.startswith("/") else "an absolute path inside the containers"


def _long_key(value: str) -> str:
    return "" if len(value) >= SHORTEST_SECRET else f"{SHORTEST_SECRET} letters or more"


def _more_settings(value: str) -> str:
    """A piece of JSON that docker-compose.yml puts behind the name of a PACS."""
    return _json(
        '{"name":"a"' + value + "}", ',"key":value, with a comma in front: \',"count_by_image":true\''
    )


def _more_pacs(value: str) -> str:
    allowed = 'JSON objects with a name, a comma in front of each: \',{"name":"PACS-B"}\''
    if said := _json('[{"name":"a"}' + value + "]", allowed):
        return said
    entries = _read_more_pacs(value)
    named = all(isinstance(entry, dict) and not _alias(str(entry.get("name", ""))) for entry in entries)
    return "" if named else allowed


def _read_more_pacs(value: str) -> list[Any]:
    """Without the one before the comma."""
    read: list[Any] = json.loads('[{"name":"a"}' + value + "]")
    return read[1:]


def _json(text: str, allowed: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return allowed
    return ""


CHECKS: dict[str, Check] = {
    "HOSPITAL_TIME_ZONE": _time_zone,
    "HOSPITAL_PACS_NAME": _alias,
    "HOSPITAL_PACS_AET": _ae_title,
    "HOSPITAL_PACS_HOST": _host,
    "HOSPITAL_PACS_PORT": _port,
    "HOSPITAL_PACS_SETTINGS": _more_settings,
    "MORE_PACS": _more_pacs,
    "BACKEND_URL": _url,
    "BACKEND_WORKERS": _workers,
    "RAM_DISK_SIZE": _size,
    "COPIES_SIZE": _size,
    "PACS_HTTP_BIND": _address,
    "DICOM_BIND": _address,
    "DICOM_PORT": _port,
    "DICOM_PORT_2": _port,
    "ORTHANC_HTTP_PORT": _port,
    "PACS_HTTP_PORT": _port,
    "ORTHANC_AET": _ae_title,
    "ORTHANC_AET_2": _ae_title,
    "ORTHANC_NAME": _label,
    "ORTHANC_USER": _user,
    "AIPULL_SENDERS": _senders,
    "CROSSDAY": _day_before,
    "MOVE_SYNC": _switch,
    "ARCHIVE_KEEP_DAYS": _whole,
    "PRIVACY_KEEP_DAYS": _whole,
    "PRIVACY_KEEP_LOG_DAYS": _whole,
    "AIPULL_LOG_KEY_FILE": _absolute,
    "LOG_WITHOUT_IDENTIFIERS": _switch,
    "MONGO_CACHE_GB": _gigabytes,
    "ORTHANC_MEMORY": _size,
    "PACS_MEMORY": _size,
    "MONGO_MEMORY": _size,
    "RABBITMQ_MEMORY": _size,
    "BACKEND_MEMORY": _size,
    "HANDOVER_SEEN_AS": _absolute,
    "ANONYMISE_FOLDER": _absolute,
    "ANONYMISE_KEY": _long_key,
    "ORTHANC_STORE_FROM_ALL": _json_switch,
    "ORTHANC_CHECK_MODALITY_HOST": _json_switch,
    "ORTHANC_CHECK_CALLED_AET": _json_switch,
    "ORTHANC_DICOM_TLS": _json_switch,
    "HOSPITAL_PACS_TLS": _json_switch,
    "ORTHANC_DICOM_TLS_CERTIFICATE": _absolute,
    "ORTHANC_DICOM_TLS_KEY": _absolute,
    "ORTHANC_DICOM_TLS_TRUSTED": _absolute,
    "ARCHIVE_FOLDER": _absolute,
}
