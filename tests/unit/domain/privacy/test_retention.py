"""Which studies may be removed, and what stands in the place of an identifier."""

from __future__ import annotations

from datetime import date

import pytest

from pacs_module.domain.privacy.pseudonym import Pseudonyms
from pacs_module.domain.privacy.retention import Hold, capped, found_from, held, in_flight
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.study import (
    GROWTH_CHECK,
    PUBLISH,
    RELEASE,
    UPLOAD_STUCK,
    WORK,
    Study,
    upload_work,
)
from pacs_module.domain.upload.upload import Upload
from pacs_module.domain.upload.upload_state import UploadState

LONG_AGO = "2020-01-01"


def a_study(state: State | None, message: MessageState | None = None, **values: object) -> Study:
    study = Study("1.2", study_date=LONG_AGO, state=state, **values)  # type: ignore[arg-type]
    if message is not None:
        item = HandOver("h", "1.2.3", 3, "/x", {}, "", message_state=message)
        study.handovers = [item]
    return study


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("message", list(MessageState))
def test_what_may_still_come_holds_a_study_in_every_state(state: State, message: MessageState) -> None:
    hold = held(a_study(state, message), "2026-01-01")
    under_way = state in (State.META_ONLY, State.PULL_DATA, State.PULL_DATA_END)
    at_work = message in (MessageState.HELD, MessageState.OWED, MessageState.QUEUED, MessageState.ACCEPTED)
    dead = state is State.DEAD_LETTER and message is MessageState.DEAD
    assert (hold is None) is not (under_way or at_work or dead)


@pytest.mark.parametrize("upload", list(UploadState))
def test_what_a_destination_does_not_have_holds_it(upload: UploadState) -> None:
    study = a_study(State.COMPLETED, uploads=[Upload("h", "platform", "", state=upload)])
    over = upload in (UploadState.VERIFIED, UploadState.DROPPED)
    assert in_flight(study) is (None if over else Hold.UPLOAD)


@pytest.mark.parametrize("work", [*WORK, upload_work("platform"), UPLOAD_STUCK])
def test_work_that_is_due_holds_it_but_looks_for_growth(work: str) -> None:
    expected = None if work in (GROWTH_CHECK, UPLOAD_STUCK) else Hold.WORK
    assert in_flight(a_study(State.COMPLETED, due={work: 5})) is expected
    assert PUBLISH in WORK
    assert RELEASE in WORK


def test_a_study_whose_day_is_still_asked_for_would_come_back() -> None:
    study = a_study(State.COMPLETED)
    assert held(study, "2020-01-01") is Hold.FOUND
    assert held(study, "2020-01-02") is None


def test_the_first_day_that_is_asked_for() -> None:
    today = date(2026, 11, 30)
    assert found_from(today, [today], 1) == "2026-11-16"
    assert found_from(today, [today], 31) == "2026-10-30"
    assert found_from(today, [date(2020, 6, 1), today], 1) == "2020-06-01"


@pytest.mark.parametrize(
    ("own", "most", "age"), [(0, 0, 0), (90, 0, 90), (0, 30, 30), (90, 30, 30), (7, 30, 7)]
)
def test_no_age_is_longer_than_that_of_the_studies(own: int, most: int, age: int) -> None:
    assert capped(own, most) == age


def test_a_pseudonym_is_the_same_for_the_same_text_and_another_with_another_key() -> None:
    one, other = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    assert one.of("10939048") == one.of("10939048") != one.of("10939049")
    assert one.of("10939048") != other.of("10939048")
    assert one.of("") == ""
    assert "aaaa" not in repr(one)
