"""
Habits of PACS in the wild, each a switch; they combine.

``HABITS`` is the registry: the command line and the tests read it. What a habit does stands with the service
that it spoils: ``find.py``, ``odd_answers.py``, ``spoiled_answers.py``, ``move_service.py``, ``identity.py``,
``odd_content.py``, ``text.py``, ``server.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hospital_sim.pacs.habit_values import ABORT, REJECT, Failure, Kind, Often, Times, Value, parse
from hospital_sim.pacs.wire.text import HABITUAL, TextCoding


class Area(StrEnum):
    """What a habit is about."""

    FIND = "find"
    TEXT = "text"
    MOVE = "move"
    ASSOCIATION = "association"
    CONTENT = "content"
    IDENTITY = "identity"


@dataclass(frozen=True)
class Habit:
    """
    One habit.

    Attributes:
        name: As written after ``--habit``.
        area: Which service it spoils.
        what: One line for people.
        kind: What its value is.
        default: The value when none is given.
        words: The allowed words, for a habit of kind WORD; of kind FAILURE: what is allowed beside a status.
    """

    name: str
    area: Area
    what: str
    kind: Kind = Kind.NONE
    default: str = ""
    words: tuple[str, ...] = ()


class HabitError(ValueError):
    """There is no such habit, or not with such a value."""


_F, _T, _M, _A, _C = Area.FIND, Area.TEXT, Area.MOVE, Area.ASSOCIATION, Area.CONTENT
_I = Area.IDENTITY
HABITS: tuple[Habit, ...] = (
    Habit("cap", _F, "at most so many answers, without a word", Kind.COUNT, "100"),
    Habit("cap-a700", _F, "at most so many answers, then status A700 (out of resources)", Kind.COUNT, "100"),
    Habit("no-counts", _F, "no NumberOf...Related... in answers"),
    Habit("counts-as-text", _F, "counts that are no numbers: ' 12 ', 'n/a' or empty", Kind.WORD, "mixed",
          ("mixed", "spaces", "n/a", "empty")),
    Habit("overloaded", _F, "Success without answers: the 1st, 3rd, 5th query; 10s: the first ten seconds",
          Kind.OFTEN, "2"),
    Habit("never-answers", _F, "the query hangs until the other side gives up: the 1st, 4th, 7th", Kind.OFTEN,
          "3"),
    Habit("endless-answers", _F, "the last answer comes again, without end: the 1st, 21st, 41st query",
          Kind.OFTEN, "20"),
    Habit("slow", _F, "so many seconds of silence before the first answer", Kind.SECONDS, "2"),
    Habit("trickle", _F, "so many seconds between two answers", Kind.SECONDS, "0.01"),
    Habit("empty-uid", _F, "every n-th study: StudyInstanceUID empty in STUDY level answers", Kind.COUNT,
          "7"),
    Habit("empty-uid-everywhere", _F,
          "every n-th study: StudyInstanceUID empty at every level, and not matched either",
          Kind.COUNT, "7"),
    Habit("dirty-uid", _F, "every n-th study: spaces within and behind its UIDs", Kind.COUNT, "5"),
    Habit("duplicate-answers", _F, "every n-th answer comes again at the end", Kind.COUNT, "3"),
    Habit("no-modalities-in-study", _F, "ModalitiesInStudy is neither returned nor matched"),
    Habit("modalities-single", _F, "ModalitiesInStudy has one value only: the modality of the last series"),
    Habit("modalities-as-text", _F,
          "ModalitiesInStudy is one text: backslash (VR ST), comma or slash between the values",
          Kind.WORD, "backslash", ("backslash", "comma", "slash")),
    Habit("modalities-equal", _F,
          "a ModalitiesInStudy key must equal the whole value: CT does not find CT\\PR"),
    Habit("no-series-level", _F, "SERIES level queries are refused (status A900)"),
    Habit("series-needs-study-uid", _F, "SERIES and IMAGE level without StudyInstanceUID are refused",
          Kind.WORD, "refused",
          ("refused", "empty")),
    Habit("empty-image-level", _F, "IMAGE level queries: Success without answers"),
    Habit("time-range-independent", _F,
          "date range and time range are matched each by itself (the standard's default)"),
    Habit("time-range-ignored", _F, "a StudyTime key is not matched"),
    Habit("date-range-ignored", _F, "of a StudyDate range only the first day is matched"),
    Habit("wildcard-ignored", _F, "a key with * or ? matches everything, or (literal) nothing", Kind.WORD,
          "everything",
          ("everything", "literal")),
    Habit("uid-list-first", _F, "of a list of UIDs only the first is matched"),
    Habit("ignores-key", _F, "these keys are not matched", Kind.KEYS, "AccessionNumber"),
    Habit("foreign-answers", _F, "so many answers more that do not match the question", Kind.COUNT, "3"),
    Habit("bad-uid-answers", _F, "answers more whose UID is *, 1.2\\1.3, ../.., 60 kB long, 1..2 or text",
          Kind.WORD, "all",
          ("all", "star", "list", "path", "long", "dots", "text")),
    Habit("answers-without-data", _F, "after every n-th answer a pending response without data set",
          Kind.COUNT, "3"),
    Habit("answers-shuffled", _F, "another order of the answers in each list"),
    Habit("flapping-rows", _F,
          "every n-th study comes in two rows, one of them with 2 images, in changing order",
          Kind.COUNT, "5"),
    Habit("flapping-text", _F, "every n-th study: StudyDescription is empty in every other list", Kind.COUNT,
          "5"),
    Habit("long-text", _F, "every n-th study: StudyDescription of 60,000 characters", Kind.COUNT, "7"),
    Habit("counts-fewer", _F, "instance counts of studies and series are so many less than there are",
          Kind.COUNT, "1"),
    Habit("patient-id-blanks", _F, "PatientID is told with blanks before and behind it"),
    *(Habit(name, _T, what) for name, what in (
        ("gbk-undeclared", "GBK bytes, no SpecificCharacterSet"),
        ("gbk-declared-empty", "GBK bytes, SpecificCharacterSet empty"),
        ("gbk-as-latin1", "GBK bytes, declared ISO_IR 100"),
        ("gbk-as-utf8", "GBK bytes, declared ISO_IR 192"),
        ("gbk-declared", "GBK bytes, declared GBK (right)"),
        ("gb18030", "GB18030 bytes, declared GB18030 (right)"),
        ("utf8", "UTF-8 bytes, declared ISO_IR 192 (right)"),
        ("utf8-undeclared", "UTF-8 bytes, no SpecificCharacterSet"),
        ("utf8-as-latin1", "UTF-8 bytes, declared ISO_IR 100"),
        ("escapes", "ESC $)A and GB2312 bytes, declared ISO 2022 IR 58"),
        ("escapes-second", "the same, declared \\ISO 2022 IR 58 (first value empty)"),
        ("escapes-after-ir6", "the same, declared ISO 2022 IR 6\\ISO 2022 IR 58"),
        ("gb2312-declared", "GBK bytes, declared GB2312 (no defined term)"),
    )),
    Habit("one-association", _A, "more than so many associations at a time are rejected", Kind.COUNT, "1"),
    Habit("refuse-associations", _A, "associations are rejected: always, the first 10s, or every n-th",
          Kind.OFTEN, "always"),
    Habit("move-success-all-failed", _M, "Success although every sub-operation failed; the first n times",
          Kind.TIMES, "1"),
    Habit("move-b000", _M, "status B000, every n-th image failed; 10x2: twice, 10x*: always",
          Kind.COUNT_TIMES, "10"),
    Habit("move-zero", _M, "Success 0/0/0 and no image; the first n times", Kind.TIMES, "1"),
    Habit("move-late-images", _M, "a third of the images comes so many seconds after the final response",
          Kind.SECONDS, "2"),
    Habit("move-announces-more", _M, "every study counts so many more objects, which are never sent",
          Kind.COUNT, "2"),
    Habit("move-drops-nth", _M, "every n-th image is left out and counted as sent; 5x2: twice, 5x*: always",
          Kind.COUNT_TIMES, "5"),
    Habit("move-drops-series", _M,
          "the last of several series is left out and counted as sent; the first n times",
          Kind.TIMES, "1"),
    Habit("move-dies", _M, "the association is aborted half way; the first n times", Kind.TIMES, "1"),
    Habit("move-silent", _M, "so many seconds of silence before the first image (near-line)", Kind.SECONDS,
          "5"),
    Habit("move-slow", _M, "so many seconds between two images", Kind.SECONDS, "0.05"),
    Habit("move-no-pending", _M, "no pending responses"),
    Habit("move-no-originator", _M, "C-STORE without Move Originator AE title and message id"),
    Habit("move-refused", _M, "status A702 and no image; the first n times", Kind.TIMES, "1"),
    Habit("move-fails", _M,
          "no image, this status for every move: A801x3 three times, A801:600s ten minutes from the start; "
          "reject: associations for C-MOVE are rejected", Kind.FAILURE, "A801", (ABORT, REJECT)),
    Habit("move-ends-early", _M,
          "half of the images, then this status; C000x1: the first time that they are asked for",
          Kind.FAILURE, "C000x1", (ABORT,)),
    Habit("move-other-title", _M, "images come from another AE title than the one that is asked", Kind.TITLE,
          "NODE2"),
    Habit("move-other-address", _M, "images come from another address than the one that is asked",
          Kind.ADDRESS, "127.0.0.2"),
    Habit("corrected-patient", _I,
          "every n-th study: half of it under an old PatientID in the first move, then corrected",
          Kind.COUNT, "1"),
    Habit("patient-half", _I,
          "half of each series has another PatientID: blanks behind or before it, none, another number",
          Kind.WORD, "other", ("other", "behind", "before", "empty")),
    Habit("stale-headers", _I, "images keep the PatientID and the name from before a correction"),
    Habit("late-series", _C,
          "of every CT study the series to be computed comes so many hours late (set at the start)",
          Kind.HOURS, "6"),
    Habit("scout-inside", _C, "a localizer inside the series to be computed", Kind.WORD, "first",
          ("first", "last")),
    Habit("dose-page-inside", _C, "a dose page (secondary capture) inside the series to be computed",
          Kind.WORD, "last",
          ("first", "last")),
    Habit("thickness-inside", _C, "every n-th image of the series to be computed has another SliceThickness",
          Kind.COUNT, "5"),
    Habit("enhanced-ct", _C, "every n-th wanted CT: its series are multi-frame objects", Kind.COUNT, "2"),
    Habit("other-study-date", _C,
          "studies are filed under a StudyDate so many days before that of the images",
          Kind.COUNT, "1"),
    Habit("moved-uid", _C,
          "every n-th wanted study is under another StudyInstanceUID half an hour after its last image",
          Kind.COUNT, "5"),
    Habit("poison-deep", _C, "every n-th wanted study ends with an object of 20,000 nested sequences",
          Kind.COUNT, "5"),
    Habit("poison-bomb", _C, "every n-th wanted study ends with an object that inflates to 512 MB",
          Kind.COUNT, "5"),
    Habit("poison-private", _C, "every n-th wanted study: private elements that cannot be decoded",
          Kind.COUNT, "5"),
)  # fmt: skip
_BY_NAME = {habit.name: habit for habit in HABITS}


class Habits:
    """The habits that a PACS has, with their values; immutable."""

    def __init__(self, values: Mapping[str, Value] | None = None) -> None:
        self._values = dict(values or {})

    @classmethod
    def of(cls, *written: str) -> Habits:
        """
        Habits as written on the command line: ``cap=100``, ``no-counts``.

        Raises:
            HabitError: Naming the habit and what is allowed.
        """
        values: dict[str, Value] = {}
        for one in written:
            name, equals, value = one.partition("=")
            habit = _BY_NAME.get(name)
            if habit is None:
                raise HabitError(f"unknown habit {name!r}; `hospital-sim habits` lists them")
            values[name] = _parse(habit, value if equals else habit.default)
        texts = [name for name in values if name in HABITUAL]
        if len(texts) > 1:
            raise HabitError(f"text can be written in one way only, not {' and '.join(texts)}")
        return cls(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __repr__(self) -> str:
        return f"Habits({', '.join(f'{name}={value}' for name, value in self._values.items())})"

    def count(self, name: str) -> int | None:
        """The value of a habit of kind COUNT, None without the habit."""
        value = self._values.get(name)
        return value if isinstance(value, int) else None

    def seconds(self, name: str) -> float:
        """The value of a habit of kind SECONDS or HOURS, 0 without the habit."""
        value = self._values.get(name)
        return float(value) if isinstance(value, (int, float)) else 0.0

    def word(self, name: str) -> str | None:
        """The value of a habit of kind WORD, None without the habit."""
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def often(self, name: str) -> Often | None:
        """The value of a habit of kind OFTEN, None without the habit."""
        value = self._values.get(name)
        return value if isinstance(value, Often) else None

    def times(self, name: str) -> Times | None:
        """The value of a habit of kind TIMES or COUNT_TIMES, None without the habit."""
        value = self._values.get(name)
        return value if isinstance(value, Times) else None

    def words(self, name: str) -> tuple[str, ...]:
        """The value of a habit of kind KEYS, empty without the habit."""
        value = self._values.get(name)
        return value if isinstance(value, tuple) else ()

    def failure(self, name: str) -> Failure | None:
        """The value of a habit of kind FAILURE, None without the habit."""
        value = self._values.get(name)
        return value if isinstance(value, Failure) else None

    def text(self) -> TextCoding | None:
        """How all text is written, None when each study keeps its own character set."""
        return next((HABITUAL[name] for name in self._values if name in HABITUAL), None)


def as_habits(habits: Habits | Iterable[str]) -> Habits:
    """Habits from whatever a caller has."""
    return habits if isinstance(habits, Habits) else Habits.of(*habits)


def _parse(habit: Habit, value: str) -> Value:
    try:
        return parse(habit.kind, habit.words, value)
    except ValueError as error:
        raise HabitError(f"{habit.name}={value}: {error}") from error
