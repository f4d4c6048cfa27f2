"""The states of a pull against a model written by hand from what each state means."""

from __future__ import annotations

from itertools import product

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.pull.job_state import JOB_STATES, PARTITIONS, JobEvent, JobState

MODEL = {
    ("new", "submit"): "submitted",
    ("new", "end"): "ended",
    ("new", "restart"): "new",
    ("submitted", "end"): "ended",
    ("submitted", "restart"): "new",
    ("ended", "restart"): "new",
}


@pytest.mark.parametrize(("state", "event"), list(product(JobState, JobEvent)))
def test_each_pair_does_what_the_model_says(state: JobState, event: JobEvent) -> None:
    after = MODEL.get((state.value, event.value))
    if after is None:
        with pytest.raises(InvalidTransition, match=f"a pull that is {state.value} cannot {event.value}"):
            JOB_STATES.next(state, event)
    else:
        assert JOB_STATES.next(state, event).value == after


def test_each_state_is_in_exactly_one_group() -> None:
    assert sorted(
        state for group in PARTITIONS["may images still come"].values() for state in group
    ) == sorted(JobState)
