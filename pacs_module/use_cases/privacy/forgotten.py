"""The key of the pseudonyms, and which studies are not to be taken up again by a find."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...domain.privacy.pseudonym import KEY_BYTES, Pseudonyms
from ...ports.leases import Leases, Memo

KEY = "pseudonym key"
FORGOTTEN = "forgotten studies"
"""Pseudonym of the StudyInstanceUID to StudyDate, oldest first."""
MOST = 20_000


def key_in_store(leases: Leases) -> bytes:
    """The key that the first process drew."""
    drawn = secrets.token_hex(KEY_BYTES)
    return bytes.fromhex(str(leases.edit(KEY, lambda memo: memo or {"key": drawn})["key"]))


@dataclass
class Forgotten:
    """
    Studies that were forgotten while the PACS still has them: a find passes them by, else it would bring them
    back.

    A person may pull one of them, and a device may send one: then it is known again.
    """

    leases: Leases
    pseudonyms: Pseudonyms

    def add(self, studies: Iterable[tuple[str, str]]) -> None:
        """Note studies: StudyInstanceUID and StudyDate of each."""
        new = {self.pseudonyms.of(uid): day for uid, day in studies}

        def note(memo: Memo) -> Memo:
            kept = {**{name: day for name, day in memo.items() if name not in new}, **new}
            return dict(list(kept.items())[-MOST:])

        self.leases.edit(FORGOTTEN, note)

    def passed_by(self) -> Callable[[str], bool]:
        """Whether a find passes a StudyInstanceUID by, as of now."""
        known = self.leases.memo(FORGOTTEN)
        if not known:
            return lambda uid: False
        return lambda uid: self.pseudonyms.of(uid) in known
