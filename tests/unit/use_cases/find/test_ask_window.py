"""
A capped day at a PACS that fails now and then: all parts come. What splits how is tested in test_windows.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import RetriableError, TooManyAnswers
from pacs_module.domain.find.windows import Window
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.match_answers import MatchedFinder
from tests.fakes.world import FakeLog

DAY = date(2020, 6, 18)
STUDIES: list[Attributes] = [
    {"StudyInstanceUID": f"1.2.{n}", "StudyTime": f"{n // 60:02d}{n % 60:02d}00", "ModalitiesInStudy": "CT"}
    for n in range(0, 1440, 6)
]  # fmt: skip


class Pacs:
    """Stops at 100 answers, honours StudyTime, and does not answer the n-th queries."""

    def __init__(self, silent: Sequence[int] = ()) -> None:
        self.silent, self.asked = silent, 0

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked += 1
        if self.asked in self.silent:
            raise RetriableError("association refused")
        since, _, until = query.get("StudyTime", "000000-235959").partition("-")
        return [study for study in STUDIES if since <= study["StudyTime"] <= until][:100]


@pytest.mark.parametrize("silent", [(), range(3, 100, 3), range(2, 100, 4)])
def test_a_capped_day_is_found_whole_though_queries_fail_now_and_then(silent: Sequence[int]) -> None:
    pacs, log = Pacs(silent), FakeLog()
    answers = AskWindow(MatchedFinder(pacs, log), log, ("CT",))("A", Window(DAY), ())
    assert answers.complete
    assert {study.study_uid for study in answers.studies} == {study["StudyInstanceUID"] for study in STUDIES}
    assert answers.queries == pacs.asked
    repeated = [what for what, _ in log.events].count("a part is asked once more")
    assert repeated == sum(number <= pacs.asked for number in silent)


def test_the_first_query_is_not_repeated() -> None:
    pacs = Pacs([1])
    with pytest.raises(RetriableError):
        AskWindow(MatchedFinder(pacs, FakeLog()), FakeLog(), ("CT",))("A", Window(DAY), ())
    assert pacs.asked == 1


def test_a_part_that_fails_twice_ends_the_round() -> None:
    pacs = Pacs([3, 4])
    with pytest.raises(RetriableError):
        AskWindow(MatchedFinder(pacs, FakeLog()), FakeLog(), ("CT",))("A", Window(DAY), ())
    assert pacs.asked == 4


class Silent:
    """Stops at so many answers without a word; honours StudyTime."""

    def __init__(self, cap: int, held: int) -> None:
        self.cap, self.held, self.asked = cap, held, 0

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked += 1
        since, _, until = query.get("StudyTime", "000000-235959").partition("-")
        return [study for study in STUDIES[: self.held] if since <= study["StudyTime"] <= until][: self.cap]


def asking(pacs: Silent) -> AskWindow:
    return AskWindow(MatchedFinder(pacs, FakeLog()), FakeLog(), ("CT",))


@pytest.mark.parametrize("cap", [11, 37, 64, 99, 101, 119, 130, 199, 239])
def test_a_silent_cap_of_any_number_is_found_out_in_the_first_find(cap: int) -> None:
    """K12."""
    ask = asking(Silent(cap, 240))
    answers = ask("A", Window(DAY), ())
    assert (len(answers.studies), answers.complete, answers.proof) == (240, True, True)
    assert ask.finder.learned("A").caps == {cap}


@pytest.mark.parametrize("cap", [37, 101, 130])
def test_a_list_that_grows_into_its_cap_is_no_proof_and_is_found_out_when_it_stays(cap: int) -> None:
    """K12."""
    pacs = Silent(cap, 20)
    ask = asking(pacs)
    for held in range(20, 240, 7):
        pacs.held = held
        answers = ask("A", Window(DAY), ())
        assert len(answers.studies) == held or not answers.proof
        answers = ask("A", Window(DAY), ())
        assert len(answers.studies) == held, "the same length a second time"


@pytest.mark.parametrize("held", [3, 9, 10, 49, 51, 77, 150, 240])
def test_a_list_that_is_whole_costs_a_control_a_day(held: int) -> None:
    """K12."""
    pacs = Silent(1_000, held)
    ask = asking(pacs)
    for _ in range(9):
        answers = ask("A", Window(DAY), ())
        assert len(answers.studies) == held
    assert pacs.asked <= 9 + 9 + 1, "a round number is asked for in two parts"
    assert ask.finder.learned("A").caps == set()


def test_studies_that_arrive_between_two_questions_are_no_cap() -> None:
    """K12: the halves bring one more than the whole did, and so does the whole then."""

    class Growing(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            self.held += 1
            return super().find(pacs, level, query, return_keys)

    ask = asking(Growing(1_000, 60))
    for _ in range(20):
        answers = ask("A", Window(DAY), ())
        assert answers.complete
    assert ask.finder.learned("A").caps == set()


def test_a_control_that_fails_takes_nothing_away() -> None:
    """K12."""

    class Failing(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            if "StudyTime" in query:
                raise RetriableError("association refused")
            return super().find(pacs, level, query, return_keys)

    answers = asking(Failing(1_000, 61))("A", Window(DAY), ())
    assert (len(answers.studies), answers.complete, answers.proof) == (61, True, False)


@pytest.mark.parametrize("kept", ["nobody knows", "none", "those before"])
@pytest.mark.parametrize("cap", [10, 30, 100])
def test_a_pacs_that_says_when_it_cuts(kept: str, cap: int) -> None:
    """K12: also where nobody knows how many answers came before the status."""

    class Saying(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            found = super().find(pacs, level, query, return_keys)
            if len(found) > cap:
                raise TooManyAnswers({"nobody knows": None, "none": [], "those before": found[:cap]}[kept])
            return found

    pacs = Saying(1_000, 240)
    ask = asking(pacs)
    answers = ask("A", Window(DAY), ())
    parts = len(ask.memory["A"].parts[Window(DAY)])
    assert (len(answers.studies), answers.complete, answers.proof) == (240, True, True)
    assert answers.queries == pacs.asked == 2 * parts - 1
    assert ask.finder.learned("A").caps == ({cap} if kept == "those before" else set())
    assert ask("A", Window(DAY), ()).queries == parts


def test_a_short_part_that_holds_little_but_slips_teaches_nothing() -> None:
    """K2: three answers beside every question; before 6 o'clock there is hardly another one."""

    class Slipping(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            found = super().find(pacs, level, query, return_keys)
            uids = {study["StudyInstanceUID"] for study in found}
            return [*found, *(study for study in STUDIES if study["StudyInstanceUID"] not in uids)][
                : len(found) + 3
            ][: self.cap]

    ask = asking(Slipping(100, 240))
    for _ in range(12):
        answers = ask("A", Window(DAY), ())
        assert len(answers.studies) == 240
    assert ask.finder.learned("A").ignores == set()
