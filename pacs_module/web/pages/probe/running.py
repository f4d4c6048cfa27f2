"""A probe of one PACS of the settings, for the page; the command line has its own. No logic."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from ....adapters.dicom.find_scu import Peer
from ....domain.errors import ConfigurationError
from ....service.finders import peer_of as configured_peer
from ....settings import PacsSettings, Settings
from ....settings.profiles import PROFILES, Profile, write_profile
from ....use_cases.probe.probe_pacs import Probed, ProbePacs

PAUSE_S, TIMEOUT_S = 0.2, 60.0


def probe_one(settings: Settings, name: str, today: date, say: Callable[[str], None]) -> Probed:
    """
    Ask it.

    Raises:
        ConfigurationError: No PACS goes by this name, or the settings do not say where it is.
    """
    from ....adapters.dicom.probe import DicomProbe  # pynetdicom takes a while to import

    peer = peer_of(pacs_named(settings, name))
    asking = ProbePacs(DicomProbe(peer, TIMEOUT_S), lambda: time.sleep(PAUSE_S), time.monotonic, say=say)
    return asking(today)


def take_over(settings: Settings, name: str, probed: Probed) -> Path:
    """
    Write the profile of a PACS, which the next start reads.

    Raises:
        ConfigurationError: It cannot be written, or the settings came from no file.
    """
    pacs = pacs_named(settings, name)
    if pacs.profile is None and settings.file is None:
        raise ConfigurationError("profile", name, "with settings in a file: the profile lies beside it")
    beside = settings.file.parent if settings.file else Path()
    path, peer = pacs.profile or beside / PROFILES / f"{name}.toml", peer_of(pacs)
    profile = Profile(
        name=name,
        host=peer.host,
        port=peer.port,
        ae_title=peer.ae_title,
        calling_ae_title=peer.calling_ae_title,
        probed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        findings=tuple(probed.findings.values()),
        recommendations=probed.recommendations,
    )
    write_profile(path, profile)
    return path


def pacs_named(settings: Settings, name: str) -> PacsSettings:
    """
    The PACS of the settings.

    Raises:
        ConfigurationError: There is none of that name.
    """
    for pacs in settings.pacs:
        if pacs.name == name:
            return pacs
    raise ConfigurationError("PACS", name, f"one of {', '.join(pacs.name for pacs in settings.pacs)}")


def peer_of(pacs: PacsSettings) -> Peer:
    """
    Where it is.

    Raises:
        ConfigurationError: The settings do not say: only Orthanc knows.
    """
    if not (pacs.host and pacs.ae_title):
        raise ConfigurationError("PACS", pacs.name, "with host, port and ae_title in the settings")
    return configured_peer(pacs)
