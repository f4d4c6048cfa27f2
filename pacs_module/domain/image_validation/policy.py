"""The site's policy of validation, made of its switches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import ConfigurationError
from ..receive.image_origin import KnownSenders, Sender, read_senders
from ..rules.switches import Switches

_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:@\[\]]+):(?P<port>\d{1,5})")
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Policy:
    """
    What is tested, and what follows from it.

    Args:
        senders: Who may send; None: anybody.
        ports: Where a sender must answer a C-ECHO, by its AE title and address.
        called: AE titles by which we may be called; empty: any.
        header: The file must be readable to its end.
        mandatory: Keywords of attributes that must have a value.
        uids: UIDs must have the syntax of one.
        pixels: An image must have its pixels, as many as its header promises.
        threshold: Tests that an image may fail and pass on all the same.
        tolerance: Share of a sender's images (0 to 1) that may fail within the window before it is an alarm.
        window_ms: The window, in milliseconds.
    """

    senders: KnownSenders | None = None
    ports: Mapping[Sender, int] = field(default_factory=dict)
    called: frozenset[str] = frozenset()
    header: bool = True
    mandatory: tuple[str, ...] = ()
    uids: bool = True
    pixels: bool = True
    threshold: int = 0
    tolerance: float = 0.05
    window_ms: int = 3_600_000


def read_policy(switches: Switches, known: KnownSenders) -> Policy:
    """
    The policy of these switches.

    Args:
        switches: VALIDATE_* and VALIDATION_*.
        known: Who stands in Orthanc's DicomModalities: a PACS that we pull from may always send.

    Raises:
        ConfigurationError: An entry of VALIDATION_SENDERS has a port that is none.
    """
    entries = [_read_entry(text) for text in switches.validation_senders]
    named = read_senders(text for text, _ in entries)
    return Policy(
        senders=known | named if entries else None,
        ports=_ports(entries),
        called=frozenset(one.strip() for one in switches.validation_called_aets),
        header=switches.validate_header,
        mandatory=switches.validation_mandatory,
        uids=switches.validate_uids,
        pixels=switches.validate_pixels,
        threshold=switches.validation_threshold,
        tolerance=switches.validation_tolerance_percent / 100,
        window_ms=switches.validation_window_min * 60_000,
    )


def _read_entry(text: str) -> tuple[str, int]:
    """``AET@host:port`` as ``AET@host`` and the port, 0 where there is none."""
    ae_title, at, rest = text.partition("@")
    found = _PORT.fullmatch(rest.strip()) if at else None
    if found is None:
        return text, 0
    port = int(found["port"])
    if not 0 < port <= _HIGHEST_PORT:
        raise ConfigurationError("VALIDATION_SENDERS", text, f"a port of 1 to {_HIGHEST_PORT}")
    return f"{ae_title}@{found['host'].strip('[]')}", port


def _ports(entries: Iterable[tuple[str, int]]) -> dict[Sender, int]:
    """By sender the port at which it is to answer, where one is given."""
    return {sender: port for text, port in entries if port for sender in read_senders([text]).entries}
