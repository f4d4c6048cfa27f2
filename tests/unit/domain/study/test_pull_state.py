"""A pull ends once, as a model written by hand says, and each outcome is in one group."""

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.json_messages.documents import from_document, to_document
from pacs_module.domain.json_messages.messages import PULL_OUTCOMES, PullRequest
from pacs_module.domain.study.pull_state import (
    BROUGHT,
    PULL_STATES,
    TO_REPEAT,
    PullOutcome,
    PullStatus,
)
from pacs_module.domain.study.study import Pull

REQUEST = PullRequest("P", "1.2.3", "A")


@pytest.mark.parametrize("outcome", PullOutcome)
def test_what_was_asked_for_ends_in_each_way_that_the_plugins_report(outcome: PullOutcome) -> None:
    if outcome.value in ("received", "short", "failed", "nothing_new", "filtered"):
        assert PULL_STATES.next(PullStatus.ASKED, outcome) is PullStatus.ENDED
    else:
        with pytest.raises(InvalidTransition):
            PULL_STATES.next(PullStatus.ASKED, outcome)


@pytest.mark.parametrize("outcome", PullOutcome)
def test_what_has_ended_ends_no_second_time(outcome: PullOutcome) -> None:
    with pytest.raises(InvalidTransition, match="a pull that is ended cannot end as"):
        PULL_STATES.next(PullStatus.ENDED, outcome)


def test_each_outcome_is_in_one_group_and_on_the_wire() -> None:
    assert sorted([PullOutcome.NONE, *BROUGHT, *TO_REPEAT]) == sorted(PullOutcome)
    assert {outcome.value for outcome in (*BROUGHT, *TO_REPEAT)} == set(PULL_OUTCOMES)


def test_the_document_has_the_words_that_it_had() -> None:
    pull = Pull(REQUEST, 1, "2020-06-18T12:00:00.000+00:00")
    assert (to_document(pull)["status"], to_document(pull)["outcome"]) == ("asked", "")
    pull.end(PullOutcome.SHORT, 0)
    document = to_document(pull)
    assert (document["status"], document["outcome"], document["endedAt"][:10]) == (
        "ended",
        "short",
        "1970-01-01",
    )
    assert from_document(Pull, document) == pull


def test_a_document_of_before_reads_as_charged() -> None:
    old = {
        "request": to_document(REQUEST),
        "attempt": 1,
        "askedAt": "",
        "status": "ended",
        "outcome": "failed",
    }
    read = from_document(Pull, old)
    assert (read.charge.value, read.failure, read.outcome) == ("charged", None, PullOutcome.FAILED)
