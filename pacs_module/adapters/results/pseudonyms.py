"""
Who stands behind the pseudonyms, a file a hand-over: for the account of pacs_module alone, and in no folder
that a backend sees.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from ...domain.errors import Unreadable
from ...domain.json_messages.documents import to_document
from ...domain.json_messages.kept_json import kept_document
from ...domain.json_messages.uid_syntax import checked_handover_id, checked_uid
from ...domain.results.pseudonyms import PseudonymRecord, joined
from ...shared.files import write_whole

PSEUDONYMS = "pseudonyms"
"""Their folder, below that of results."""
_OWNER_ALONE = 0o600
_DAY_S = 86400.0


class DiskPseudonyms:
    """
    Args:
        folder: Made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, handover_id: str, identity: PseudonymRecord) -> None:
        """Written whole or not at all."""
        of_study = self._of(identity.study_uid)
        of_study.mkdir(mode=0o700, exist_ok=True)
        file = of_study / f"{checked_handover_id('handoverID', handover_id)}.json"
        write_whole(file, json.dumps(to_document(identity), ensure_ascii=False), mode=_OWNER_ALONE)

    def of_study(self, study_uid: str) -> PseudonymRecord | None:
        """
        The newest hand-over's word on the patient, and the UIDs of all.

        Raises:
            Unreadable: There are files of the study, and none of them can be read.
        """
        files = sorted(self._of(study_uid).glob("*.json"), key=lambda one: one.stat().st_mtime)
        told = [record for file in files if (record := _record(file)) is not None]
        if files and not told:
            raise Unreadable("who stands behind the pseudonyms of the study cannot be read: damaged files")
        if not told:
            return None
        others: dict[str, str] = {}
        for one in told:
            others |= one.uids
        return joined(told[-1], others)

    def studies(self, older_s: float) -> list[str]:
        """By the time of a study's newest hand-over."""
        latest = time.time() - older_s
        return [one.name for one in self._folder.iterdir() if one.is_dir() and one.stat().st_mtime < latest]

    def forget(self, study_uid: str) -> None:
        """All hand-overs of a study."""
        shutil.rmtree(self._of(study_uid), ignore_errors=True)

    def forget_older(self, days: int) -> int:
        """By the time of a study's newest hand-over."""
        old = self.studies(days * _DAY_S)
        for study_uid in old:
            self.forget(study_uid)
        return len(old)

    def _of(self, study_uid: str) -> Path:
        return self._folder / checked_uid("studyUID", study_uid)


def _record(file: Path) -> PseudonymRecord | None:
    """One hand-over's; None: it is damaged, or goes in this moment."""
    try:
        return kept_document(PseudonymRecord, file.read_bytes())
    except (OSError, Unreadable):
        return None
