"""The states of a pull against a model written by hand from what each state means."""

from __future__ import annotations

from itertools import product

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.pull.move_state import MOVE_STATES, PARTITIONS, MoveEvent, MoveState

MODEL = {
    ("new", "submit"): "submitted",
    ("new", "end"): "ended",
    ("new", "restart"): "new",
    ("submitted", "end"): "ended",
    ("submitted", "restart"): "new",
    ("ended", "restart"): "new",
}


@pytest.mark.parametrize(("state", "event"), list(product(MoveState, MoveEvent)))
def test_each_pair_does_what_the_model_says(state: MoveState, event: MoveEvent) -> None:
    after = MODEL.get((state.value, event.value))
    if after is None:
        with pytest.raises(InvalidTransition, match=f"a pull that is {state.value} cannot {event.value}"):
            MOVE_STATES.next(state, event)
    else:
        assert MOVE_STATES.next(state, event).value == after


def test_each_state_is_in_exactly_one_group() -> None:
    assert sorted(
        state for group in PARTITIONS["may images still come"].values() for state in group
    ) == sorted(MoveState)
