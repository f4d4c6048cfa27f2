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


@pytest.mark.parametrize("cap", [1, 3, 8, 9])
def test_lists_of_several_days_that_end_at_one_short_length_prove_nothing(cap: int) -> None:
    pacs = Silent(cap, 240)
    ask = asking(pacs)
    for window in days(3):
        ask("A", window, ())
    assert not any(ask("A", window, ()).proof for window in days(5))
    pacs.held = cap - 1
    assert ask("A", Window(date(2020, 7, 1)), ()).proof, "a shorter list is whole"
    assert pacs.asked == 9 + (cap == 1), "no query more, but for an empty day"


def test_short_lists_prove_as_before_where_one_day_was_longer() -> None:
    pacs = Silent(1_000, 7)
    ask = asking(pacs)
    for window in days(3):
        ask("A", window, ())
    pacs.held = 9
    ask("A", Window(date(2020, 7, 1)), ())
    pacs.held = 7
    assert all(ask("A", window, ()).proof for window in days(3))
