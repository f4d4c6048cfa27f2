"""
Ask one PACS what it can do, gently (M35): one question at a time but for the test of parallel associations, a pause between
them, and never more of them than was said beforehand.

The queries use what the PACS's own answers hold (a date, a UID, the beginning of an accession number); the findings never repeat
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol

from ..domain.errors import PipelineError
from ..domain.probe import (
    ENOUGH,
    MATCH_VERDICT,
    Answer,
    Finding,
    Hello,
    Match,
    Moved,
    Recommendation,
    Reply,
    Sent,
    Text,
    Together,
    Value,
    Verdict,
    Whole,
    agrees,
    best_prefix,
    dirty_uids,
    duplicates,
    judge_cap,
    judge_counts,
    judge_key,
    judge_match,
    judge_modalities,
    judge_text,
    recommend,
    text_of,
    uid_of,
)
from ..domain.values import parse_count, plain_time, split_values
from ..domain.windows import Window, seconds_of

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
FILTER_KEYS = ("BodyPartExamined", "ProtocolName", "SeriesDescription", "ImageType", "SliceThickness", "ConvolutionKernel")
SERIES_KEYS = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "StudyDescription",
    *FILTER_KEYS,
    "NumberOfSeriesRelatedInstances",
)
IMAGE_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "InstanceNumber")
MOST_QUERIES = 60
BUSY = 30
"""Studies that make a day busy enough to stop looking for a busier one."""
DAYS_BACK = (1, 0, 2, 3, 4, 5, 6, 7)
STUDIES_ASKED = 4
MOST_STUDIES_ASKED = 8
"""Until one has a CT series."""
CT_KEYS = ("SliceThickness", "ConvolutionKernel")
MOST_MOVED = 60
MOST_TOGETHER = 4
SILENT_IN_A_ROW = 3
MOST_PARTS = 12
_COMPANIONS = frozenset({"SR", "PR", "KO", "SC", "SEG"})


class Asker(Protocol):
    """The DICOM side; never raises for what the PACS does."""

    def hello(self) -> Hello:
        """Accepted presentation contexts and C-ECHO, on one association."""
        ...

    def find(self, level: str, query: Mapping[str, str], keys: Sequence[str], root: str = "study") -> Reply:
        """One C-FIND on an association of its own."""
        ...

    def together(self, most: int, level: str, query: Mapping[str, str], keys: Sequence[str]) -> Together:
        """The same C-FIND on several associations at once."""
        ...

    def move(self, query: Mapping[str, str], destination: str, received: Callable[[], int]) -> Moved:
        """One C-MOVE of a series."""
        ...


@dataclass(frozen=True)
class MoveTest:
    """Where a series is to be moved, and how many of its images have come there; ``received`` is told the series."""

    destination: str
    received: Callable[[str], int]


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


class _OutOfQueries(Exception):
    """The stated number has been reached, or the PACS has fallen silent; ``args[0]`` says which."""


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
        talk = _Talk(self.asker, self.pause, self.most_queries)
        session = _Session(talk, self.say)
        session.run(today, day, move)
        found = {finding.key: finding for finding in session.findings}
        texts = judge_text(talk.answers())
        recommendations = recommend(found, texts)
        return Probed(session.day, found, texts, recommendations, talk.queries, self.most_queries, self.now() - begin)


@dataclass
class _Talk:
    """Counts the queries, keeps the replies, and asks again once where a reply may be a slip."""

    asker: Asker
    pause: Callable[[], None]
    most: int
    queries: int = 0
    replies: list[tuple[str, Reply]] = field(default_factory=list)
    hollow: int = 0
    """Success without answers to a query that had some when it was asked again."""
    silent: int = 0
    refused: int = 0
    _failed_in_a_row: int = 0
    _over: str = ""

    def find(
        self, level: str, query: Mapping[str, str], keys: Sequence[str], *, some: bool = False, root: str = "study"
    ) -> Reply:
        """Ask; with ``some``, answers are expected and an empty reply is asked again."""
        reply = self._once(level, query, keys, root)
        if reply.error or (some and not reply.answers):
            again = self._once(level, query, keys, root)
            self.hollow += bool(reply.ok and not reply.answers and again.answers)
            return again
        return reply

    def _once(self, level: str, query: Mapping[str, str], keys: Sequence[str], root: str) -> Reply:
        self.take(1)
        self.pause()
        reply = self.asker.find(level, query, keys, root)
        self.replies.append((level, reply))
        self.silent += reply.silent
        self.refused += reply.refused
        self._failed_in_a_row = self._failed_in_a_row + 1 if reply.silent or reply.refused else 0
        if self._failed_in_a_row >= SILENT_IN_A_ROW:
            self._over = f"{self._failed_in_a_row} queries in a row were not answered: {reply.error}"
            raise _OutOfQueries(self._over)
        return reply

    def take(self, number: int) -> None:
        """Count queries; too many are refused, and all of them once the PACS has fallen silent."""
        if self._over:
            raise _OutOfQueries(self._over)
        if self.queries + number > self.most:
            raise _OutOfQueries(f"it would have been more than {self.most} queries")
        self.queries += number

    def answers(self) -> list[Answer]:
        """All answers so far."""
        return [answer for _, reply in self.replies for answer in reply.answers]


@dataclass
class _Day:
    """The studies of one day by UID, as far as they are known."""

    day: date
    studies: dict[str, Answer] = field(default_factory=dict)

    def take(self, answers: Iterable[Answer]) -> None:
        """Keep the studies of this day out of some answers."""
        for answer in answers:
            uid = uid_of(answer)
            told = (text_of(answer, "StudyDate") or "").strip()
            if uid and told in ("", _dicom(self.day)):
                self.studies.setdefault(uid, answer)

    def those(self, condition: Callable[[Answer], bool]) -> set[str]:
        """UIDs of the studies for which a condition holds."""
        return {uid for uid, answer in self.studies.items() if condition(answer)}


class _Session:
    """The questions in their order; each later one builds on what earlier ones brought."""

    def __init__(self, talk: _Talk, say: Callable[[str], None]) -> None:
        self.talk = talk
        self.say = say
        self.findings: list[Finding] = []
        self.day: date | None = None
        self.today_list = _Day(date.min)
        self.before = _Day(date.min)
        self.whole = Reply()
        self.lists: list[Whole] = []
        self.series: dict[str, list[Answer]] = {}
        self.images: dict[str, int] = {}

    def run(self, today: date, day: date | None, move: MoveTest | None) -> None:
        """Ask everything; a question that cannot be asked any more is not told."""
        if not self._connection():
            return
        steps: list[tuple[str, tuple[str, ...], Callable[[], None]]] = [
            ("a busy day", ("content",), lambda: self._content(today, day)),
            ("STUDY level", ("level.study", "count.study"), self._study_level),
            ("the same again", (), self._again),
            ("SERIES level", ("level.series", "level.series_alone", "count.series"), self._series_level),
            ("modalities", ("modalities", "match.modality"), self._modalities),
            ("IMAGE level", ("level.image",), self._image_level),
            ("PATIENT level", ("level.patient",), self._patient_level),
            ("date ranges", ("match.date", "match.date_range"), self._dates),
            ("time ranges", ("match.time_range", "match.date_time"), self._times),
            ("wildcards", ("match.AccessionNumber*", "match.PatientID*"), self._wildcards),
            ("lists of UIDs", ("match.uid", "match.uid_list"), self._uids),
            ("studies without a UID", ("uid.resolved",), self._resolve),
            ("caps", ("cap",), self._caps),
            ("parallel associations", ("parallel",), self._parallel),
        ]
        if move is not None:
            steps.append(("C-MOVE of one small series", ("move",), lambda: self._move(move)))
        for title, keys, step in steps:
            self.say(title)
            try:
                step()
            except (_OutOfQueries, PipelineError) as stop:  # the latter: the receiving Orthanc cannot be asked
                told = {finding.key for finding in self.findings}
                for key in keys:
                    if key not in told:
                        self._not_told(key, title, str(stop))
        self._text()
        self._uid_cleanliness()
        self._duplicates()
        self._reliability()
        self._speed()

    # --- findings ---

    def _add(self, key: str, verdict: Verdict, words: str, asked: str, came: str, value: Value = None) -> None:
        self.findings.append(Finding(key, verdict, words, asked, came, value))

    def _not_told(self, key: str, asked: str, why: str) -> None:
        self._add(key, Verdict.NOT_TOLD, "not told", asked, why)

    # --- connection ---

    def _connection(self) -> bool:
        self.say("association and C-ECHO")
        hello = self.talk.asker.hello()
        if hello.error:
            self.talk.refused += hello.refused
            self.talk.pause()
            hello = self.talk.asker.hello()
        if hello.error:
            self._add("echo", Verdict.NO, "no association", "association, C-ECHO (twice)", hello.error)
            return False
        verdict = Verdict.YES if hello.echo_status == 0 else Verdict.NO
        words = "answers C-ECHO" if hello.echo_status == 0 else "an association, but no C-ECHO"
        self._add("echo", verdict, words, "association, C-ECHO", f"status {_status(hello.echo_status)}", round(hello.seconds, 3))
        for name, accepted in hello.accepted.items():
            if name != "echo":
                verdict, said = (Verdict.YES, "accepted") if accepted else (Verdict.NO, "not accepted")
                self._add(f"model.{name}", verdict, said, f"presentation context {name}", said, accepted)
        return hello.accepted.get("study find", False)

    # --- content ---

    def _content(self, today: date, day: date | None) -> None:
        lists: dict[date, Reply] = {}
        for each in [day] if day else [today - timedelta(days=back) for back in DAYS_BACK]:
            lists[each] = self._day(each, some=day is not None)
            if len(lists[each].answers) >= BUSY:
                break
        best = max(lists, key=lambda each: len(lists[each].answers))
        self.day, self.whole = best, lists[best]
        self.today_list = _Day(best)
        self.today_list.take(self.whole.answers)
        asked = f"StudyDate of {len(lists)} day(s)"
        number = len(self.whole.answers)
        if not number:
            ending = self.whole.ending
            words = "no studies to ask about: give --date a day that has some"
            words = words if self.whole.ok else "the question for a day's studies was not answered"
            self._add("content", Verdict.NO, words, asked, f"none, {ending}", 0)
            return
        self.before = _Day(best - timedelta(days=1))
        earlier = lists.get(self.before.day) or self._day(self.before.day)
        self.before.take(earlier.answers)
        verdict = Verdict.YES if number >= BUSY else Verdict.PARTLY
        words = "enough to ask about" if verdict is Verdict.YES else f"few studies ({number}): some things cannot be told"
        came = f"{number} answers of {best}, {len(earlier.answers)} of the day before"
        self._add("content", verdict, words, asked, came, number)

    def _day(self, day: date, *, some: bool = False) -> Reply:
        return self.talk.find("STUDY", {"StudyDate": _dicom(day)}, STUDY_KEYS, some=some)

    def _query(self, **keys: str) -> Reply:
        """One STUDY level query within the day."""
        return self.talk.find("STUDY", {"StudyDate": _dicom(self.today_list.day), **keys}, STUDY_KEYS, some=True)

    def _at_the_cap(self, reply: Reply) -> bool:
        """Whether a part is as long as the whole day: either the key was ignored, or the PACS cut both."""
        return reply.cut or len(reply.answers) >= len(self.whole.answers)

    # --- levels and return keys ---

    def _study_level(self) -> None:
        asked = "one day's studies"
        refused = self.whole.status not in (None, 0) and not self.whole.cut
        verdict = Verdict.YES if self.whole.answers else Verdict.NO if refused else Verdict.NOT_TOLD
        self._add("level.study", verdict, _level_words(verdict), asked, f"{len(self.whole.answers)} answers, {self.whole.ending}")
        self._count("count.study", "NumberOfStudyRelatedInstances", self.whole.answers)

    def _count(self, key: str, keyword: str, answers: Sequence[Answer]) -> None:
        values = [text_of(answer, keyword) for answer in answers]
        verdict, kind = judge_counts(values)
        words = {
            "number": "instance counts come as numbers",
            "text": "instance counts come as text, not always a number",
            "sometimes": "instance counts come in some answers only",
            "empty": "instance counts are always empty",
            "absent": "no instance counts",
        }.get(kind, "not told")
        readable = sum(parse_count(value) is not None for value in values)
        self._add(key, verdict, words, keyword, f"a number in {readable} of {len(values)} answers", kind or None)

    def _series_level(self) -> None:
        replies: list[Reply] = []
        for uid in self._studies_to_ask():
            if len(replies) >= STUDIES_ASKED and (self._ct_series() or not self.series):
                break
            reply = self.talk.find("SERIES", {"StudyInstanceUID": uid}, SERIES_KEYS, some=True)
            replies.append(reply)
            if reply.answers:
                self.series[uid] = list(reply.answers)
        asked = f"the series of {len(replies)} studies"
        answers = [answer for found in self.series.values() for answer in found]
        if not replies:
            verdict = Verdict.NOT_TOLD
        else:
            verdict = Verdict.NO if not answers else Verdict.YES if len(self.series) == len(replies) else Verdict.PARTLY
        came = f"{len(answers)} answers, {replies[-1].ending}" if replies else "no study with a UID"
        self._add("level.series", verdict, _level_words(verdict), asked, came)
        self._count("count.series", "NumberOfSeriesRelatedInstances", answers)
        for keyword in FILTER_KEYS:
            self._key(keyword, self._ct_series() if keyword in CT_KEYS else answers)
        self._series_alone(answers)

    def _studies_to_ask(self) -> list[str]:
        """Those that have several modalities, or one that never comes alone; other than ASCII letters; small ones first."""
        studies = self.today_list.studies

        def order(uid: str) -> tuple[bool, bool, int]:
            answer = studies[uid]
            modalities = split_values(text_of(answer, "ModalitiesInStudy") or "")
            several = len(modalities) > 1 or bool(_COMPANIONS & set(modalities))
            ascii_only = all(value.isascii() for value in answer.values())
            return (not several, ascii_only, parse_count(text_of(answer, "NumberOfStudyRelatedInstances")) or 0)

        ordered = sorted(studies, key=order)
        ct = [uid for uid in ordered if "CT" in (text_of(studies[uid], "ModalitiesInStudy") or "").upper()]
        first = [*ordered[:2], *ct[len(ct) // 2 :][:1], *ordered[-1:]]
        return list(dict.fromkeys([*first, *ordered]))[:MOST_STUDIES_ASKED]

    def _ct_series(self) -> list[Answer]:
        answers = [answer for found in self.series.values() for answer in found]
        return [answer for answer in answers if (text_of(answer, "Modality") or "").upper() == "CT"]

    def _key(self, keyword: str, answers: Sequence[Answer]) -> None:
        values = [text_of(answer, keyword) for answer in answers]
        verdict, kind = judge_key(values)
        words = {"filled": "comes", "empty": "comes, always empty here", "absent": "does not come"}.get(kind, "not told")
        which = "CT series" if keyword in CT_KEYS else "series"
        came = f"filled in {sum(bool(value) for value in values)} of {len(values)} {which}"
        self._add(f"key.{keyword}", verdict, words, f"return key {keyword}", came, kind or None)

    def _series_alone(self, answers: Sequence[Answer]) -> None:
        uids = [uid for answer in answers if (uid := uid_of(answer, "SeriesInstanceUID"))]
        asked = "a series by its own UID, without the study's"
        if not uids:
            self._not_told("level.series_alone", asked, "no series with a UID")
            return
        reply = self.talk.find("SERIES", {"SeriesInstanceUID": uids[0]}, SERIES_KEYS, some=True)
        found = any(uid_of(answer, "SeriesInstanceUID") == uids[0] for answer in reply.answers)
        words = "finds a series without its study" if found else "SERIES level needs the StudyInstanceUID (the pipeline gives it)"
        came = f"{len(reply.answers)} answers, {reply.ending}"
        self._add("level.series_alone", Verdict.YES if found else Verdict.NO, words, asked, came)

    def _image_level(self) -> None:
        asked = "the images of one series"
        smallest = self._smallest_series()
        if smallest is None:
            self._not_told("level.image", asked, "no series is known")
            return
        study, series, count = smallest
        query = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        reply = self.talk.find("IMAGE", query, IMAGE_KEYS, some=True)
        number = len({uid for answer in reply.answers if (uid := uid_of(answer, "SOPInstanceUID"))})
        if number:
            self.images[series] = number
        verdict = Verdict.YES if number else Verdict.NO
        words = _level_words(verdict)
        if number and count is not None:
            words += ", as many as the count says" if number == count else f", but the count says {count}"
            verdict = Verdict.YES if number == count else Verdict.PARTLY
        self._add("level.image", verdict, words, asked, f"{number} images, {reply.ending}", number)

    def _smallest_series(self) -> tuple[str, str, int | None] | None:
        """Study, series and its count: the smallest with two images or more, else any."""
        found: list[tuple[str, str, int | None]] = []
        for study, answers in self.series.items():
            for answer in answers:
                count = parse_count(text_of(answer, "NumberOfSeriesRelatedInstances"))
                if uid := uid_of(answer, "SeriesInstanceUID"):
                    found.append((study, uid, count))
        return min(found, key=lambda each: (each[2] is None, (each[2] or 0) < 2, each[2] or 0), default=None)

    def _patient_level(self) -> None:
        asked = "one patient by PatientID, patient root"
        ids = [value for answer in self.today_list.studies.values() if (value := text_of(answer, "PatientID"))]
        plain = [value for value in ids if value.isascii() and not set(value) & set("*?\\")]
        accepted = {finding.key: finding.value for finding in self.findings}.get("model.patient find")
        if not accepted:
            self._add("level.patient", Verdict.NO, "patient root is not accepted", asked, "no presentation context")
        elif not plain:
            self._not_told("level.patient", asked, "no study with a PatientID")
        else:
            reply = self.talk.find("PATIENT", {"PatientID": plain[0]}, ("PatientName", "PatientID"), some=True, root="patient")
            verdict = Verdict.YES if reply.answers else Verdict.NO
            came = f"{len(reply.answers)} answers, {reply.ending}"
            self._add("level.patient", verdict, _level_words(verdict), asked, came)

    # --- the same again ---

    def _again(self) -> None:
        """The same list may come in another order, or longer."""
        if self.whole.answers:
            self.today_list.take(self._day(self.today_list.day, some=True).answers)

    def _duplicates(self) -> None:
        asked = "every list of studies or series, one day's twice"
        keywords = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID"}
        lists = [(keywords[level], reply.answers) for level, reply in self.talk.replies if level in keywords and reply.answers]
        if not lists:
            self._not_told("duplicates", asked, "no answers")
            return
        number = sum(duplicates(answers, keyword) for keyword, answers in lists)
        words = "the same study or series comes more than once in one list" if number else "everything comes once"
        came = f"{number} answers of {sum(len(answers) for _, answers in lists)} were repeated"
        self._add("duplicates", Verdict.YES if number else Verdict.NO, words, asked, came, number)

    # --- modalities ---

    def _modalities(self) -> None:
        values = [text_of(answer, "ModalitiesInStudy") for answer in self.whole.answers]
        by_series = [
            (
                text_of(self.today_list.studies[uid], "ModalitiesInStudy"),
                [text_of(answer, "Modality") or "" for answer in answers],
            )
            for uid, answers in self.series.items()
        ]
        verdict, kind = judge_modalities(values, by_series)
        words = {
            "list": "all modalities of a study, with backslashes between them",
            "single": "one modality only, where the study's series have several",
            "one each": "one modality a study; no study with several was seen",
            "absent": "does not come: modalities are known from SERIES level only",
            "empty": "comes, always empty: modalities are known from SERIES level only",
            "": "not told",
        }.get(kind, f"several modalities in one text, with a {kind} between them")
        several = sum(len(split_values((value or "").replace(",", "\\").replace("/", "\\"))) > 1 for value in values)
        came = f"filled in {sum(bool(value) for value in values)} of {len(values)} answers, several values in {several}"
        self._add("modalities", verdict, words, "ModalitiesInStudy", came, kind or None)
        self._match_modality()

    def _match_modality(self) -> None:
        asked = "ModalitiesInStudy of a study that has others too"
        having = {
            uid: set(split_values(text_of(each, "ModalitiesInStudy") or "")) for uid, each in self.today_list.studies.items()
        }
        mixed = [sorted(modalities) for modalities in having.values() if len(modalities) > 1]
        alone = [sorted(modalities) for modalities in having.values() if len(modalities) == 1]
        if not self.today_list.studies:
            self._not_told("match.modality", asked, "no studies")
            return
        wanted = mixed[0][0] if mixed else alone[0][0] if alone else ""
        if not wanted:
            self._modality_control("ModalitiesInStudy does not come: asked with one that no study has")
            return
        holding = {uid for uid, modalities in having.items() if wanted in modalities}
        reply = self._query(ModalitiesInStudy=wanted)
        self.today_list.take(reply.answers)
        got = {uid_of(answer) for answer in reply.answers}
        match = judge_match(holding, set(having) - holding, got, cut=self._at_the_cap(reply))
        equal = {uid for uid in holding if having[uid] == {wanted}}
        came = f"{len(got)} of {len(holding)} studies that have it, {len(got - holding)} others"
        if mixed and match is Match.PARTLY and got == equal:
            self._add(
                "match.modality", Verdict.PARTLY, "must equal the whole value: CT does not find CT\\PR", asked, came, "equals"
            )
        elif mixed and match is Match.NOTHING:
            self._add("match.modality", Verdict.NO, f"one of several {_nothing(reply)}", asked, came, "nothing")
        elif match is Match.NOT_TOLD:
            self._modality_control("all studies have the same; asked with one that no study has")
        elif match is Match.HONOURED and not mixed:
            words = "a study is found by its modality; whether also by one of several, no study showed"
            self._add("match.modality", Verdict.NOT_TOLD, words, "ModalitiesInStudy", came, "single")
        else:
            said = {Match.HONOURED: "a study is found by any of its modalities", Match.IGNORED: "not matched: all studies come"}
            word = said.get(match, str(match))
            self._add(
                "match.modality", MATCH_VERDICT[match], word, asked, came, "contains" if match is Match.HONOURED else str(match)
            )

    def _modality_control(self, asked: str) -> None:
        reply = self.talk.find("STUDY", {"StudyDate": _dicom(self.today_list.day), "ModalitiesInStudy": "XX"}, STUDY_KEYS)
        came = f"{len(reply.answers)} answers, {reply.ending}"
        if reply.answers:
            self._add("match.modality", Verdict.NO, "not matched: all studies come", asked, came, str(Match.IGNORED))
        else:
            self._add("match.modality", Verdict.NOT_TOLD, "what no study has brings nothing; more was not told", asked, came)

    # --- matching ---

    def _dates(self) -> None:
        studies, before = self.today_list.studies, self.before.studies
        dates = {text_of(answer, "StudyDate") or "" for answer in self.whole.answers}
        wrong = dates - {"", _dicom(self.today_list.day)}
        asked = "StudyDate, one day"
        if not self.whole.answers:
            self._not_told("match.date", asked, "no answers")
            self._not_told("match.date_range", "StudyDate, two days", "no answers")
            return
        verdict = Verdict.NO if wrong else Verdict.YES
        words = "other days' studies come too" if wrong else "a single date is honoured"
        self._add("match.date", verdict, words, asked, f"{len(self.whole.answers)} answers, {len(wrong)} other dates among them")
        asked = "StudyDate, the day and the one before as a range"
        reply = self.talk.find(
            "STUDY", {"StudyDate": f"{_dicom(self.before.day)}-{_dicom(self.today_list.day)}"}, STUDY_KEYS, some=True
        )
        got = {uid_of(answer) for answer in reply.answers}
        of_day, of_before = len(got & set(studies)), len(got & set(before))
        came = f"{of_day} of the day's {len(studies)}, {of_before} of the {len(before)} before, {reply.ending}"
        if of_day and (of_before or not before):
            verdict, words = Verdict.YES, "date ranges are honoured"
        elif got and self._at_the_cap(reply):
            verdict, words = Verdict.NOT_TOLD, "not told: the list may be cut"
        elif of_before or not got:
            verdict, words = (
                Verdict.NO,
                "only one day of a date range is matched" if of_before else "a date range matches nothing",
            )
        else:
            verdict, words = Verdict.NO, "only the last day of a date range is matched"
        self._add("match.date_range", verdict, words, asked, came)
        if verdict is Verdict.YES:
            self.lists.append(Whole(len(reply.answers), len(set(studies) | set(before) | got), reply.cut))
        self.today_list.take(reply.answers)
        self.before.take(reply.answers)

    def _times(self) -> None:
        seconds = {uid: _second_of(each) for uid, each in self.today_list.studies.items()}
        told = sorted(second for second in seconds.values() if second is not None)
        asked = "StudyTime, the day in two halves"
        if len(set(told)) < 2:
            self._not_told("match.time_range", asked, f"{len(set(told))} different StudyTime(s)")
            self._not_told("match.date_time", "a range across midnight", "no StudyTimes")
            return
        middle = max(second for second in told if second <= told[(len(told) - 1) // 2]) if told[0] != told[-1] else told[0]
        middle = middle if middle < told[-1] else told[0]
        day = self.today_list.day
        verdicts: list[Match] = []
        came: list[str] = []
        parts: set[str] = set()
        for window in (Window(day, until=middle), Window(day, since=middle + 1)):
            reply = self.talk.find("STUDY", window.query(), STUDY_KEYS, some=True)
            got = {uid_of(answer) for answer in reply.answers}
            inside = {uid for uid, second in seconds.items() if second is not None and window.since <= second <= window.until}
            outside = {uid for uid, second in seconds.items() if second is not None} - inside
            verdicts.append(judge_match(inside, outside, got, cut=self._at_the_cap(reply)))
            came.append(f"{len(got & inside)} of {len(inside)} and {len(got & outside)} from outside")
            parts |= got
            self.today_list.take(reply.answers)
            self.lists.append(Whole(len(reply.answers), len(got), reply.cut))
        match = next(
            (each for each in (Match.IGNORED, Match.NOTHING, Match.PARTLY, Match.NOT_TOLD) if each in verdicts), Match.HONOURED
        )
        words = {
            Match.HONOURED: "time ranges are honoured",
            Match.IGNORED: "time ranges are ignored: studies from outside come",
            Match.NOTHING: f"a time range {_nothing(reply)}",
            Match.PARTLY: "studies are missing in a time range",
        }.get(match, "not told")
        self._add("match.time_range", MATCH_VERDICT[match], words, asked, "; ".join(came))
        if match is Match.HONOURED and self._honoured("match.date_range"):
            self._across_midnight()
        else:
            self._not_told("match.date_time", "a range across midnight", "time or date ranges are not honoured")

    def _across_midnight(self) -> None:
        """Date and time matched as one moment or each by itself (PS3.4 C.2.2.2.5.4)."""
        since, until = 6 * 3600, 18 * 3600
        asked = f"StudyDate from the day before to the day, StudyTime {_clock(since)}-{_clock(until)}"

        def of(day: _Day, low: int, high: int) -> set[str]:
            return day.those(lambda answer: (second := _second_of(answer)) is not None and low <= second <= high)

        only_combined = of(self.before, until + 1, 86399) | of(self.today_list, 0, since - 1)
        common = of(self.before, since, until) | of(self.today_list, since, until)
        if not only_combined or not common or not self.before.studies:
            self._not_told("match.date_time", asked, "too few studies before 6 and after 18 o'clock")
            return
        query = {
            "StudyDate": f"{_dicom(self.before.day)}-{_dicom(self.today_list.day)}",
            "StudyTime": f"{_clock(since)}-{_clock(until)}",
        }
        reply = self.talk.find("STUDY", query, STUDY_KEYS, some=True)
        got = {uid_of(answer) for answer in reply.answers}
        came = f"{len(got & common)} of {len(common)} by day, {len(got & only_combined)} of {len(only_combined)} by night"
        if got & only_combined:
            self._add("match.date_time", Verdict.YES, "date and time ranges are matched as one", asked, came, "combined")
        elif got & common:
            words = "date and time ranges are matched each by itself (the pipeline asks no range across midnight)"
            self._add("match.date_time", Verdict.NO, words, asked, came, "independent")
        else:
            self._not_told("match.date_time", asked, f"{len(got)} answers, {reply.ending}")

    def _wildcards(self) -> None:
        for keyword in ("AccessionNumber", "PatientID"):
            key, asked = f"match.{keyword}*", f"{keyword}, the beginning that some of the day's studies have, and *"
            values = {uid: (text_of(each, keyword) or "") for uid, each in self.today_list.studies.items()}
            prefix = best_prefix(value for value in values.values() if value.isascii())
            if not prefix:
                self._not_told(key, asked, "the day's values have no beginnings that part them")
                continue
            wanted = {uid for uid, value in values.items() if value.startswith(prefix)}
            reply = self._query(**{keyword: f"{prefix}*"})
            got = {uid_of(answer) for answer in reply.answers}
            self.today_list.take(reply.answers)
            match = judge_match(wanted, set(values) - wanted, got, cut=self._at_the_cap(reply))
            words = {
                Match.HONOURED: "wildcards are honoured",
                Match.IGNORED: "wildcards are ignored: others come too",
                Match.NOTHING: f"a wildcard {_nothing(reply)}",
            }.get(match, str(match))
            came = f"{len(got & wanted)} of {len(wanted)}, {len(got & (set(values) - wanted))} others"
            self._add(key, MATCH_VERDICT[match], words, asked, came)

    def _uids(self) -> None:
        clean = [
            uid
            for uid, answer in self.today_list.studies.items()
            if answer["StudyInstanceUID"].rstrip(b"\0").decode("latin-1") == uid
        ]
        if len(clean) < 3:
            for key, asked in (("match.uid", "one StudyInstanceUID"), ("match.uid_list", "two StudyInstanceUIDs")):
                self._not_told(key, asked, "fewer than three studies with a clean UID")
            return
        one, two = clean[0], clean[len(clean) // 2]
        got = {uid_of(answer) for answer in self._query(StudyInstanceUID=one).answers}
        match = judge_match({one}, set(clean) - {one}, got)
        words = "a study is found by its UID" if match is Match.HONOURED else f"by UID: {match}"
        self._add("match.uid", MATCH_VERDICT[match], words, "one StudyInstanceUID", f"{len(got)} answers")
        reply = self._query(StudyInstanceUID=f"{one}\\{two}")
        got = {uid_of(answer) for answer in reply.answers}
        match = judge_match({one, two}, set(clean) - {one, two}, got)
        words = {
            Match.HONOURED: "a list of UIDs is honoured",
            Match.PARTLY: "only one UID of a list is matched",
            Match.NOTHING: f"a list of UIDs {_nothing(reply)}",
            Match.IGNORED: "a list of UIDs is ignored: others come",
        }.get(match, "not told")
        came = f"{len(got)} answers, {reply.ending}"
        self._add("match.uid_list", MATCH_VERDICT[match], words, "two StudyInstanceUIDs as a list", came)

    def _resolve(self) -> None:
        """A study without a UID at STUDY level: do the levels below know it, as the pipeline will ask (resolve_uid)?"""
        without = [answer for answer in self.whole.answers if not uid_of(answer) and text_of(answer, "AccessionNumber")]
        if not without:
            return
        asked = "AccessionNumber of a study that came without its UID, at SERIES and IMAGE level"
        for level in ("SERIES", "IMAGE"):
            query = {"AccessionNumber": text_of(without[0], "AccessionNumber") or ""}
            reply = self.talk.find(level, query, ("StudyInstanceUID", "StudyDate"), some=True)
            if any(uid_of(answer) for answer in reply.answers):
                self._add("uid.resolved", Verdict.YES, f"its UID comes at {level} level", asked, f"{len(reply.answers)} answers")
                return
        self._add("uid.resolved", Verdict.NO, "its UID comes nowhere: it cannot be pulled", asked, f"none, {reply.ending}")

    # --- caps ---

    def _caps(self) -> None:
        asked = "whether parts of a list bring more than the whole"
        known = len(self.today_list.studies)
        count = len({uid for answer in self.whole.answers if (uid := uid_of(answer))})
        if known == count and count >= ENOUGH and not self._honoured("match.time_range"):
            self._more_by_prefix()
            known = len(self.today_list.studies)
        unnamed = sum(not uid_of(answer) for answer in self.whole.answers)
        self.lists.append(Whole(len(self.whole.answers), known + unnamed, self.whole.cut))
        verdict, number = judge_cap(self.lists)
        cut = any(whole.cut for whole in self.lists)
        words = {
            Verdict.YES: f"lists end at {number} answers" + (", with status A700" if cut else ", without a word"),
            Verdict.NO: f"none seen: a list of {number} came whole",
            Verdict.NOT_TOLD: f"not told: no list was longer than {number}",
        }[verdict]
        came = f"{len(self.whole.answers)} in the whole day, {known + unnamed} known by its parts"
        if verdict is Verdict.NO and not self._honoured("match.time_range") and not self._honoured("match.AccessionNumber*"):
            verdict, words = Verdict.NOT_TOLD, f"not told: a list of {number} came, and no key parts it"
        self._add("cap", verdict, words, asked, came, number)

    def _honoured(self, key: str) -> bool:
        return any(finding.key == key and finding.verdict is Verdict.YES for finding in self.findings)

    def _more_by_prefix(self) -> None:
        """Where the time does not part the day: the letters with which accession numbers go on."""
        if not self._honoured("match.AccessionNumber*"):
            return
        values = [text_of(each, "AccessionNumber") or "" for each in self.today_list.studies.values()]
        common = best_prefix(values)[:-1]
        letters = sorted({value[len(common)] for value in values if value.startswith(common) and len(value) > len(common)})
        for letter in letters[:MOST_PARTS]:
            reply = self._query(AccessionNumber=f"{common}{letter}*")
            self.today_list.take(reply.answers)

    # --- associations, speed, reliability ---

    def _parallel(self) -> None:
        uid = next(iter(self.today_list.studies), "")
        asked = f"{MOST_TOGETHER} associations open at once, the same small query on each"
        if not uid:
            self._not_told("parallel", asked, "no study to ask about")
            return
        self.talk.take(MOST_TOGETHER)
        self.talk.pause()
        query = {"StudyDate": _dicom(self.today_list.day), "StudyInstanceUID": uid}
        together = self.talk.asker.together(MOST_TOGETHER, "STUDY", query, STUDY_KEYS)
        answered = sum(reply.ok for reply in together.replies)
        came = f"{together.opened} accepted, {answered} answered" + (f"; then: {together.why}" if together.why else "")
        unreliable = self.talk.silent or self.talk.refused
        if not together.opened or (unreliable and (together.why or answered < together.opened)):
            self._not_told("parallel", asked, came)
            return
        verdict = Verdict.YES if together.opened > 1 and answered == together.opened else Verdict.NO
        more = " or more" if together.opened == MOST_TOGETHER else ""
        words = f"{together.opened}{more} associations at once" if verdict is Verdict.YES else "one association at a time"
        if together.opened > 1 and answered < together.opened:
            words = f"{together.opened} associations at once, but only {answered} were answered"
        self._add("parallel", verdict, words, asked, came, max(min(together.opened, answered), 1))

    def _reliability(self) -> None:
        talk = self.talk
        asked = f"all {talk.queries} queries; those without an answer once more"
        wrong = []
        if talk.hollow:
            wrong.append(f"{talk.hollow} ended with Success and no answers, and had some when asked again")
        if talk.silent:
            wrong.append(f"{talk.silent} were not answered in time")
        if talk.refused:
            wrong.append(f"{talk.refused} associations were refused")
        words = "answers are not to be relied on: " + "; ".join(wrong) if wrong else "every query was answered"
        value = talk.hollow + talk.silent + talk.refused
        self._add("reliable", Verdict.NO if wrong else Verdict.YES, words, asked, "; ".join(wrong) or "nothing odd", value)

    def _speed(self) -> None:
        replies = [reply for _, reply in self.talk.replies if reply.ok or reply.cut]
        longest = max(replies, key=lambda reply: len(reply.answers), default=Reply())
        asked = "time of each query"
        if not longest.answers:
            self._not_told("speed", asked, "no answers")
            return
        slowest = max(reply.seconds for reply in replies)
        rate = round(len(longest.answers) / max(longest.seconds, 0.001))
        words = f"{rate} answers a second ({len(longest.answers)} in {longest.seconds:.2f} s)"
        first = sorted(reply.first_after for reply in replies)[len(replies) // 2]
        self._add("speed", Verdict.YES, words, asked, f"first answer after {first:.2f} s in the middle of all", rate)
        self._add(
            "speed.slowest", Verdict.YES, f"slowest query {slowest:.2f} s", asked, f"{len(replies)} queries", round(slowest, 2)
        )

    # --- text and UIDs ---

    def _text(self) -> None:
        texts = judge_text(self.talk.answers())
        asked = "the bytes of names and descriptions in all answers"
        if not texts:
            for key in ("text.declared", "text.sent", "text.agrees"):
                self._not_told(key, asked, "no answers")
            return
        odd = [text for text in texts if text.odd]
        declared = ", ".join(text.shown for text in texts)
        came = f"{sum(text.answers for text in texts)} answers"
        self._add("text.declared", Verdict.YES, f"declared: {declared}", "SpecificCharacterSet", came, declared)
        came = "; ".join(f"{text.odd} of {text.answers} under {text.shown} hold more than ASCII" for text in texts)
        if not odd:
            self._add("text.sent", Verdict.NOT_TOLD, "ASCII only in what came", asked, came, str(Sent.ASCII))
            self._not_told("text.agrees", asked, "ASCII only")
            return
        sent = ", ".join(dict.fromkeys(str(text.sent) for text in odd))
        self._add("text.sent", Verdict.YES, f"sent: {sent}", asked, came, sent)
        wrong = [text for text in odd if not agrees(text.declared, text.sent)]
        words = "; ".join(f"{text.sent} declared as {text.shown}" for text in wrong) or "text is what it is declared to be"
        self._add("text.agrees", Verdict.NO if wrong else Verdict.YES, words, asked, f"{len(odd)} way(s) of writing", not wrong)

    def _uid_cleanliness(self) -> None:
        wrong = dirty_uids(self.talk.answers())
        number = wrong.pop("all", 0)
        asked = "all UIDs in all answers"
        if not number:
            self._not_told("uid.dirty", asked, "no UIDs")
            return
        came = ", ".join(f"{count} with {what}" if what != "empty" else f"{count} empty" for what, count in sorted(wrong.items()))
        words = "some UIDs are " + " or ".join("dirty: " + what if what != "empty" else "empty" for what in sorted(wrong))
        verdict = Verdict.YES if wrong else Verdict.NO
        self._add(
            "uid.dirty",
            verdict,
            words if wrong else "UIDs are clean",
            asked,
            f"{came or 'none dirty'} of {number}",
            sum(wrong.values()),
        )

    # --- move ---

    def _move(self, test: MoveTest) -> None:
        asked = f"one small series to {test.destination}"
        smallest = self._smallest_series()
        if smallest is None:
            self._not_told("move", asked, "no series is known")
            return
        study, series, count = smallest
        expected = self.images.get(series, count)
        if expected is None or expected > MOST_MOVED:
            self._not_told("move", asked, f"no series is known to be small ({MOST_MOVED} images at most)")
            return
        had = test.received(series)
        query = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        moved = self.talk.asker.move(query, test.destination, lambda: test.received(series))
        came = (
            f"{moved.error or 'status ' + _status(moved.status)}; announced {moved.announced}, completed {moved.completed}, "
            f"failed {moved.failed}; {moved.received - had} images came of {expected}, {moved.late} of them late; "
            f"{moved.pending} pending responses"
        )
        all_here = moved.received - had >= expected
        verdict = Verdict.YES if all_here and moved.status == 0 else Verdict.PARTLY if moved.received > had else Verdict.NO
        words = _move_words(moved, all_here, moved.received - had)
        self._add("move", verdict, words, asked, came, moved.received - had)
        told = f"{moved.pending + 1} responses in {moved.seconds:.1f} s"
        self._add("move.silence", Verdict.YES, f"longest silence {moved.silence:.1f} s", asked, told, round(moved.silence, 1))


def _move_words(moved: Moved, all_here: bool, came: int) -> str:
    if moved.error:
        return "the move broke: " + moved.error
    if moved.status == 0xA801:  # PS3.4 C.4.2.1.5
        return "the PACS does not know our AE title as a move destination"
    if moved.status == 0:
        words = "all images came" if all_here else f"Success, but only {came} images came"
    else:
        words = f"ended with status {_status(moved.status)}" + (
            ", and all images came" if all_here else f", and {came} images came"
        )
    if moved.announced and moved.announced != came:
        words += f"; it announced {moved.announced}"
    return words + (f"; {moved.late} came after its end" if moved.late else "")


def _nothing(reply: Reply) -> str:
    return "matches nothing" if reply.ok else f"is refused ({reply.ending})"


def _level_words(verdict: Verdict) -> str:
    return {
        Verdict.YES: "answers",
        Verdict.NO: "refused or empty",
        Verdict.PARTLY: "answers, but not for every study",
        Verdict.NOT_TOLD: "not told",
    }[verdict]


def _second_of(answer: Answer) -> int | None:
    return seconds_of(plain_time(text_of(answer, "StudyTime") or ""))


def _dicom(day: date) -> str:
    return day.strftime("%Y%m%d")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}{seconds % 3600 // 60:02d}{seconds % 60:02d}"


def _status(status: int | None) -> str:
    return "none" if status is None else f"{status:04X}"
