"""The states of a reception against a model written by hand from what each state means."""

from __future__ import annotations

from itertools import product

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.receive.reception_state import (
    FORMER_WORDS,
    PARTITIONS,
    RECEPTION_STATES,
    ReceptionEvent,
    ReceptionState,
)

MODEL = """
open        conclude    concluded
open        fall short  short
open        vanish      closed
concluded   grow        open
concluded   retain      retained
concluded   delete      deleting
concluded   vanish      closed
concluded   supersede   closed
short       supersede   closed
retained    supersede   closed
short       delete      deleting
deleting    deleted     closed
open        index lost  closed
concluded   index lost  closed
short       index lost  closed
retained    index lost  closed
deleting    index lost  closed
"""


def expected() -> dict[tuple[str, str], str]:
    rows = [
        [part.strip() for part in line.split("  ") if part.strip()] for line in MODEL.strip().splitlines()
    ]
    return {(state, event): after for state, event, after in rows}


@pytest.mark.parametrize(("state", "event"), list(product(ReceptionState, ReceptionEvent)))
def test_each_pair_does_what_the_model_says(state: ReceptionState, event: ReceptionEvent) -> None:
    after = expected().get((state.value, event.value))
    if after is None:
        with pytest.raises(
            InvalidTransition, match=f"a reception that is {state.value} cannot {event.value}"
        ):
            RECEPTION_STATES.next(state, event)
    else:
        assert RECEPTION_STATES.next(state, event).value == after


def test_the_model_names_real_states_and_events() -> None:
    states, events = {state.value for state in ReceptionState}, {event.value for event in ReceptionEvent}
    assert {state for state, _ in expected()} | set(expected().values()) == states
    assert {event for _, event in expected()} == events


def test_each_state_is_in_exactly_one_group() -> None:
    assert sorted(
        state for group in PARTITIONS["where its images are"].values() for state in group
    ) == sorted(ReceptionState)


def test_images_are_deleted_only_of_what_was_concluded_or_is_short() -> None:
    before = {state for (state, event), _ in expected().items() if event == "delete"}
    assert before == {"concluded", "short"}


def test_former_words_are_no_words_of_today() -> None:
    assert not FORMER_WORDS.keys() & {state.value for state in ReceptionState}
