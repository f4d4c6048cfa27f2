"""
K12: whatever a PACS cuts, by whatever status, whichever studies it gives, however its studies tell their time
and whichever keys it ignores: what is not found is not called complete.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import PipelineError, RetriableError, TooManyAnswers
from pacs_module.domain.find.windows import Window
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.find.split_window import MOST_QUERIES
from tests.fakes.world import FakeLog

from .test_ask_window import DAY

KEYS = ("StudyTime", "ModalitiesInStudy", "AccessionNumber", "PatientID")
TIMES = (
    "spread",
    "one hour",
    "one minute",
    "without seconds",
    "with fractions",
    "none",
    "half",
    "one moment",
    "midnight",
)


def time_of(kind: str, n: int, held: int) -> str:
    hour, minute, second = 7 + n * 12 // held, n * 37 % 60, n * 11 % 60
    return {
        "spread": f"{hour:02d}{minute:02d}{second:02d}",
        "one hour": f"08{n % 60:02d}{n // 60 % 60:02d}",
        "one minute": f"0800{n % 60:02d}",
        "without seconds": f"{hour:02d}{minute:02d}",
        "with fractions": f"{hour:02d}{minute:02d}{second:02d}.123456",
        "none": "",
        "half": "" if n % 2 else f"{hour:02d}{minute:02d}00",
        "one moment": "120000",
        "midnight": "000000" if n % 3 else "235959",
    }[kind]


@dataclass
class AnyPacs:
    """``keeps``: which studies of a longer list it gives; ``ends``: how it ends one."""

    held: int
    times: str
    cap: int
    keeps: str
    ends: str
    ignores: tuple[str, ...] = ()
    asked: int = 0
    dice: random.Random = field(default_factory=lambda: random.Random(3))

    def __post_init__(self) -> None:
        self.studies: list[Attributes] = [
            {
                "StudyInstanceUID": f"1.2.{n}", "StudyDate": "20200618",
                "StudyTime": time_of(self.times, n, self.held),
                "ModalitiesInStudy": "CT" if n % 3 else "DX", "AccessionNumber": f"A{n:05d}",
                "PatientID": f"P{n * 7 % 1000:04d}",
            }
            for n in range(self.held)
        ]  # fmt: skip

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked += 1
        found = [study for study in self.studies if all(self._has(study, key, query[key]) for key in query)]
        return found if len(found) <= self.cap else self._cut(found)

    def _has(self, study: Attributes, key: str, value: str) -> bool:
        told = study[key]
        if key in self.ignores:
            return True
        if key == "StudyTime":
            since, _, until = value.partition("-")
            return bool(told) and since <= told.split(".")[0].ljust(6, "0") <= until
        return told.startswith(value.rstrip("*")) if value.endswith("*") else told == value

    def _cut(self, found: list[Attributes]) -> list[Attributes]:
        if self.ends == "A700 without answers":
            raise TooManyAnswers([], "", 0xA700)
        if self.ends == "FE00":
            error = RetriableError("status")
            error.find_status = 0xFE00
            raise error
        given = {"first": found[: self.cap], "last": found[-self.cap :]}
        some = given[self.keeps] if self.keeps in given else self.dice.sample(found, self.cap)
        if self.ends == "A700":
            raise TooManyAnswers(some, "", 0xA700)
        return some


def asking(pacs: AnyPacs) -> AskWindow:
    return AskWindow(MatchedFinder(pacs, FakeLog()), FakeLog(), ("CT", "DX"))


ALL = list(
    itertools.product(
        (57, 240, 400), TIMES, (11, 13, 64, 99, 100, 130, 256), ("first", "last", "any"),
        ("silent", "A700", "A700 without answers", "FE00"),
        ((), ("StudyTime",), ("ModalitiesInStudy",), ("StudyTime", "ModalitiesInStudy"), KEYS),
    )
)  # fmt: skip
SOME = random.Random(814).sample([one for one in ALL if one[2] < one[0]], 24)


@pytest.mark.parametrize("habits", SOME, ids=lambda one: "-".join(map(str, one[:5])) + "-" + "+".join(one[5]))
def test_what_is_not_found_is_not_called_complete(
    habits: tuple[int, str, int, str, str, tuple[str, ...]],
) -> None:
    pacs = AnyPacs(*habits)
    ask = asking(pacs)
    for round_number in range(3):
        before = pacs.asked
        try:
            answers = ask("A", Window(DAY), KEYS)
        except PipelineError:
            continue  # said so
        assert pacs.asked - before <= MOST_QUERIES + 50
        found = {study.study_uid for study in answers.studies}
        if len(found) < pacs.held:
            assert not answers.proof
            assert not answers.complete or answers.doubtful or round_number < 2
        if pacs.times in ("spread", "with fractions") and not pacs.ignores and round_number == 2:
            assert len(found) == pacs.held


@pytest.mark.parametrize("ends", ["A700 without answers", "FE00"])
@pytest.mark.parametrize("times", ["none", "half"])
def test_a_list_without_answers_is_not_complete_by_the_studies_that_tell_a_time(
    times: str, ends: str
) -> None:
    pacs = AnyPacs(240, times, 100, "first", ends)
    try:
        answers = asking(pacs)("A", Window(DAY), KEYS)
    except RetriableError:
        assert (times, ends) == ("none", "FE00"), "no part of the day has an answer: the PACS fails"
        return
    assert len(answers.studies) == 240 or not (answers.complete or answers.proof)


def test_no_answer_before_the_status_is_no_number_of_answers() -> None:
    pacs = AnyPacs(240, "spread", 100, "first", "A700 without answers")
    ask = asking(pacs)
    answers = ask("A", Window(DAY), KEYS)
    assert (len(answers.studies), answers.complete, answers.proof) == (240, True, True)
    assert ask.finder.learned("A").caps == set()
    parts = len(ask.memory["A"].parts[Window(DAY)])
    assert pacs.asked <= 2 * parts
    assert ask("A", Window(DAY), KEYS).queries == parts
