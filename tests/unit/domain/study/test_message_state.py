"""
Where the message of a hand-over stands, against a model written by hand from the contract and
docs/operations.md.
"""

from __future__ import annotations

from itertools import product

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.message_state import IS_LOADING, PARTITIONS, TABLE, MessageEvent, MessageState

# M18, M21-M23, M31-M33 and the contract's "last isloading": what happens, to a message in which states, which
# state follows.
MODEL = (
    ("anonymisation is on: held until the copy is there", "hold back", "owed", "held"),
    ("the copy is there", "owe", "held", "owed"),
    ("a delivery failed, no result came, or RabbitMQ lost it: again", "owe", "owed queued accepted", "owed"),
    ("RabbitMQ has confirmed it", "publish", "owed", "queued"),
    (
        "2xx, perhaps before the confirmation is written down",
        "be accepted",
        "owed queued accepted",
        "accepted",
    ),
    (
        "a result ends it, a late one too",
        "take a result",
        "held owed queued accepted dead lost cancelled",
        "done",
    ),
    ("refused, or failed to the limit", "be given up", "held owed queued accepted", "dead"),
    ("the RAM disk lost what was to be delivered", "lose its files", "owed queued accepted", "lost"),
    ("a person closes the study", "be cancelled", "held owed queued accepted", "cancelled"),
)


def modelled() -> dict[tuple[str, str], str]:
    return {(state, event): after for _, event, states, after in MODEL for state in states.split()}


def handover(state: MessageState) -> HandOver:
    return HandOver("h", "1.2", 1, "/x", {}, "", message_state=state)


@pytest.mark.parametrize(("state", "event"), list(product(MessageState, MessageEvent)))
def test_each_pair_does_what_the_model_says(state: MessageState, event: MessageEvent) -> None:
    item, after = handover(state), modelled().get((state.value, event.value))
    if after is None:
        with pytest.raises(
            InvalidTransition, match=f"a hand-over that is {state.value} cannot {event.value}"
        ):
            item.take(event)
        assert item.message_state is state
    else:
        item.take(event)
        assert item.message_state.value == after


def test_the_model_names_every_state_and_event() -> None:
    assert {event for _, event in modelled()} == {event.value for event in MessageEvent}
    assert {state for state, _ in modelled()} | set(modelled().values()) == {
        state.value for state in MessageState
    }
    assert set(TABLE) == set(MessageState)


def test_each_state_is_in_exactly_one_group_of_each_partition() -> None:
    for name, groups in PARTITIONS.items():
        found = [state for states in groups.values() for state in states]
        assert sorted(found) == sorted(MessageState), name


@pytest.mark.parametrize(
    ("state", "is_open", "publishable", "is_loading"),
    [
        ("held", True, False, 0),
        ("owed", True, True, 0),
        ("queued", True, True, 0),
        ("accepted", True, True, 1),
        ("done", False, False, 2),
        ("dead", False, False, 3),
        ("lost", False, False, 3),
        ("cancelled", False, False, 3),
    ],
)
def test_what_follows_from_a_state(state: str, is_open: bool, publishable: bool, is_loading: int) -> None:
    item = handover(MessageState(state))
    assert (item.open, item.publishable, IS_LOADING[item.message_state]) == (is_open, publishable, is_loading)
