"""What the PACS has of a study that is not known here, and what would be done with it."""

from __future__ import annotations

import threading
import time
from datetime import date
from typing import Any

import pytest

from pacs_module.domain.errors import MessageError, RetriableError
from pacs_module.domain.rules.switches import Switches
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.operate.look_up_at_pacs import MOST_WAITING, TOO_MANY, LookUp
from tests.fakes.pipeline import THICK, THIN, UID, answer, series_answer
from tests.fakes.world import DAY, FakeClock, FakeLog, FakePacs


@pytest.fixture
def pacs() -> FakePacs:
    found = FakePacs("A", "B")
    found.studies["A"] = [answer()]
    found.series["A"] = [series_answer(THIN, 80), series_answer(THICK, 20, SliceThickness="8")]
    return found


def look_up(pacs: FakePacs, days: tuple[date, ...] = (DAY,), unreachable: tuple[str, ...] = ()) -> LookUp:
    return LookUp(
        MatchedFinder(pacs, FakeLog()), FakeClock(), Switches(), ("A", "B"), unreachable, lambda: list(days)
    )


def test_every_series_with_its_verdict_and_what_would_be_done(pacs: FakePacs) -> None:
    told = look_up(pacs)({"AccessionNumber": " A1 "})
    assert told["B"] == {"studies": []}
    (study,) = told["A"]["studies"]
    assert (study["studyUID"], study["instances"]) == (UID, 100)
    assert study["would"] == "the next find takes it up, and 1 of 2 series would be pulled"
    assert [(one["taken"], one["because"]) for one in study["series"]] == [
        (True, "BodyPartExamined CHEST"),
        (False, "SliceThickness 8"),
    ]


def test_outside_the_dates_that_are_found(pacs: FakePacs) -> None:
    (study,) = look_up(pacs, (date(2026, 11, 26),))({"PatientID": "P1"})["A"]["studies"]
    assert study["would"].endswith("no find asks for 2020-06-18 (only 2026-11-26): pull it by hand")


@pytest.mark.parametrize(
    ("changed", "would"),
    [
        ({"ModalitiesInStudy": "MR"}, "nothing: ModalitiesInStudy MR"),
        ({"StudyInstanceUID": ""}, "nothing: without a StudyInstanceUID it cannot be pulled"),
    ],
)
def test_what_is_not_wanted(pacs: FakePacs, changed: dict[str, Any], would: str) -> None:
    pacs.studies["A"] = [answer(**changed)]
    (study,) = look_up(pacs)({"AccessionNumber": "A1"})["A"]["studies"]
    assert study["would"] == would


def test_by_a_series(pacs: FakePacs) -> None:
    assert look_up(pacs)({"SeriesInstanceUID": THICK})["A"]["studies"][0]["studyUID"] == UID


def test_a_pacs_that_fails_or_is_down_is_no_error_of_the_others(pacs: FakePacs) -> None:
    pacs.errors["B", "STUDY"] = RetriableError("no answer")
    told = look_up(pacs)({"AccessionNumber": "A1"})
    assert told["B"] == {"error": "no answer", "studies": []}
    assert len(told["A"]["studies"]) == 1
    pacs.asked.clear()
    assert "not asked" in look_up(pacs, unreachable=("A", "B"))({"AccessionNumber": "A1"})["A"]["error"]
    assert pacs.asked == []


def test_the_same_question_again_is_not_put_to_the_pacs(pacs: FakePacs) -> None:
    ask = look_up(pacs)
    ask({"AccessionNumber": "A1"})
    asked = len(pacs.asked)
    ask({"AccessionNumber": "A1"})
    assert len(pacs.asked) == asked
    assert isinstance(ask.clock, FakeClock)
    ask.clock.pass_seconds(15)
    ask({"AccessionNumber": "A1"})
    assert len(pacs.asked) == 2 * asked


@pytest.mark.parametrize("asked", [{}, {"AccessionNumber": " "}, {"PatientID": "*"}])
def test_nothing_and_everything_are_no_questions(pacs: FakePacs, asked: dict[str, str]) -> None:
    with pytest.raises(MessageError):
        look_up(pacs)(asked)


class HangingPacs(FakePacs):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__("A", "B")
        self.reached, self.go_on = threading.Event(), threading.Event()

    def find(self, *arguments: Any, **named: Any) -> Any:
        self.reached.set()
        assert self.go_on.wait(30)
        return super().find(*arguments, **named)


def test_while_a_pacs_hangs_only_a_few_wait_and_the_others_are_told_at_once() -> None:
    pacs = HangingPacs()
    ask = look_up(pacs)
    waiting = [
        threading.Thread(target=ask, args=({"AccessionNumber": f"A{number}"},))
        for number in range(MOST_WAITING)
    ]
    waiting[0].start()
    assert pacs.reached.wait(30)
    for one in waiting[1:]:
        one.start()
    while ask._places._value:
        time.sleep(0.01)
    assert ask({"AccessionNumber": "A99"}) == {
        name: {"error": TOO_MANY, "studies": []} for name in ("A", "B")
    }
    pacs.go_on.set()
    for one in waiting:
        one.join(30)
    assert "error" not in ask({"AccessionNumber": "A99"})["A"], "it is asked again"
