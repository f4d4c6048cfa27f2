"""What of a study goes to destinations: a store reads this for lists, and nothing else of the study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import PermanentError
from ..json_messages.documents import from_document, wire_names
from ..results.result_set import RefusedResult, ResultSet
from ..study.study import Study, is_work
from ..upload.upload import Upload


@dataclass(frozen=True)
class SentStudy:
    """Its uploads, the results that came back from the backend, and those that were not taken."""

    study_uid: str
    accession_number: str = ""
    uploads: tuple[Upload, ...] = ()
    results: tuple[ResultSet, ...] = ()
    refused_results: tuple[RefusedResult, ...] = ()


SENT_KEYS = tuple(wire_names(SentStudy).values())
"""The keys of a study's document that are read."""


def due_key(work: str) -> str:
    """
    Where a document has the due time of a kind of work.

    Raises:
        PermanentError: There is no such work.
    """
    if not is_work(work):
        raise PermanentError(f"work = {work!r} is not allowed")
    return f"due.{work}"


def sent_of(study: Study) -> SentStudy:
    """What of a study goes to destinations."""
    return SentStudy(
        study.study_uid,
        study.accession_number,
        tuple(study.uploads),
        tuple(study.results),
        tuple(study.refused_results),
    )


def read_sent(document: Mapping[str, Any]) -> SentStudy | None:
    """The same from these keys of its document; None: another version wrote it, and it costs only itself."""
    told = {key: value for key, value in document.items() if value is not None}
    try:
        return from_document(SentStudy, told)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
