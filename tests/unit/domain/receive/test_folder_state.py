"""The states of a hand-over's folder against a model written by hand."""

from __future__ import annotations

from itertools import product

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.receive.folder_state import FOLDER_STATES, PARTITIONS, FolderEvent, FolderState

MODEL = {("given", "release"): "released", ("given", "lose"): "lost"}


@pytest.mark.parametrize(("state", "event"), list(product(FolderState, FolderEvent)))
def test_each_pair_does_what_the_model_says(state: FolderState, event: FolderEvent) -> None:
    after = MODEL.get((state.value, event.value))
    if after is None:
        with pytest.raises(
            InvalidTransition, match=f"a hand-over that is {state.value} cannot {event.value}"
        ):
            FOLDER_STATES.next(state, event)
    else:
        assert FOLDER_STATES.next(state, event).value == after


def test_each_state_is_in_exactly_one_group() -> None:
    assert sorted(
        state for group in PARTITIONS["are its files needed"].values() for state in group
    ) == sorted(FolderState)
