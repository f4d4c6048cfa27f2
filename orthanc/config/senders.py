"""
Makes the entries of DicomModalities for those who may store and are asked nothing, out of ``AIPULL_SENDERS``.

    ORTHANC_SENDERS=$(python3 orthanc/config/senders.py)

``AIPULL_SENDERS`` is ``AET@address, AET@address, ...``; without an address where Orthanc is not to check it
(``ORTHANC_CHECK_MODALITY_HOST`` false). Standard library only: it runs before anything else.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import sys
from collections.abc import Iterator

_AE_TITLE = re.compile(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?")
"""PS3.5 6.2: 16 characters at most, no backslash, no control character, not spaces only."""
ALLOWED = "AET@address, separated by commas: CT1@10.1.2.3, PACSNODE2@10.1.2.4"
_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - an address that nobody sends from


def entries_of(text: str, check_host: bool) -> str:
    """
    The entries as Orthanc takes them, each with a comma before it.

    Args:
        text: Of ``AIPULL_SENDERS``.
        check_host: Whether Orthanc compares addresses: then each sender needs one.

    Raises:
        ValueError: One cannot be used, in words.
    """
    return "".join(f", {json.dumps(name)}: {json.dumps(entry)}" for name, entry in _entries(text, check_host))


def _entries(text: str, check_host: bool) -> Iterator[tuple[str, dict[str, object]]]:
    for number, part in enumerate((part.strip() for part in text.split(",") if part.strip()), start=1):
        ae_title, _, address = (piece.strip() for piece in part.partition("@"))
        if allowed := _allowed_instead(ae_title, address, check_host):
            raise ValueError(f"AIPULL_SENDERS = {part!r} is not allowed: {allowed}")
        yield f"sender-{number}", _entry(ae_title, address)


def _allowed_instead(ae_title: str, address: str, check_host: bool) -> str:
    """What would be allowed in place of a sender; empty: it can be used."""
    if not _AE_TITLE.fullmatch(ae_title):
        return ALLOWED
    if address and not _is_address(address):
        return "an IP address, Orthanc compares no host names"
    if check_host and not address:
        return "with ORTHANC_CHECK_MODALITY_HOST its address"
    return ""


def _entry(ae_title: str, address: str) -> dict[str, object]:
    return {
        "AET": ae_title,
        "Host": address or _NO_ADDRESS,
        "Port": 104,
        "AllowEcho": True,
        "AllowStore": True,
        "AllowFind": False,
        "AllowGet": False,
        "AllowMove": False,
    }


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def main() -> int:
    """Print the entries; 1 and one line on standard error where one cannot be used."""
    check_host = os.environ.get("ORTHANC_CHECK_MODALITY_HOST", "").lower() == "true"
    try:
        print(entries_of(os.environ.get("AIPULL_SENDERS", ""), check_host))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
