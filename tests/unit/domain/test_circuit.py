"""When nobody delivers, and who tries first (no clock, no threads)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.circuit import (
    ALL_MAY_TRY,
    CIRCUIT_STATES,
    CLOSED,
    HALF_OPEN,
    NOBODY_MAY_TRY,
    ONE_MAY_TRY,
    OPEN,
    Circuit,
    CircuitEvent,
    CircuitPolicy,
    CircuitState,
)
from pacs_module.domain.errors import InvalidTransition

POLICY = CircuitPolicy(failures=3)


def test_failures_in_a_row_open_it_and_a_success_in_between_starts_anew() -> None:
    circuit = (
        Circuit().failed("500", 0, POLICY).failed("500", 0, POLICY).succeeded(0).failed("500", 0, POLICY)
    )
    assert (circuit.state, circuit.failures) == (CLOSED, 1)
    circuit = circuit.failed("500", 1, POLICY).failed("502", 2, POLICY)
    assert (circuit.state, circuit.since, circuit.retry_at, circuit.why) == (OPEN, 2, 5_002, "502")


def test_nobody_there_opens_it_at_once() -> None:
    assert Circuit().failed("refused", 0, POLICY, down=True).state == OPEN


def test_each_probe_that_fails_doubles_the_pause_to_a_limit() -> None:
    circuit, pauses, now = Circuit(), [], 0
    for _ in range(6):
        circuit = circuit.failed("refused", now, POLICY, down=True)
        pauses.append((circuit.retry_at - now) / 1000)
        now = circuit.retry_at
        circuit = circuit.probing(now)
        assert circuit.state == HALF_OPEN
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_one_that_a_clock_opened_which_was_ahead_is_probed_at_once() -> None:
    circuit = Circuit().failed("refused", 3_600_000, POLICY, down=True)
    assert [circuit.may_probe(now) for now in (0, 3_600_000, 3_604_999, 3_605_000)] == [
        True,
        False,
        False,
        True,
    ]


def test_late_failures_of_others_do_not_prolong_it() -> None:
    circuit = Circuit().failed("refused", 0, POLICY, down=True)
    assert circuit.failed("refused", 4_000, POLICY, down=True).retry_at == circuit.retry_at


def test_what_the_backend_asks_for_counts_to_a_limit() -> None:
    asked = [
        Circuit().failed("503", 0, POLICY, down=True, wait=timedelta(seconds=s)).retry_at
        for s in (1, 30, 9_999)
    ]
    assert asked == [5_000, 30_000, 60_000]


@given(st.lists(st.sampled_from(["fails", "down", "succeeds", "later"]), max_size=60))
def test_it_never_stays_open_beyond_its_longest_pause(steps: list[str]) -> None:
    circuit, now = Circuit(), 0
    for step in steps:
        if step == "later":
            now += 1_000
        elif step == "succeeds":
            circuit = circuit.succeeded(now)
        else:
            circuit = circuit.failed("x", now, POLICY, down=step == "down")
        assert circuit.state != OPEN or circuit.retry_at <= now + 60_000
        assert circuit.state in (OPEN, CLOSED)
        assert circuit.state == OPEN or circuit.failures < POLICY.failures


# --- the table ---


def expected_state(state: str, event: str) -> str | None:
    """The table in the words of the module's first page; None: cannot happen."""
    if event == "succeeded":
        return "closed"  # whoever comes through shows that the other side is there
    if state == "closed":
        return {"failed": "closed", "tripped": "open"}.get(event)
    if state == "open":
        return {"failed": "open", "probed": "half-open"}.get(event)
    return {"tripped": "open", "unprobed": "open"}.get(event)


@pytest.mark.parametrize("state", CircuitState)
@pytest.mark.parametrize("event", CircuitEvent)
def test_each_pair_is_as_the_model_says_or_an_error(state: CircuitState, event: CircuitEvent) -> None:
    expected = expected_state(state.value, event.value)
    if expected is None:
        with pytest.raises(InvalidTransition, match=r"circuit that is .* cannot be"):
            CIRCUIT_STATES.next(state, event)
    else:
        assert CIRCUIT_STATES.next(state, event).value == expected


def test_each_state_says_for_itself_who_may_try() -> None:
    groups = [ALL_MAY_TRY, ONE_MAY_TRY, NOBODY_MAY_TRY]
    assert sorted(state for group in groups for state in group) == sorted(CircuitState)


def test_a_probe_that_was_not_made_leaves_the_door_to_the_next_one() -> None:
    circuit = Circuit().failed("refused", 0, POLICY, down=True).probing(5_000).unprobed(6_000)
    assert circuit.may_probe(6_000)


def test_nobody_probes_a_closed_one() -> None:
    with pytest.raises(InvalidTransition):
        Circuit().probing(0)
