"""
The naive control: one C-FIND of today, no more, at the end of the day. Each habit that is about finding must
make it fail.

At STUDY level by a finder that reads text well; for the habits of text also through a real Orthanc 1.10.1,
which is what a plain script on site asks (DefaultEncoding Utf8, which reads a plain day); for the habits of
SERIES and IMAGE level at these levels.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from hospital_sim.busy_day.day import BusyDay, BusyStudy
from hospital_sim.pacs import ManualClock, SimPacs
from hospital_sim.pacs.habits import HABITS, Area
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.orthanc_finder import OrthancFinder
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.domain.errors import PipelineError
from pacs_module.ports import PacsFinder
from pacs_module.use_cases.find.find_studies import STUDY_KEYS
from stack.run_folder import RunFolder
from tests.support.pacs.real_pacs import AskingOrthanc

from .rows import IMAGE_LEVEL, SERIES_LEVEL

PACS = "SIM"
TEXT = frozenset(habit.name for habit in HABITS if habit.area is Area.TEXT)
IMAGES_OF = 5
"""Studies whose images are asked for."""
BY_ORTHANC = "ORTHANC"
FOREIGN = "FOREIGN"
"""Answers that were believed although they do not match the question, or name no study."""
Missing = Mapping[str, int]
"""What was not given rightly by control: STUDY, SERIES, IMAGE, ORTHANC, FOREIGN."""


def control(
    day: BusyDay, habits: tuple[str, ...], deadline_s: float, *, orthanc: bool = False, every: bool = False
) -> Missing:
    """
    Ask a PACS that nobody has asked yet (habits that come and go begin with the first question).

    Args:
        day: What is in the PACS.
        habits: Its habits.
        deadline_s: Of one question.
        orthanc: Ask through Orthanc too, where it is about text.
        every: All controls, for the baseline.
    """
    names = {habit.split("=")[0] for habit in habits}
    missing = {
        "STUDY": _asked(day, habits, deadline_s, _studies),
        FOREIGN: _asked(day, habits, deadline_s, _foreign),
    }
    if every or names & SERIES_LEVEL:
        missing["SERIES"] = _asked(day, habits, deadline_s, _series)
    if every or names & IMAGE_LEVEL:
        missing["IMAGE"] = _asked(day, habits, deadline_s, _images)
    if orthanc and (every or names & TEXT):
        missing[BY_ORTHANC] = _through_orthanc(day, habits)
    return missing


def bites(missing: Missing, baseline: Missing) -> bool:
    """Whether one of the controls does worse than without any habit."""
    return any(number > baseline[name] for name, number in missing.items())


def wanted_of(day: BusyDay) -> list[BusyStudy]:
    """The wanted studies of the date that are not deleted again; counts are those of the end."""
    return [
        study
        for study in day.wanted
        if study.planned.started_at.date() == day.date and study.vanishes_at is None
    ]


def _asked(
    day: BusyDay, habits: tuple[str, ...], deadline_s: float, ask: Callable[[PacsFinder, BusyDay], int]
) -> int:
    with _at_the_days_end(day, habits) as pacs:
        return ask(PynetdicomFinder(Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL"), deadline_s), day)


def _through_orthanc(day: BusyDay, habits: tuple[str, ...]) -> int:
    with (
        _at_the_days_end(day, habits) as pacs,
        tempfile.TemporaryDirectory() as folder,
        RunFolder(Path(folder) / "run") as run,
    ):
        orthanc = AskingOrthanc(
            run, {PACS: Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL")}, timeout=60, encoding="Utf8"
        )
        orthanc.start()
        finder = OrthancFinder(orthanc.url, orthanc.user, orthanc.password, 120.0)
        try:
            return _studies(finder, day)
        finally:
            finder.close()


def _at_the_days_end(day: BusyDay, habits: tuple[str, ...]) -> SimPacs:
    return SimPacs(day, habits=habits, clock=ManualClock(dt.datetime.combine(day.date, dt.time(23, 59))))


def _studies(finder: PacsFinder, day: BusyDay) -> int:
    """Wanted studies of the day that do not come with their UID, modalities, count and text."""
    wanted = wanted_of(day)
    answers = _find(finder, "STUDY", {"StudyDate": f"{day.date:%Y%m%d}"}, STUDY_KEYS)
    times = Counter(answer.get("StudyInstanceUID", "") for answer in answers)
    by_uid = {answer.get("StudyInstanceUID", ""): answer for answer in answers}
    return sum(times[study.uid] != 1 or not _plainly_right(study, by_uid[study.uid]) for study in wanted)


def _foreign(finder: PacsFinder, day: BusyDay) -> int:
    """
    Answers of another date than was asked for, or with a UID that no study of the day has; an empty one is
    another matter.
    """
    answers = _find(finder, "STUDY", {"StudyDate": f"{day.date:%Y%m%d}"}, STUDY_KEYS)
    known = {study.uid for study in day.studies}
    strange = [
        answer for answer in answers if (uid := answer.get("StudyInstanceUID", "")) and uid not in known
    ]
    others = [answer for answer in answers if answer.get("StudyDate", "") != f"{day.date:%Y%m%d}"]
    return len(strange) + len(others)


def _plainly_right(study: BusyStudy, answer: Mapping[str, str]) -> bool:
    return (
        study.modalities <= set(answer.get("ModalitiesInStudy", "").split("\\"))
        and answer.get("NumberOfStudyRelatedInstances", "") == str(study.planned.instances)
        and answer.get("StudyDescription", "") == study.planned.description
    )


def _series(finder: PacsFinder, day: BusyDay) -> int:
    """Chest studies of the day whose series to be computed do not come, asked for all series of the day."""
    answers = _find(
        finder, "SERIES", {"StudyDate": f"{day.date:%Y%m%d}"}, ("StudyInstanceUID", "SeriesInstanceUID")
    )
    got = {answer.get("SeriesInstanceUID", "") for answer in answers}
    return sum(not got >= set(study.expected_series) for study in wanted_of(day) if study.chest)


def _images(finder: PacsFinder, day: BusyDay) -> int:
    """Of some studies those whose images do not all come."""
    some = wanted_of(day)[:IMAGES_OF]
    keys = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    return sum(
        len(_find(finder, "IMAGE", {"StudyInstanceUID": one.uid}, keys)) != one.planned.instances
        for one in some
    )


def _find(
    finder: PacsFinder, level: str, query: Mapping[str, str], keys: Sequence[str]
) -> Collection[Mapping[str, str]]:
    """Nothing, when the PACS or Orthanc does not answer."""
    try:
        return finder.find(PACS, level, query, keys)
    except PipelineError:
        return []
