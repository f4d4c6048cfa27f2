"""
Images that came unasked are counted against what the PACS has (M8a); without that StableAge is all there is.
"""

from __future__ import annotations

import pytest

from aipull.receive.arriving_study import ArrivingStudy, Told
from aipull.receive.ask_pacs_module import AskPacsModule, ModuleClient
from pacs_module.domain.errors import MessageError, RetriableError
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.shared.http import HttpLink
from pacs_module.shared.http_addresses import HttpAddresses
from tests.fakes.reception_desk import Desk

STUDY = PullRequest(
    "", "1.2", "PACS", expected=5, expected_series={"1.2.1": 5}, announced={"1.2.1": {"Modality": "CT"}}
)


class Module(ModuleClient):
    """pacs_module, which says one thing after the other."""

    def __init__(self, answers: list[PullRequest | Exception | None]) -> None:
        super().__init__(HttpAddresses(HttpLink("pacs_module"), ["http://pacs"]))
        self.answers = answers

    def announced(self, study_uid: str, pacs: str = "", images: bool = False) -> PullRequest | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Answers(AskPacsModule):
    """pacs_module's answers, one after the other."""

    def __init__(self, desk: Desk, *answers: PullRequest | Exception | None) -> None:
        super().__init__(
            desk.worker._arrivals, desk.tables.pulls, 30.0, Module(list(answers)), desk.worker._log
        )

    @property
    def answers(self) -> list[PullRequest | Exception | None]:
        assert isinstance(self._module, Module)
        return self._module.answers


def arriving(desk: Desk) -> ArrivingStudy:
    found = desk.worker._arrivals.get("1.2")
    assert found is not None
    return found


def later(desk: Desk, asker: AskPacsModule, seconds: float) -> None:
    desk.step(seconds)
    asker.step()
    desk.step()


def test_complete_when_the_pacs_has_said_the_same_twice(desk: Desk) -> None:
    asker = Answers(desk, STUDY, STUDY)
    desk.store.add("1.2", "1.2.1", 5)
    later(desk, asker, 0)
    assert len(asker.answers) == 2  # not asked while images come
    later(desk, asker, 4)
    assert (len(asker.answers), desk.sent()) == (1, [])  # once is not enough: both may still be growing
    later(desk, asker, 10)
    (notification,) = desk.told("notify")
    assert (notification["completeness"], notification["isPush"], notification["numberReceived"]) == (
        "COMPLETE",
        1,
        5,
    )
    assert notification["announced"] == {"pacs": "PACS", "expected": 5}


def test_a_device_that_sends_to_both_is_waited_for(desk: Desk) -> None:
    more = PullRequest("", "1.2", "PACS", expected=8, expected_series={"1.2.1": 8})
    asker = Answers(desk, STUDY, more, more, more)
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    later(desk, asker, 4)
    later(desk, asker, 10)
    assert desk.sent() == []
    desk.store.add("1.2", "1.2.1", 3, first=6)
    desk.step()
    later(desk, asker, 4)
    assert desk.sent() == []  # an image came: everything begins anew
    later(desk, asker, 10)
    assert desk.told("notify")[0]["numberReceived"] == 8


def test_what_the_pacs_has_more_of_is_handed_over_short_after_stable_age(desk: Desk) -> None:
    more = PullRequest("", "1.2", "PACS", expected=8, expected_series={"1.2.1": 8})
    asker = Answers(desk, more, more)
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    for seconds in (4, 10, 17):
        later(desk, asker, seconds)
    (notification,) = desk.told("notify")
    assert (notification["completeness"], notification["announced"]) == (
        "SHORT 5 of 8",
        {"pacs": "PACS", "expected": 8},
    )


@pytest.mark.parametrize("answer", [None, MessageError("pacs", 5, "text")])
def test_unverified_by_stable_age_where_nobody_knows_it(desk: Desk, answer: Exception | None) -> None:
    asker = Answers(desk, answer, answer)
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    later(desk, asker, 4)
    later(desk, asker, 10)
    assert desk.sent() == []
    later(desk, asker, 17)
    assert desk.told("notify")[0]["completeness"] == "UNVERIFIED"


def test_where_nobody_can_be_asked_it_is_asked_again_for_a_minute_beyond_stable_age(desk: Desk) -> None:
    """A PACS or a pacs_module that is away has not said that no PACS knows the study (K12)."""
    asker = Answers(desk, *[RetriableError("down")] * 60)
    desk.worker._answer_wait_s = 60.0
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    for _ in range(44):
        later(desk, asker, 2)
    assert desk.sent() == []
    later(desk, asker, 2)
    later(desk, asker, 2)
    assert desk.told("notify")[0]["completeness"] == "UNVERIFIED"
    assert 0 < len(asker.answers) < 20  # not at each look


def test_the_patient_id_of_the_pacs_counts_although_it_could_not_be_asked_at_first(desk: Desk) -> None:
    known = PullRequest("", "1.2", "PACS", expected=5, patient_id="RIGHT")
    asker = Answers(desk, *[RetriableError("down")] * 3, *[known] * 2)
    desk.worker._answer_wait_s = 60.0
    desk.store.add("1.2", "1.2.1", 5, PatientID="STRANGER")
    desk.step()
    for _ in range(20):
        later(desk, asker, 2)
    assert asker.answers == []
    assert [one for one in desk.told("notify") if one["numberReceived"]] == []


def test_a_second_question_without_an_answer_takes_nothing_back(desk: Desk) -> None:
    more = PullRequest("", "1.2", "PACS", expected=8, expected_series={"1.2.1": 8})
    asker = Answers(desk, more, *[RetriableError("down")] * 30)
    desk.store.add("1.2", "1.2.1", 5)
    desk.step()
    for seconds in (4, 10, 17):
        later(desk, asker, seconds)
    assert desk.told("notify")[0]["completeness"] == "SHORT 5 of 8"


def test_a_study_that_is_also_pulled_is_counted_against_its_pull(desk: Desk) -> None:
    asker = Answers(desk)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.ask("1.2", expected=5)
    later(desk, asker, 4)
    assert arriving(desk).told is None


def test_an_answer_is_out_of_date_when_an_image_comes(desk: Desk) -> None:
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    arrival = arriving(desk)
    arrival.told = Told(STUDY, arrival.last_image, settled=True)
    assert arrival.told_now is arrival.told
    desk.clock.now += 1
    arrival.touch()
    assert arrival.told_now is None
