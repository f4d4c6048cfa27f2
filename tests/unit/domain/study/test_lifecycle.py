"""The life cycle's table (M20)."""

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.study.lifecycle import TABLE, Event, State, next_state
from pacs_module.domain.study.study import MOST_HISTORY, Study

PAIRS = [(state, event) for state in State for event in Event]


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_in_the_table_or_an_error_that_changes_nothing(state: State, event: Event) -> None:
    study = Study("1.2.3", state=state or None, why="before")
    if (state, event) in TABLE:
        assert next_state(state, event) is TABLE[state, event]
        study.apply(event, "because", at=0)
        assert (study.state or State.NONE) is TABLE[state, event]
        assert study.history[-1].why == "because"
    else:
        with pytest.raises(InvalidTransition, match=event.value):
            study.apply(event, "because", at=0)
        assert (study.state or State.NONE, study.why, study.history) == (state, "before", [])


def reachable(start: State, events: set[Event]) -> set[State]:
    found, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for event in events:
            after = TABLE.get((state, event))
            if after is not None and after not in found:
                found.add(after)
                todo.append(after)
    return found


def test_every_state_can_be_reached() -> None:
    assert reachable(State.NONE, set(Event)) == set(State)


SETTLED = (State.PULL_DATA_END, State.UNSUPPORTED_SERIES, State.COMPLETED, State.PULL_FAILED, State.DEAD_LETTER)


@pytest.mark.parametrize("state", SETTLED)
def test_no_state_is_an_end_growth_leads_back(state: State) -> None:
    assert next_state(state, Event.GREW) is State.META_ONLY


@pytest.mark.parametrize("state", [State.NONE, State.META_ONLY, *SETTLED])
def test_no_state_is_an_end_a_person_leads_back(state: State) -> None:
    assert next_state(state, Event.MANUAL) is State.META_ONLY


def test_no_state_is_an_end_while_pulled_and_without_uid() -> None:
    assert next_state(State.PULL_DATA, Event.MANUAL) is State.PULL_DATA
    assert next_state(State.PULL_DATA, Event.PULL_AGAIN) is State.META_ONLY
    assert next_state(State.UNPULLABLE, Event.WANTED) is State.META_ONLY


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNPULLABLE])
def test_from_everywhere_a_study_can_still_be_completed(state: State) -> None:
    assert State.COMPLETED in reachable(state, set(Event))


@pytest.mark.parametrize("state", [State.NONE, State.META_ONLY, State.PULL_DATA, *SETTLED])
def test_images_that_come_are_taken_in_whatever_the_state(state: State) -> None:
    assert next_state(state, Event.RECEIVED) is State.PULL_DATA_END
    assert next_state(state, Event.FILTERED_OUT) is State.UNSUPPORTED_SERIES


def test_the_names_of_the_contract() -> None:
    five = {"meta_only", "pull_data", "pull_data_end", "unsupported_series", "completed"}
    assert five < {state.value for state in State}


def test_the_main_line() -> None:
    study = Study("1.2.3")
    for event, state in (
        (Event.WANTED, "meta_only"),
        (Event.PULL_ASKED, "pull_data"),
        (Event.RECEIVED, "pull_data_end"),
        (Event.RESULT_COMPLETED, "completed"),
        (Event.GREW, "meta_only"),
    ):
        study.apply(event, event.value, at=1_592_000_000_000)
        assert study.state == state
    assert [entry.to_state for entry in study.history] == ["meta_only", "pull_data", "pull_data_end", "completed", "meta_only"]
    assert study.history[0].from_state == ""
    assert study.history[0].at == "2020-06-12T22:13:20.000+00:00"


def test_the_history_is_bounded() -> None:
    study = Study("1.2.3")
    for number in range(MOST_HISTORY + 5):
        study.note("event", str(number), at=0)
    assert len(study.history) == MOST_HISTORY
    assert study.history[-1].why == str(MOST_HISTORY + 4)
