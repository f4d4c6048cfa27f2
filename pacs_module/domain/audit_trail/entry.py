"""
Entries of the audit trail: each has a keyed hash over itself and the one before it, so that one that was
changed, taken out or put in is noticed.

The hash covers pseudonyms, not the identifiers themselves: these stand beside them under ``clear`` and can be
taken away when their age is over, and the chain still holds. While they are there they can be held against
the pseudonyms.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..privacy.pseudonym import Pseudonyms

_PURPOSE = b"aipull audit trail "
_MAX = 300
"""Characters of a value that somebody sent."""


class Deed(StrEnum):
    """What somebody did."""

    SAW = "saw"
    LOOKED_FOR = "looked for"
    DID = "did"
    ADMINISTERED = "administered"
    FORGOT = "forgot"
    SIGNED_IN = "signed in"
    SIGNED_OUT = "signed out"
    REFUSED = "refused"
    """Nobody, a wrong key, or too many of them."""
    ROLE_TOO_LOW = "role too low"
    SENDER_REFUSED = "sender refused"
    """At the DICOM port of a receiving Orthanc."""
    STARTED = "started"
    STOPPED = "stopped"
    REMOVED = "removed by age"
    LOST = "entries not sent"
    """The receiver was away for so long that the oldest were passed over."""


@dataclass(frozen=True)
class Act:
    """
    One deed: ``objects`` has what it was about, by kind (``study``, ``series``, ``patient``, ``order``,
    ``text``).

    ``by`` is empty where nobody can tell; then ``way`` says how he came (the shared key, this machine).
    """

    deed: Deed
    by: str = ""
    way: str = ""
    roles: tuple[str, ...] = ()
    address: str = ""
    action: str = ""
    status: int = 0
    objects: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether it was refused or did not work."""
        return self.status >= _FIRST_ERROR


_FIRST_ERROR = 400
Entry = dict[str, Any]


@dataclass(frozen=True)
class Head:
    """The end of a trail: number and hash of its last entry."""

    number: int = 0
    digest: str = ""


@dataclass(frozen=True)
class Chain:
    """Makes and checks entries; ``pseudonyms`` have the key of the installation."""

    pseudonyms: Pseudonyms

    def entry(self, act: Act, at: str, before: Head) -> Entry:
        """The next entry; ``at`` in ISO 8601 UTC."""
        clear = {kind: text[:_MAX] for kind, text in act.objects.items() if text}
        told: Entry = {
            "number": before.number + 1, "at": at, "deed": act.deed.value, "by": act.by[:_MAX],
            "way": act.way,
            "roles": list(act.roles), "address": act.address, "action": act.action[:_MAX],
            "status": act.status,
            "note": act.note[:_MAX],
            "objects": {kind: self.pseudonyms.of(text) for kind, text in clear.items()},
            "before": before.digest,
        }  # fmt: skip
        # who was forgotten stands here as a pseudonym alone
        return {**told, "hash": self.digest(told), "clear": {} if act.deed is Deed.FORGOT else clear}

    def digest(self, entry: Mapping[str, Any]) -> str:
        """The keyed hash of an entry, without what may be taken away."""
        told = {key: value for key, value in entry.items() if key not in ("hash", "clear")}
        text = json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hmac.new(self.pseudonyms.secret(), _PURPOSE + text.encode(), hashlib.sha256).hexdigest()

    def verify(self, entries: Iterable[Mapping[str, Any]], begin: Head) -> tuple[Head, list[str]]:
        """
        Check a trail.

        Args:
            entries: In their order.
            begin: What came before the first of them.

        Returns:
            Its end, and what is wrong, in words; empty: nothing is.
        """
        head, wrong = begin, []
        for entry in entries:
            if said := self._wrong(entry, head):
                wrong.append(said)
            head = Head(int(entry.get("number", head.number + 1)), str(entry.get("hash", "")))
        return head, wrong

    def _wrong(self, entry: Mapping[str, Any], head: Head) -> str:
        number = entry.get("number")
        if number != head.number + 1:
            return f"entry {number} follows {head.number}: entries are missing or were put in"
        if not hmac.compare_digest(str(entry.get("hash", "")), self.digest(entry)):
            return f"entry {number} was changed"
        if entry.get("before") != head.digest:
            return f"entry {number} does not hang on the one before it"
        hidden = entry.get("objects", {})
        clear = entry.get("clear", {})
        if any(hidden.get(kind) != self.pseudonyms.of(str(text)) for kind, text in clear.items()):
            return f"what entry {number} is about was changed"
        return ""


def named_in(entry: Mapping[str, Any], words: frozenset[str]) -> bool:
    """Whether an entry is about one of these, in clear."""
    return not words.isdisjoint(map(str, entry.get("clear", {}).values()))


def blanked(entry: Entry) -> Entry:
    """The same without identifiers; its hash still holds."""
    return {**entry, "clear": {}}
