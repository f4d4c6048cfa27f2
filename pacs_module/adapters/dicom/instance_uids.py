"""The SOP Instance UIDs of a study: at a PACS, in the receiving Orthanc, in a folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from ...domain.dicom.attributes import clean_uid
from ...domain.errors import PermanentError
from ...domain.find.series_answers import series_of
from ...domain.json_messages.json_text import FROM_ORTHANC
from ...domain.json_messages.uid_syntax import is_uid
from ...domain.reconcile.image_diff import Copy
from ...ports import PacsFinder
from ...shared.dicom_header import Unreadable, read_header
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
        query = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": uid}
        images = (
            clean_uid(one.get("SOPInstanceUID", "")) for one in finder.find(pacs, "IMAGE", query, _TAGS)
        )
        copy[uid] = frozenset(filter(is_uid, images))
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
    ask = partial(_ask, link, url, timeout_s)
    query = {"Level": "Series", "Query": {"StudyInstanceUID": study_uid}, "Expand": True}
    held: dict[str, frozenset[str]] = {}
    for series in ask("POST", "/tools/find", query):
        images = ask("GET", f"/series/{series['ID']}/instances")
        uids = frozenset(image["MainDicomTags"]["SOPInstanceUID"] for image in images)
        held[series["MainDicomTags"]["SeriesInstanceUID"]] = uids
    return held


def _ask(link: HttpLink, url: str, timeout_s: float, method: str, path: str, body: object = None) -> Any:
    answer = link.call(method, url + path, json_body=body, timeout=timeout_s)
    if not answer.ok:
        raise PermanentError(f"Orthanc answers {path} with HTTP {answer.status}")
    return answer.json(FROM_ORTHANC)


def of_folder(folder: Path, study_uid: str) -> Copy:
    """The study's images among the files in a folder and below; what is no DICOM is passed over."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in _files(folder):
        study, series, image = _uids_of(file)
        if study == study_uid and series and image:
            found[series].add(image)
    return {uid: frozenset(images) for uid, images in found.items()}


def _uids_of(path: Path) -> tuple[str, str, str]:
    """Of study, series and image; empty ones of what cannot be read, or does not tell them."""
    try:
        with path.open("rb") as file:
            header = read_header(file, frozenset(_TAGS))
    except OSError:
        return "", "", ""
    if isinstance(header, Unreadable):
        return "", "", ""
    study, series, image = (clean_uid(header.text(keyword)) for keyword in _TAGS)
    return study, series, image


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
