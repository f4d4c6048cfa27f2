"""K12: Success without answers for a long list, and silent caps below ten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.find.windows import Window
from tests.unit.use_cases.find.test_ask_window import DAY, Silent, asking


class Overloaded(Silent):
    """Answers a list of more than ``cap`` with Success and nothing."""

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        whole, self.cap = self.cap, 10_000
        found = super().find(pacs, level, query, return_keys)
        self.cap = whole
        return found if len(found) <= whole else []


def test_an_empty_list_is_found_out_by_half_of_the_day() -> None:
    answers = asking(Overloaded(150, 240))("A", Window(DAY), ())
    assert (len(answers.studies), answers.complete, answers.proof) == (240, True, False)


def test_a_day_of_many_studies_is_not_empty_all_at_once() -> None:
    pacs = Overloaded(150, 140)
    ask = asking(pacs)
    assert len(ask("A", Window(DAY), ()).studies) == 140
    pacs.held, pacs.cap = 240, 5
    for _ in range(3):
        answers = ask("A", Window(DAY), ())
        assert (answers.studies, answers.complete, answers.proof) == ((), False, False)


@pytest.mark.parametrize(("before", "control"), [(0, 1), (3, 2)])
def test_an_empty_day_costs_one_control_while_it_stays_empty(before: int, control: int) -> None:
    pacs = Silent(1_000, before)
    ask = asking(pacs)
    ask("A", Window(DAY), ())
    pacs.held, pacs.asked = 0, 0
    ask.memory["A"].empty.clear()
    for _ in range(9):
        answers = ask("A", Window(DAY), ())
        assert (answers.studies, answers.complete, answers.proof) == ((), True, True)
    assert pacs.asked == 9 + control


def test_a_control_of_an_empty_day_that_fails_proves_nothing() -> None:
    class Failing(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            if "StudyTime" in query:
                raise RetriableError("association refused")
            return super().find(pacs, level, query, return_keys)

    answers = asking(Failing(1_000, 0))("A", Window(DAY), ())
    assert (answers.complete, answers.proof) == (True, False)


def days(number: int) -> list[Window]:
    return [Window(DAY + timedelta(n)) for n in range(number)]


class Timeless(Silent):
    """Honours StudyTime and tells none, so that no control by the time can tell."""

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        return [{**study, "StudyTime": ""} for study in super().find(pacs, level, query, return_keys)]


@pytest.mark.parametrize("cap", [1, 3, 8, 9])
def test_lists_of_several_days_that_end_at_one_short_length_prove_nothing(cap: int) -> None:
    pacs = Timeless(cap, 240)
    ask = asking(pacs)
    for window in days(3):
        ask("A", window, ())
    assert not any(ask("A", window, ()).proof for window in days(5))
    pacs.held = cap - 1
    assert ask("A", Window(date(2020, 7, 1)), ()).proof, "a shorter list is whole"
    assert pacs.asked == 9 + (cap == 1), "no query more, but for an empty day"


class SameTime(Silent):
    """Every study of every day has the same StudyTime, by which it is asked for and told."""

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        since, _, until = query.get("StudyTime", "000000-235959").partition("-")
        told = {} if not since <= "123456" <= until else super().find(pacs, level, {}, return_keys)
        return [{**study, "StudyTime": "123456"} for study in told]


def test_a_cap_of_one_where_all_studies_tell_the_same_time_is_not_called_whole() -> None:
    """What is before and after that time is empty, and says nothing of the others at it."""
    ask = asking(SameTime(1, 240))
    told = [ask("A", window, ()) for _ in range(70) for window in days(2)]
    assert not any(one.proof for one in told[2:])


def test_single_studies_of_two_days_prove_where_their_times_differ() -> None:
    class OneADay(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            told = super().find(pacs, level, {}, return_keys)
            since, _, until = query.get("StudyTime", "000000-235959").partition("-")
            times = [f"10{query['StudyDate'][-2:]}00"]
            return [{**one, "StudyTime": times[0]} for one in told if since <= times[0] <= until]

    ask = asking(OneADay(1_000, 1))
    told = [[ask("A", window, ()).proof for window in days(2)] for _ in range(3)]
    assert told[-1] == [True, True]


def test_short_lists_prove_as_before_where_one_day_was_longer() -> None:
    pacs = Silent(1_000, 7)
    ask = asking(pacs)
    for window in days(3):
        ask("A", window, ())
    pacs.held = 9
    ask("A", Window(date(2020, 7, 1)), ())
    pacs.held = 7
    assert all(ask("A", window, ()).proof for window in days(3))


class Choking(Silent):
    """As overloaded as can be: nothing but a short time is short enough for it."""

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        whole, self.cap = self.cap, 10_000
        found = super().find(pacs, level, query, return_keys)
        self.cap = whole
        return found if len(found) <= whole else []


@pytest.mark.parametrize(("cap", "rounds"), [(120, 1), (119, 10), (30, 10), (29, 60), (10, 60), (5, 60)])
def test_a_first_long_list_that_is_empty_is_found_out_though_its_half_is_too_long_as_well(
    cap: int, rounds: int
) -> None:
    ask = asking(Choking(cap, 240))
    for number in range(1, rounds + 1):
        answers = ask("A", Window(DAY), ())
        assert bool(answers.studies) is (number == rounds)
    assert (len(answers.studies), answers.complete) == (240, True)


@pytest.mark.parametrize("cap", [30, 119, 120, 200])
def test_where_long_lists_are_known_an_empty_day_is_asked_for_in_small_parts_and_believed_when_told_again(
    cap: int,
) -> None:
    pacs = Choking(cap, 25)
    ask = asking(pacs)
    assert len(ask("A", Window(DAY), ()).studies) == 25
    pacs.held = 240
    other = Window(DAY + timedelta(1))
    assert len(ask("A", other, ()).studies) == 240
    pacs.held = 0
    holiday = Window(DAY + timedelta(2))
    before = pacs.asked
    told = [ask("A", holiday, ()) for _ in range(9)]
    assert [answers.proof for answers in told] == [False, *[True] * 8]
    assert all(answers.complete for answers in told)
    assert pacs.asked - before == 9 + 8


def test_the_controls_of_an_empty_day_cost_little() -> None:
    ask = asking(pacs := Silent(1_000, 0))
    for _ in range(600):
        ask("A", Window(DAY), ())
    assert pacs.asked <= 600 + 1 + 8 + 96 + 9 * 8


@pytest.mark.parametrize("cap", range(1, 10))
@pytest.mark.parametrize("held", [2, 20, 240])
def test_a_silent_cap_below_ten_is_found_out_when_a_list_stays_there(cap: int, held: int) -> None:
    ask = asking(pacs := Silent(cap, max(held, cap + 1)))
    for _ in range(2):
        assert not ask("A", Window(DAY), ()).proof, "nobody has controlled it yet"
    assert pacs.asked == 2
    answers = ask("A", Window(DAY), ())
    assert ask.finder.learned("A").caps == {cap}
    too_many = (cap, held) == (2, 240) or cap == 1
    again = ask("A", Window(DAY + timedelta(1)), ())
    for one in (answers, again):
        found_all = len(one.studies) == pacs.held
        assert (found_all, one.complete) == (held < 240 or cap > 2, not too_many), "known from now on"
        assert found_all or not one.proof


@pytest.mark.parametrize("held", range(1, 10))
def test_a_short_list_that_is_whole_costs_four_queries_in_sixty_rounds_and_proves_after_the_third(
    held: int,
) -> None:
    ask = asking(pacs := Silent(1_000, held))
    told = [ask("A", Window(DAY), ()) for _ in range(59)]
    assert all((len(one.studies), one.complete) == (held, True) for one in told)
    assert [one.proof for one in told] == [False] * 2 + [True] * 57
    beside = 1 if held == 1 else 2  # a list of one study of midnight has nothing before it
    assert pacs.asked == 59 + 2 * beside


def test_a_short_list_that_lacks_a_study_is_controlled_before_anything_is_called_gone() -> None:
    """Newest first, five a list: with every new study the oldest leaves the list."""

    class Newest(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            whole, self.cap = self.cap, 10_000
            found = super().find(pacs, level, query, return_keys)
            self.cap = whole
            return found[-whole:]

    ask = asking(pacs := Newest(5, 5))
    for _ in range(3):
        ask("A", Window(DAY), ())
    pacs.held = 6
    answers = ask("A", Window(DAY), ())
    assert len(answers.studies) == 5
    again = ask.once_more("A", Window(DAY), answers, ())
    assert (len(again.studies), ask.finder.learned("A").caps) == (6, {5})


class Mornings(Choking):
    """Most of its studies are made within some hours."""

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked += 1
        since, _, until = query.get("StudyTime", "000000-235959").partition("-")
        busy = [
            {"StudyInstanceUID": f"1.2.{n}", "StudyTime": f"{8 + n % 5:02d}{n // 5 % 60:02d}00"}
            for n in range(self.held)
        ]
        found = [study for study in busy if since <= study["StudyTime"] <= until]
        return [] if len(found) > self.cap else list(found)


@pytest.mark.parametrize(("cap", "held"), [(20, 100), (50, 240), (99, 120), (99, 290), (150, 290)])
def test_parts_that_are_too_long_as_well_are_not_believed_to_be_empty(cap: int, held: int) -> None:
    ask = asking(pacs := Mornings(cap, held))
    told = [ask("A", Window(DAY), ()) for _ in range(61)]
    assert all(len(one.studies) in (0, held) for one in told)
    assert [(len(one.studies), one.complete) for one in told[10:]] == [(held, True)] * 51
    before = pacs.asked
    ask("A", Window(DAY), ())
    assert pacs.asked - before < 40, "quiet parts are asked for as a whole"


def test_a_day_whose_first_study_comes_between_two_questions_is_asked_for_as_a_whole() -> None:
    class Growing(Silent):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            self.held = 2 if self.asked else 0
            return super().find(pacs, level, query, return_keys)

    ask = asking(pacs := Growing(1_000, 0))
    assert [len(ask("A", Window(DAY), ()).studies) for _ in range(3)] == [2, 2, 2]
    assert pacs.asked == 3 + 2
    assert not ask.memory["A"].empty_lies
