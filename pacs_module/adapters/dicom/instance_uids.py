"""The SOP Instance UIDs of a study: at a PACS, in the receiving Orthanc, in a folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from ...domain.dicom.attributes import clean_uid
from ...domain.errors import PermanentError
from ...domain.find.series_answers import series_of
from ...domain.reconcile.image_diff import Copy
from ...domain.wire.json_text import FROM_ORTHANC
from ...ports import PacsFinder
from ...shared.http import HttpLink, address_of

_TAGS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]


def of_pacs(finder: PacsFinder, pacs: str, study_uid: str) -> Copy:
    """
    One query for the series, one for the images of each.

    Raises:
        RetriableError, PermanentError: As the finder does.
    """
    answers = finder.find(
        pacs, "SERIES", {"StudyInstanceUID": study_uid}, ("StudyInstanceUID", "SeriesInstanceUID")
    )
    copy = {}
    for uid in sorted(facts.series_uid for facts in series_of(study_uid, answers)):
        images = finder.find(pacs, "IMAGE", {"StudyInstanceUID": study_uid, "SeriesInstanceUID": uid}, _TAGS)
        copy[uid] = frozenset(clean_uid(image.get("SOPInstanceUID", "")) for image in images) - {""}
    return copy


def of_orthanc(url: str, username: str, password: str, timeout_s: float, study_uid: str) -> Copy:
    """
    What the receiving Orthanc holds now.

    Raises:
        RetriableError: It does not answer.
        PermanentError: It refuses.
    """
    who = f"Orthanc at {address_of(url)}"
    link = HttpLink(who, auth=(username, password), answer_bytes=FROM_ORTHANC.size)

    def ask(method: str, path: str, body: object = None) -> Any:
        answer = link.call(method, url + path, json_body=body, timeout=timeout_s)
        if not answer.ok:
            raise PermanentError(f"Orthanc answers {path} with HTTP {answer.status}")
        return answer.json(FROM_ORTHANC)

    query = {"Level": "Series", "Query": {"StudyInstanceUID": study_uid}, "Expand": True}
    held: dict[str, frozenset[str]] = {}
    for series in ask("POST", "/tools/find", query):
        images = ask("GET", f"/series/{series['ID']}/instances")
        uids = frozenset(image["MainDicomTags"]["SOPInstanceUID"] for image in images)
        held[series["MainDicomTags"]["SeriesInstanceUID"]] = uids
    return held


def of_folder(folder: Path, study_uid: str) -> Copy:
    """The study's images among the files in a folder and below; what is no DICOM is passed over."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in _files(folder):
        try:
            header = dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        except (InvalidDicomError, OSError):
            continue
        if header.get("StudyInstanceUID") == study_uid:
            found[str(header.SeriesInstanceUID)].add(str(header.SOPInstanceUID))
    return {uid: frozenset(images) for uid, images in found.items()}


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
