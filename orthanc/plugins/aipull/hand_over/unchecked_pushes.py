"""
Hand-overs whose images nobody has compared with the PACS's own: somebody pushed them, and a PACS knows the
study.

They are handed over at once, and the study is pulled, too. What the PACS sends is then compared with what was
handed over: the same images are no news, others are handed over in their place (K1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..journal.journal import Journal, as_text

_KEY = "unproved hand-overs"
_MAX_STUDIES = 2000


@dataclass(frozen=True)
class UncheckedPushes:
    """Keeps them in the journal: the name of the folder by StudyInstanceUID."""

    journal: Journal

    def folder_of(self, study_uid: str) -> str | None:
        """The folder of the study's last hand-over, where that is unproved."""
        return self._all().get(study_uid)

    def note(self, study_uid: str, folder: str, proved: bool) -> None:
        """Note what a new hand-over is, in the transaction that journals it."""
        known = {uid: name for uid, name in self._all().items() if uid != study_uid}
        if not proved:
            known[study_uid] = folder
        if known != self._all():
            self.journal.set_meta(_KEY, as_text(dict(list(known.items())[-_MAX_STUDIES:])))

    def _all(self) -> dict[str, str]:
        return dict(json.loads(self.journal.meta(_KEY, "{}")))
