"""What a probe has found so far, and the ways of asking that several questions share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from ....domain.dicom.attributes import plain_time
from ....domain.find.windows import seconds_of
from ....domain.probe import Answer, Finding, Reply, Value, Verdict, Whole, text_of, uid_of
from .client import Talk

STUDY_KEYS = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientID",
    "PatientName",
    "StudyDescription",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
)


@dataclass
class Day:
    """The studies of one day by UID, as far as they are known."""

    day: date
    studies: dict[str, Answer] = field(default_factory=dict)

    def take(self, answers: Iterable[Answer]) -> None:
        """Keep the studies of this day out of some answers."""
        for answer in answers:
            uid = uid_of(answer)
            told = (text_of(answer, "StudyDate") or "").strip()
            if uid and told in ("", dicom(self.day)):
                self.studies.setdefault(uid, answer)

    def those(self, condition: Callable[[Answer], bool]) -> set[str]:
        """UIDs of the studies for which a condition holds."""
        return {uid for uid, answer in self.studies.items() if condition(answer)}


@dataclass
class Session:
    """The findings, and the studies, series and lists that later questions build on."""

    talk: Talk
    say: Callable[[str], None]
    findings: list[Finding] = field(default_factory=list)
    day: date | None = None
    today_list: Day = field(default_factory=lambda: Day(date.min))
    before: Day = field(default_factory=lambda: Day(date.min))
    whole: Reply = field(default_factory=Reply)
    lists: list[Whole] = field(default_factory=list)
    series: dict[str, list[Answer]] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, verdict: Verdict, words: str, asked: str, came: str, value: Value = None) -> None:
        """A finding."""
        self.findings.append(Finding(key, verdict, words, asked, came, value))

    def not_told(self, key: str, asked: str, why: str) -> None:
        """What the content, or the PACS, did not allow to find out."""
        self.add(key, Verdict.NOT_TOLD, "not told", asked, why)

    def list_of(self, day: date, *, some: bool = False) -> Reply:
        """A day's studies; with ``some``, answers are expected."""
        return self.talk.find("STUDY", {"StudyDate": dicom(day)}, STUDY_KEYS, some=some)

    def query(self, **keys: str) -> Reply:
        """One STUDY level query within the day."""
        return self.talk.find(
            "STUDY", {"StudyDate": dicom(self.today_list.day), **keys}, STUDY_KEYS, some=True
        )

    def at_the_cap(self, reply: Reply) -> bool:
        """Whether a part is as long as the whole day: either the key was ignored, or the PACS cut both."""
        return reply.cut or len(reply.answers) >= len(self.whole.answers)

    def value_of(self, key: str) -> Value:
        """A finding's value; None: not found out yet."""
        return next((finding.value for finding in self.findings if finding.key == key), None)

    def honoured(self, key: str) -> bool:
        """Whether a matching key was found to be honoured."""
        return any(finding.key == key and finding.verdict is Verdict.YES for finding in self.findings)


def nothing(reply: Reply) -> str:
    """What a query without answers means, in words."""
    return "matches nothing" if reply.ok else f"is refused ({reply.ending})"


def level_words(verdict: Verdict) -> str:
    """A verdict on a level, in words."""
    return {
        Verdict.YES: "answers",
        Verdict.NO: "refused or empty",
        Verdict.PARTLY: "answers, but not for every study",
        Verdict.NOT_TOLD: "not told",
    }[verdict]


def second_of(answer: Answer) -> int | None:
    """StudyTime as seconds of the day."""
    return seconds_of(plain_time(text_of(answer, "StudyTime") or ""))


def uids_of(reply: Reply, keyword: str = "StudyInstanceUID") -> set[str]:
    """The UIDs that came, each once; empty ones are left out."""
    return {uid for answer in reply.answers if (uid := uid_of(answer, keyword))}


def values_of(answers: Iterable[Answer], keyword: str) -> list[str | None]:
    """One value an answer; None where the key did not come."""
    return [text_of(answer, keyword) for answer in answers]


def values_by_study(day: Day, keyword: str) -> dict[str, str]:
    """A key's value by study; empty where it did not come."""
    return {uid: text_of(answer, keyword) or "" for uid, answer in day.studies.items()}


def is_plain(value: str) -> bool:
    """Whether a value is filled, ASCII, and holds nothing that a PACS may take for a wildcard or a list."""
    return bool(value) and value.isascii() and not set(value) & set("*?\\")


def dicom(day: date) -> str:
    """A date as DICOM writes it."""
    return day.strftime("%Y%m%d")


def status_words(status: int | None) -> str:
    """A status as four hexadecimal digits."""
    return "none" if status is None else f"{status:04X}"
