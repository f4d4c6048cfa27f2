"""K12: lists that end with a failure after some answers, whatever its status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import PermanentError, RetriableError, TooManyAnswers
from pacs_module.domain.find.windows import Window
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.find.split_window import MOST_CONTROLS, MOST_QUERIES
from tests.fakes.world import FakeLog

from .test_ask_window import DAY, STUDIES

STATUSES = [0xC000, 0xC001, 0xA900, 0xB000, 0x0110]


class Failing:
    """
    Ends lists of more than ``cap`` studies with a failure; ``told``: with the answers before it.

    ``bad``: a study at which every list ends.
    """

    def __init__(self, cap: int, status: int, told: bool = True, bad: str = "") -> None:
        self.cap, self.status, self.told, self.bad = cap, status, told, bad
        self.studies, self.asked = list(STUDIES), 0

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked += 1
        since, _, until = query.get("StudyTime", "000000-235959").partition("-")
        found = [study for study in self.studies if since <= study["StudyTime"] <= until]
        uids = [study["StudyInstanceUID"] for study in found]
        end = min(uids.index(self.bad) if self.bad in uids else len(found), self.cap)
        if end < len(found):
            self.fail(found[:end])
        return found

    def fail(self, before: list[Attributes]) -> None:
        if self.told and before:
            raise TooManyAnswers(before, "", self.status)
        error = (PermanentError if self.status == 0xA900 else RetriableError)("status")
        error.find_status = self.status
        raise error


def asking(pacs: Failing) -> AskWindow:
    return AskWindow(MatchedFinder(pacs, FakeLog()), FakeLog(), ("CT",))


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("cap", [20, 37, 100, 130])
def test_a_list_that_ends_with_a_failure_is_asked_for_in_parts(cap: int, status: int, told: bool) -> None:
    pacs = Failing(cap, status, told)
    ask = asking(pacs)
    answers = ask("A", Window(DAY), ())
    parts = len(ask.memory["A"].parts[Window(DAY)])
    assert (len(answers.studies), answers.complete, answers.proof) == (240, True, True)
    assert pacs.asked <= (2 * parts if told else 3 * parts + 2)
    learned = ask.finder.learned("A")
    assert (learned.caps, learned.says_when_cut) == (set(), False), "a failure proves no number"
    assert ask("A", Window(DAY), ()).queries == parts


def test_a_busy_hour_is_split_though_its_first_half_brings_nothing_new() -> None:
    pacs = Failing(30, 0xC001)
    pacs.studies = [{**study, "StudyTime": f"08{n % 60:02d}00"} for n, study in enumerate(STUDIES)]
    answers = asking(pacs)("A", Window(DAY), ())
    assert (len(answers.studies), answers.complete) == (240, True)


def test_a_pacs_that_ends_every_list_with_a_failure_is_not_split_for_ever() -> None:
    class Always(Failing):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            self.fail(super().find(pacs, level, query, return_keys))
            return []

    pacs = Always(1_000, 0xC000)
    answers = asking(pacs)("A", Window(DAY), ())
    assert (len(answers.studies), answers.complete, answers.proof) == (240, False, False)
    assert pacs.asked <= 3


@pytest.mark.parametrize("told", [True, False])
def test_a_study_that_ends_every_list_costs_only_itself(told: bool) -> None:
    pacs = Failing(1_000, 0xC000, told, bad="1.2.600")
    answers = asking(pacs)("A", Window(DAY), ())
    assert (len(answers.studies), answers.complete, answers.proof) == (239, False, False)
    assert pacs.asked <= MOST_QUERIES / 2


@pytest.mark.parametrize("status", STATUSES)
def test_a_pacs_that_fails_without_answers_has_failed(status: int) -> None:
    pacs = Failing(0, status)
    with pytest.raises((RetriableError, PermanentError)) as raised:
        asking(pacs)("A", Window(DAY), ())
    assert raised.value.find_status == status
    assert pacs.asked <= 1 + MOST_CONTROLS


def test_a_pacs_that_fails_after_its_first_part_has_failed() -> None:
    pacs = Failing(100, 0xC001)
    ask = asking(pacs)
    ask("A", Window(DAY), ())
    pacs.cap, pacs.asked = 0, 0
    with pytest.raises(RetriableError):
        ask("A", Window(DAY), ())
    assert pacs.asked <= 30
