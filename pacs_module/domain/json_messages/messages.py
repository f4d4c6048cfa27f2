"""
The messages between the processes, each checked where it arrives.

======================  =============================  ========================================
pull request            pacs_module -> plugins         ``POST /aipull/pulls``
verdicts                pacs_module -> plugins         ``POST /aipull/verdicts``
release                 pacs_module -> plugins         ``POST /aipull/release``
notification            plugins -> pacs_module         ``POST /api/v1/dcm/notify``, in :mod:`.notification`
pull report             plugins -> pacs_module         ``POST /api/v1/dcm/pull_report``
request to the backend  pacs_module -> backend         the notification, as it stands
result                  backend -> pacs_module         ``POST /api/v1/dcm/result``
======================  =============================  ========================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..dicom.attributes import unpadded
from ..errors import MessageError
from ..rules.verdict import Verdict
from .json_text import json_text
from .pull_failure import PullFailure
from .reading import read_message
from .uid_syntax import checked_uid

IMAGES = 800
"""``statecode``: images to compute."""
FILTERED_OUT = 801
"""``statecode``: the whole study was filtered out."""

MAX_WORDS = 4_096
"""Characters of a result's message that are kept."""
MAX_RESULT = 256 * 1024
"""
Characters of the values that a backend may send with its result, as JSON: they stay in the study's document.
"""

RESULT_STATES = ("completed", "unsupported_series", "failed")
PULL_OUTCOMES = ("received", "short", "failed", "nothing_new", "filtered")
LEVELS = ("STUDY", "SERIES")
REPAIRS = ("STUDY", "SERIES", "IMAGE")


@dataclass(frozen=True)
class PullRequest:
    """
    One pull: idempotent by ``pull_id``.

    Args:
        pull_id: Chosen by pacs_module; asking twice with the same id starts one job.
        study_uid: StudyInstanceUID.
        pacs: Alias in Orthanc's DicomModalities.
        level: STUDY, or SERIES with ``series_uids``.
        priority: 0 routine, 1 green channel, 2 emergency, 4 manual.
        expected: Instances of the study at the PACS, None when not told.
        expected_series: Instances by SeriesInstanceUID, as far as told.
        expected_instances: SOPInstanceUIDs by SeriesInstanceUID, where counts are missing or not to be
            trusted.
        announced: What the PACS says of the series that are pulled: keywords to text by SeriesInstanceUID.
        filtered: The verdicts made at find on the series that it dropped, by SeriesInstanceUID.
        skip_filter: SeriesInstanceUIDs that a person named: not filtered.
        final: The last attempt: hand over what is there even if it is short.
        forced: Hand over even if nothing is new.
        dx: The study is radiography: handed over whole.
        repair: A short study lies here from the last attempt: STUDY pulls it again whole, SERIES only the
            series that lack images, IMAGE only the missing images.
        known_handover: handoverID of the last hand-over that pacs_module has of this study, empty when it has
            none: then ``nothing_new`` would be said to somebody who has lost his record. None: not told.
        patient_id: PatientID of the study as the PACS told it last, empty when it did not.
        senders: Who sends for this PACS beside the AE title that is asked: ``AET``, ``AET@address``,
            ``@address`` or an address.
        find_timeout_s: How long a C-FIND inside the pull may take, in seconds; None: the plugins' own limit.
        rules: Version of the rules that judged at find: the images are judged by the same ones.
        count_again_after_s: The pull began as soon as its series had stopped growing: so many seconds after
            it was asked for the PACS is asked once more how many images they have, and only that is COMPLETE.
            None: they have stood still long enough.
        receiver: The receiving Orthanc that it is for, where there are several; empty: there is one.
        before_series: Series of the last hand-over, where another receiver made it: nobody here knows of it.
        before_instances: And how many images it had.
        for_destinations: Who gets these series beside those to compute: they are handed over as they come,
            all of them, whatever the rules say. Empty: it is for the backend.
    """

    pull_id: str
    study_uid: str
    pacs: str
    level: str = "STUDY"
    series_uids: tuple[str, ...] = ()
    priority: int = 0
    expected: int | None = None
    expected_series: dict[str, int] = field(default_factory=dict)
    filtered: dict[str, Verdict] = field(default_factory=dict)
    skip_filter: tuple[str, ...] = ()
    final: bool = False
    forced: bool = False
    dx: bool = False
    expected_instances: dict[str, tuple[str, ...]] = field(default_factory=dict)
    announced: dict[str, dict[str, str]] = field(default_factory=dict)
    repair: str = "STUDY"
    known_handover: str | None = None
    patient_id: str = ""
    senders: tuple[str, ...] = ()
    find_timeout_s: float | None = None
    rules: str = ""
    count_again_after_s: float | None = None
    receiver: str = ""
    before_series: tuple[str, ...] = ()
    before_instances: int = 0
    for_destinations: tuple[str, ...] = ()


class SeriesOutcome(StrEnum):
    """What became of a series."""

    HANDED_OVER = "handed_over"
    KEPT_BACK = "kept_back"
    """
    It passed the filter, and another series was chosen: ``outcome_why`` names the criterion that decided.
    """
    FILTERED = "filtered"
    MISSING = "missing"
    """Announced by the PACS, and no image of it came."""
    SET_ASIDE = "set_aside"
    """Images that are not the PACS's: another patient's or a stranger's."""


@dataclass(frozen=True)
class SeriesReport:
    """
    A series as the plugins judged it after reception, or as it was judged at find.

    Args:
        series_uid: SeriesInstanceUID.
        taken: Whether it passed the filter.
        rule: The rule that decided.
        because: Attribute and value that decided, as in the log.
        received: Images here, each SOPInstanceUID once.
        in_pacs: Images at the PACS, None when not told.
        verdict: The whole verdict; None where nothing was judged, and from older plugins.
        outcome: A :class:`SeriesOutcome`; empty as long as nothing was decided, and from older plugins.
        outcome_why: The reason of the outcome, in words.
        stage: Where it was judged: ``find`` or ``reception``; empty where nothing was judged.
        attributes: What it was judged by (``rules/read_attributes.py``); in pull reports only, and empty from
            older plugins.
        instances: The number of instances that it was judged by.
    """

    series_uid: str
    taken: bool
    rule: str
    because: str
    received: int
    in_pacs: int | None = None
    modality: str = ""
    series_description: str = ""
    verdict: Verdict | None = None
    outcome: str = ""
    outcome_why: str = ""
    stage: str = "reception"
    attributes: dict[str, str] = field(default_factory=dict)
    instances: int | None = None


@dataclass(frozen=True)
class ReceptionNote:
    """
    Something about the images that a reader of the study's history must know.

    Args:
        kind: A stable key: ``patient_id_corrected``, ``patient_ids_differ``, ``set_aside``,
            ``not_from_pacs``, ``sent_twice``, ``same_image_twice``, ``more_than_announced``,
            ``sender_learned``, ``odd_images``, ``quarantined``.
        words: The sentence for people, with its values.
    """

    kind: str
    words: str


@dataclass(frozen=True)
class PullReport:
    """
    The end of a pull (or, with an empty ``pull_id``, of images that came unasked).

    ``outcome``: received (a notification was sent), filtered (a notification says so), nothing_new
    (``notinform``), short (less than announced, to be pulled again) or failed (the move brought nothing).
    ``completeness``: COMPLETE, UNVERIFIED, SHORT n of m or MORE n of m. ``failure``: why the job failed, None
    when it did not. ``handover_id``: with nothing_new the hand-over that had it all; empty where that is not
    known. ``after_pull``: the pull after whose report these images came; empty for all others.
    """

    report_id: str
    pull_id: str
    study_uid: str
    outcome: str
    completeness: str = ""
    received: int = 0
    message: str = ""
    job_id: str = ""
    move_seconds: float | None = None
    series: tuple[SeriesReport, ...] = ()
    failure: PullFailure | None = None
    notes: tuple[ReceptionNote, ...] = ()
    handover_id: str = ""
    after_pull: str = ""


@dataclass(frozen=True)
class SeriesFolder:
    """One series of a hand-over: its folder and its number of instances."""

    series_uid: str
    filepath: str
    number_received: int


@dataclass(frozen=True)
class Result:
    """
    What the backend says of a hand-over; ``handover_id`` may be left out, then the newest with that series is
    meant.
    """

    study_uid: str
    series_uid: str
    state: str
    message: str = ""
    handover_id: str = ""
    result: dict[str, Any] = field(default_factory=dict)


def read_pull_request(message: Mapping[str, Any]) -> PullRequest:
    """
    Check a pull request where it arrives.

    Raises:
        MessageError: A key is missing or not allowed.
    """
    request = read_message(PullRequest, message)
    if request.level not in LEVELS:
        raise MessageError("level", request.level, " or ".join(LEVELS))
    if request.repair not in REPAIRS:
        raise MessageError("repair", request.repair, ", ".join(REPAIRS))
    if request.level == "SERIES" and not request.series_uids:
        raise MessageError("seriesUIDs", request.series_uids, "at least one with level SERIES")
    needed = {"pullID": request.pull_id, "studyUID": request.study_uid, "pacs": request.pacs}
    for key, value in needed.items():
        if not value:
            raise MessageError(key, value, "not empty")
    return request


def read_announced(message: Mapping[str, Any]) -> PullRequest:
    """
    Check what pacs_module says of a study that came unasked: a pull request that asks for nothing.

    Raises:
        MessageError: A key is missing or of the wrong kind.
    """
    return read_message(PullRequest, message)


def read_pull_report(message: Mapping[str, Any]) -> PullReport:
    """
    Check a pull report where it arrives.

    Raises:
        MessageError: A key is missing or not allowed.
    """
    report = read_message(PullReport, message)
    if report.outcome not in PULL_OUTCOMES:
        raise MessageError("outcome", report.outcome, ", ".join(PULL_OUTCOMES))
    return report


def read_result(message: Mapping[str, Any]) -> Result:
    """
    Check a result where it arrives.

    A message that is too long is cut, for the result must not be lost for it.

    Raises:
        MessageError: A key is missing or not allowed.
    """
    result = read_message(Result, message)
    if result.state not in RESULT_STATES:
        raise MessageError("state", result.state, ", ".join(RESULT_STATES))
    # Backends read UIDs out of image headers, where they are padded.
    study_uid = checked_uid("studyUID", unpadded(result.study_uid))
    series_uid = checked_uid("seriesUID", unpadded(result.series_uid))
    size = len(json_text(result.result))
    if size > MAX_RESULT:
        raise MessageError("result", f"{size} characters of JSON", f"at most {MAX_RESULT}")
    return replace(result, study_uid=study_uid, series_uid=series_uid, message=_cut(result.message))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS else f"{text[:MAX_WORDS]}..."
