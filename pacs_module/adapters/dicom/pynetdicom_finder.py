"""
C-FIND straight at the PACS, for those whose answers the receiving Orthanc cannot read (field notes 2.5 and
6).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from ...domain.dicom.attributes import Attributes
from ...domain.errors import OUT_OF_RESOURCES, PermanentError, RetriableError, TooManyAnswers
from .find_scu import PENDING, Deadline, FindAssociation, Peer, Response
from .identifiers import decode_identifier, encode_identifier

_PATIENT_ROOT, _STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.2.1"
# Which information model to ask in, the better one first (PS3.4 C.6.1 and C.6.2: Study Root has no PATIENT
# level).
_MODELS = {
    "PATIENT": (_PATIENT_ROOT,),
    "STUDY": (_STUDY_ROOT, _PATIENT_ROOT),
    "SERIES": (_STUDY_ROOT, _PATIENT_ROOT),
    "IMAGE": (_STUDY_ROOT, _PATIENT_ROOT),
}
# Asked for at any rate: without the keys of the levels above some PACS refuse the query, with them empty it
# is relational (PS3.4 C.4.1.2.1 and C.4.1.3.2). Orthanc does the same.
_UNIQUE_KEYS = {
    "PATIENT": ("PatientID",),
    "STUDY": ("PatientID", "StudyInstanceUID"),
    "SERIES": ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"),
    "IMAGE": ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
}
# PS3.4 C.4.1.1.4
_WRONG_IDENTIFIER = 0xA900
_NO_SUCH_CLASS = 0x0122


MAX_ANSWERS = 100_000
"""To one query; a PACS that goes on is asked in smaller parts."""
MAX_ANSWERS_BYTES = 64 * 2**20
"""
Of the identifiers of one query: 300,000 studies of 200 bytes, or a few rows that a PACS fills with text.
"""


class PynetdicomFinder:
    """
    A finder for one PACS; safe to use from several threads.

    One association at a time: there are PACS that take no second one.
    """

    def __init__(self, peer: Peer, timeout: float) -> None:
        """
        Prepare; nothing is opened yet.

        Args:
            peer: The PACS, and our AE title there.
            timeout: Deadline of one query in seconds, waiting for other queries to this PACS included.
        """
        self._peer = peer
        self._timeout = timeout
        self._one_at_a_time = threading.Lock()

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        """
        One C-FIND on an association of its own; a list that the PACS cut is raised as TooManyAnswers with
        what came.
        """
        identifier = encode_identifier(level, query, (*_UNIQUE_KEYS[level], *return_keys))
        deadline = Deadline(self._timeout)
        if not self._one_at_a_time.acquire(timeout=self._timeout):
            raise RetriableError(f"{pacs} is still busy with another query after {self._timeout:g} s")
        try:
            return self._ask(_MODELS[level], identifier, deadline)
        finally:
            self._one_at_a_time.release()

    def _ask(self, models: Sequence[str], identifier: bytes, deadline: Deadline) -> list[Attributes]:
        answers: list[Attributes] = []
        size = 0
        with FindAssociation(self._peer, models, deadline) as association:
            for response in association.find(association.model_for(models), identifier):
                if response.status in PENDING:
                    answers.append(decode_identifier(response.identifier))
                    size += len(response.identifier)
                    if len(answers) >= MAX_ANSWERS or size > MAX_ANSWERS_BYTES:
                        raise TooManyAnswers(answers, f"{self._peer} gave no end of its answers")
                else:
                    final = response
        _check(self._peer, final, answers)
        return answers


def _check(peer: Peer, final: Response, answers: list[Attributes]) -> None:
    """A C-FIND knows no warning: all but Success means that the list has not come to its end."""
    status = final.status
    if not status:
        return
    if answers or status == OUT_OF_RESOURCES:
        raise TooManyAnswers(answers, final.comment, status)
    permanent = status in (_WRONG_IDENTIFIER, _NO_SUCH_CLASS)
    kind: type[PermanentError | RetriableError] = PermanentError if permanent else RetriableError
    error = kind(f"{peer} ended C-FIND with status 0x{status:04X}", final.comment)
    error.find_status = status
    raise error
