"""The centre's reports to the RIS: as a file in a folder, by HL7 over MLLP, or to a FHIR server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from ...domain.errors import RetriableError, about
from ...domain.report_exchange.entry import Entry
from ...domain.report_exchange.fhir import write_diagnostic_report
from ...ports import Taking
from ...shared.files import write_whole
from ...shared.http import HttpLink
from .hl7 import write_oru
from .mllp import MllpClient
from .platform import checked_path

_SUFFIXES = {"json": ".json", "hl7": ".hl7", "fhir": ".fhir.json"}


class OneByOne:
    """
    Sends each entry by itself: the RIS acknowledges each. Meant for batches of one.

    Args:
        send: Sends one; its errors say whether it is worth another try.
    """

    def __init__(self, send: Callable[[Entry], None]) -> None:
        self._send = send

    def send(self, entries: Sequence[Entry]) -> Taking:
        """Send some; the first that is not taken ends it."""
        for entry in entries:
            self._send(entry)
        return Taking(frozenset(entry.key for entry in entries))


def to_folder(folder: Path, form: str) -> OneByOne:
    """
    Write each report as a file of its own, under a temporary name first.

    Args:
        folder: Where the RIS looks.
        form: ``json``, ``hl7`` or ``fhir``.
    """

    def send(entry: Entry) -> None:
        with about("RIS folder"):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / _file_name(entry, _SUFFIXES[form]), _content(entry, form).encode())
            except OSError as error:
                raise RetriableError(
                    f"the RIS folder cannot be written: {error.strerror}", str(folder)
                ) from error

    return OneByOne(send)


def to_mllp(client: MllpClient) -> OneByOne:
    """Send each report as an ORU^R01."""
    return OneByOne(lambda entry: client.send(_content(entry, "hl7")))


def to_fhir(url: str, key: str = "", ca_file: str = "", timeout: float = 30.0) -> OneByOne:
    """
    Put each report to a FHIR server: an update by its identifier creates it or replaces it.

    Args:
        url: Base address of the server.
        key: Sent as ``Authorization: Bearer``; empty: none.
        ca_file: Authorities of its certificate; empty: the system's.
        timeout: In seconds.
    """
    link = HttpLink("RIS", {"Authorization": f"Bearer {key}"} if key else {}, ca_file=ca_file, keep=True)

    def send(entry: Entry) -> None:
        address = f"{url.rstrip('/')}/DiagnosticReport?identifier={quote(entry.key, safe='')}"
        told = write_diagnostic_report(entry.body, entry.version)
        headers = {"Content-Type": "application/fhir+json"}
        with about("RIS"):
            body = json.dumps(told, ensure_ascii=False).encode()
            checked_path("RIS", link.call("PUT", address, data=body, headers=headers, timeout=timeout))

    return OneByOne(send)


def _content(entry: Entry, form: str) -> str:
    if form == "hl7":
        return write_oru(entry.body, entry.version, control_id_of(entry), datetime.now(UTC))
    plain = {**entry.body, "version": entry.version}
    told = write_diagnostic_report(entry.body, entry.version) if form == "fhir" else plain
    return json.dumps(told, ensure_ascii=False, indent=2)


def control_id_of(entry: Entry) -> str:
    """The same for each try of a version: a RIS that keeps control IDs knows a repeat."""
    return hashlib.sha256(f"{entry.key} {entry.version}".encode("utf-8", "backslashreplace")).hexdigest()[:20]


def _file_name(entry: Entry, suffix: str) -> str:
    """
    A name that any file system takes; characters of the serial number that are not safe are left out of it.
    """
    safe = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in entry.key)
    return f"{entry.day}-{safe}-{control_id_of(entry)[:8]}-v{entry.version}{suffix}"
