"""
What holds for the containers of docker-compose.yml alone: their own loopback, mounts and published ports.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from site_check.finding import Finding, error, warning
from site_check.values import CHECKS

PACS_USER = 10002
"""The user of pacs_module's image."""
TLS_MOUNT = PurePosixPath("/etc/aipull/tls")
_MOUNTS = {"ARCHIVE_FOLDER": "/archive", "ANONYMISE_FOLDER": "/copies"}
_OURS = {"80": "pacs_module's page", "81": "the page of the second pacs_module"}
"""Ports that docker-compose.yml publishes besides DICOM_PORT."""


def check_containers(root: Path, values: Mapping[str, str]) -> list[Finding]:
    """
    Values that a program on this host could use and a container cannot.

    Args:
        root: Where docker-compose.yml lies; relative paths begin there.
        values: Of .env; what :func:`check_values` refuses is not looked at again.
    """
    usable = {name: value for name, value in values.items() if not (name in CHECKS and CHECKS[name](value))}
    return [
        *_check_hosts(usable),
        *_check_mounts(usable),
        *_check_ports(usable),
        *_check_tls_files(root, usable),
        *_check_volumes(root, usable),
    ]


def _check_hosts(values: Mapping[str, str]) -> list[Finding]:
    hosts = {
        "HOSPITAL_PACS_HOST": values.get("HOSPITAL_PACS_HOST", ""),
        "BACKEND_URL": urlsplit(values.get("BACKEND_URL", "")).hostname or "",
    }
    words = "an address that the containers reach: localhost is the container itself; this host's own address"
    return [error(name, values[name], words) for name, host in hosts.items() if _is_loopback(host)]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_mounts(values: Mapping[str, str]) -> list[Finding]:
    findings = []
    for name, mount in _MOUNTS.items():
        said = values.get(name, "")
        if said and not PurePosixPath(said).is_relative_to(mount):
            words = f"{mount}, which docker-compose.yml mounts: nothing else can be written in the container"
            findings.append(error(name, said, words))
    return findings


def _check_ports(values: Mapping[str, str]) -> list[Finding]:
    findings = []
    dicom = {"DICOM_PORT": values.get("DICOM_PORT") or "4242", "DICOM_PORT_2": values.get("DICOM_PORT_2", "")}
    for name, port in dicom.items():
        if port in _OURS:
            findings.append(error(name, port, f"another port than that of {_OURS[port]}"))
    if dicom["DICOM_PORT"] == dicom["DICOM_PORT_2"]:
        findings.append(error("DICOM_PORT_2", dicom["DICOM_PORT_2"], "another port than DICOM_PORT"))
    return findings


def _check_tls_files(root: Path, values: Mapping[str, str]) -> list[Finding]:
    said = values.get("TLS_FOLDER") or "./docker/site/tls"
    folder = root / said
    if not folder.is_dir():
        return [error("TLS_FOLDER", said, "a folder that is there")]
    findings = []
    for name in ("CERTIFICATE", "KEY", "TRUSTED"):
        name = f"ORTHANC_DICOM_TLS_{name}"
        path = PurePosixPath(values.get(name, ""))
        if not values.get(name):
            continue
        if not path.is_relative_to(TLS_MOUNT):
            findings.append(
                error(name, str(path), f"below {TLS_MOUNT}, where TLS_FOLDER is in the container")
            )
        elif not (folder / path.relative_to(TLS_MOUNT)).is_file():
            findings.append(error(name, str(path), f"a file that is in TLS_FOLDER ({said})"))
    return findings


def _check_volumes(root: Path, values: Mapping[str, str]) -> list[Finding]:
    """
    A name is Docker's own volume; a path is a folder of this host, which pacs_module must be able to write.
    """
    findings = []
    for name in ("ARCHIVE_VOLUME", "BACKUP_VOLUME"):
        said = values.get(name, "")
        if "/" not in said:
            continue
        folder = root / said
        if not folder.is_dir():
            findings.append(error(name, said, "a folder that is there; Docker would make one of root's"))
        elif folder.stat().st_uid != PACS_USER:
            words = f"a folder of user {PACS_USER}: chown {PACS_USER} {said}"
            findings.append(warning(name, said, words))
    return findings
