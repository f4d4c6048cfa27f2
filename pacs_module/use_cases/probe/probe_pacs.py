"""
Ask one PACS what it can do, gently (M35): one question at a time but for the test of parallel associations, a
pause between them, and never more of them than was said beforehand.

The queries use what the PACS's own answers hold (a date, a UID, the beginning of an accession number); the
findings never repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from ...domain.errors import PipelineError
from ...domain.probe import Finding, Recommendation, Text, judge_text, recommend
from .questions import keys, levels, limits, modalities, moving, ranges, start, text
from .questions.client import Asker, MoveTest, OutOfQueries, Talk
from .questions.session import Session

MOST_QUERIES = 60

Question = tuple[str, tuple[str, ...], Callable[[Session], None]]
QUESTIONS: tuple[Question, ...] = (
    ("STUDY level", ("level.study", "count.study"), start.study_level),
    ("the same again", (), start.again),
    ("SERIES level", ("level.series", "level.series_alone", "count.series"), levels.series_level),
    ("modalities", ("modalities", "match.modality"), modalities.modalities),
    ("IMAGE level", ("level.image",), levels.image_level),
    ("PATIENT level", ("level.patient",), levels.patient_level),
    ("date ranges", ("match.date", "match.date_range"), ranges.dates),
    ("time ranges", ("match.time_range", "match.date_time"), ranges.times),
    ("wildcards", ("match.AccessionNumber*", "match.PatientID*"), keys.wildcards),
    ("single values", ("match.AccessionNumber", "match.PatientID"), keys.named),
    ("lists of UIDs", ("match.uid", "match.uid_list"), keys.uids),
    ("studies without a UID", ("uid.resolved",), keys.resolve),
    ("caps", ("cap",), limits.caps),
    ("parallel associations", ("parallel",), limits.parallel),
)
"""
Title, the findings that it brings, and the question; each later one builds on what earlier ones brought.
"""
SUMMARIES = (text.text, text.uid_cleanliness, start.repeated, limits.reliability, limits.speed)


@dataclass(frozen=True)
class Probed:
    """What the probe found out."""

    day: date | None
    findings: dict[str, Finding]
    texts: tuple[Text, ...]
    recommendations: tuple[Recommendation, ...]
    queries: int
    most_queries: int
    seconds: float


@dataclass
class ProbePacs:
    """
    One probe.

    ``pause`` waits between two queries; ``now`` gives seconds; ``say`` is told what is being asked.
    """

    asker: Asker
    pause: Callable[[], None]
    now: Callable[[], float]
    most_queries: int = MOST_QUERIES
    say: Callable[[str], None] = lambda text: None

    def __call__(self, today: date, day: date | None = None, move: MoveTest | None = None) -> Probed:
        """
        Ask.

        Args:
            today: The hospital's date.
            day: The day with content to ask about; None: the probe looks for a busy one among the last eight.
            move: Move one small series, None: not asked.
        """
        begin = self.now()
        session = Session(Talk(self.asker, self.pause, self.most_queries), self.say)
        self._run(session, today, day, move)
        return self._probed(session, self.now() - begin)

    def _probed(self, session: Session, seconds: float) -> Probed:
        found = {finding.key: finding for finding in session.findings}
        texts = judge_text(session.talk.answers())
        return Probed(
            day=session.day,
            findings=found,
            texts=texts,
            recommendations=recommend(found, texts),
            queries=session.talk.queries,
            most_queries=self.most_queries,
            seconds=seconds,
        )

    def _run(self, session: Session, today: date, day: date | None, move: MoveTest | None) -> None:
        if not start.connection(session):
            return
        for question in _questions(today, day, move):
            _ask(session, question)
        for summary in SUMMARIES:
            summary(session)


def _questions(today: date, day: date | None, move: MoveTest | None) -> Iterator[Question]:
    """All questions in their order."""
    yield "a busy day", ("content",), lambda session: start.content(session, today, day)
    yield from QUESTIONS
    if move is not None:
        yield "C-MOVE of one small series", ("move",), lambda session: moving.move(session, move)


def _ask(session: Session, asked: Question) -> None:
    """Ask one question; the findings of one that cannot be asked any more are not told."""
    title, brings, question = asked
    session.say(title)
    try:
        question(session)
    except (OutOfQueries, PipelineError) as stop:  # the latter: the receiving Orthanc cannot be asked
        told = {finding.key for finding in session.findings}
        for key in brings:
            if key not in told:
                session.not_told(key, title, str(stop))
