"""The life cycle's table (M20)."""

from pathlib import Path

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.explain.story import REST
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import ENDED, PARTITIONS, STUDY_STATES, TABLE, Event, State
from pacs_module.domain.study.study import MOST_HISTORY, Study

ROOT = Path(__file__).resolve().parents[4]
PAIRS = [(state, event) for state in State for event in Event]

WAITING = "meta_only pull_data"
MACHINE = "pull_data_end unsupported_series completed pull_failed dead_letter"
CLOSED = "cancelled done_by_hand"
SAME = "stays"

# Written by hand from docs/operator-contract.md sections 1 and 6, docs/requirements.md (M1, M11, M14, M20,
# M22, M27, M33) and the table of states in docs/operations.md; the code's own table is not read here. What
# happens, to a study in which states, which state follows. A pair that no line names is an error.
MODEL = (
    ("a find brings it, and its modality is wanted", "wanted", "none unpullable", "meta_only"),
    ("a find brings it, and nobody wants it: kept without a state", "not wanted", "none", "none"),
    ("the PACS gives no StudyInstanceUID", "no usable UID", f"none unpullable {CLOSED}", "unpullable"),
    ("a later find gives one: it goes on under its own name", "UID found another way", "unpullable", "none"),
    (
        "FIND_PACS_USE_SERIES drops every series",
        "all series filtered at find",
        "meta_only",
        "unsupported_series",
    ),
    ("and once more", "all series filtered at find", "unsupported_series", "unsupported_series"),
    (
        "case 11: more images at the PACS, pull again",
        "grew at the PACS",
        f"meta_only {MACHINE} {CLOSED}",
        "meta_only",
    ),
    ("more images, and still no UID", "grew at the PACS", "unpullable", "unpullable"),
    (
        "a person asks: no state is an end",
        "asked for by a person",
        f"none meta_only {MACHINE} {CLOSED}",
        "meta_only",
    ),
    ("a person asks while it is pulled: after that pull", "asked for by a person", "pull_data", "pull_data"),
    ("a person asks, and there is no UID to pull by", "asked for by a person", "unpullable", "unpullable"),
    ("a person cancels", "cancelled by a person", f"{WAITING} {MACHINE} {CLOSED} unpullable", "cancelled"),
    (
        "a person marks it as done",
        "marked as done by a person",
        f"{WAITING} {MACHINE} {CLOSED} unpullable",
        "done_by_hand",
    ),
    ("case 15: the order is corrected", "wanted after all by its order", "unsupported_series", "meta_only"),
    (
        "K4: given up before anybody could tell whose fault it was",
        "given up for the fault of the path to its PACS",
        "pull_failed",
        "meta_only",
    ),
    ("a C-MOVE is asked for, or asked for again", "pull asked", WAITING, "pull_data"),
    ("it is to be repeated", "pull to be repeated", WAITING, "meta_only"),
    ("every attempt failed", "pull given up", WAITING, "pull_failed"),
    ("the notification is in, whatever was before", "received", f"none {WAITING} {MACHINE}", "pull_data_end"),
    (
        "statecode 801",
        "all series filtered after reception",
        f"none {WAITING} {MACHINE}",
        "unsupported_series",
    ),
    ("images of a closed study come", "received", CLOSED, SAME),
    ("and are all dropped", "all series filtered after reception", CLOSED, SAME),
    ("notinform, and the result is in", "nothing new, result is in", f"{WAITING} {MACHINE}", "completed"),
    (
        "notinform, and a result is to come",
        "nothing new, result is awaited",
        f"{WAITING} {MACHINE}",
        "pull_data_end",
    ),
    (
        "notinform, and nothing was usable",
        "nothing new, still unsupported",
        f"{WAITING} {MACHINE}",
        "unsupported_series",
    ),
    (
        "notinform, and delivery was given up",
        "nothing new, delivery was given up",
        f"{WAITING} {MACHINE}",
        "dead_letter",
    ),
    (
        "the RAM disk lost the files: pull again",
        "files lost before the result",
        "pull_data_end meta_only",
        "meta_only",
    ),
    ("and a pull runs already", "files lost before the result", "pull_data", "pull_data"),
    (
        "N2: the RAM disk lost them before a destination had them: pull again",
        "files lost before they were uploaded",
        f"meta_only {MACHINE}",
        "meta_only",
    ),
    ("and a pull runs already", "files lost before they were uploaded", "pull_data", "pull_data"),
    (
        "N2: a destination wants the series that are not computed",
        "other series wanted by a destination",
        "pull_data_end unsupported_series completed dead_letter",
        "meta_only",
    ),
    ("the backend has computed it", "result completed", MACHINE, "completed"),
    ("the backend says that no series is usable", "result unsupported_series", MACHINE, "unsupported_series"),
    ("the backend failed: delivered again", "result failed", "pull_data_end", "pull_data_end"),
    ("delivery is given up", "delivery given up", "pull_data_end", "dead_letter"),
    ("a word on an earlier hand-over while it is pulled again", "result completed", WAITING, SAME),
    ("", "result unsupported_series", WAITING, SAME),
    ("", "result failed", WAITING, SAME),
    ("", "delivery given up", WAITING, SAME),
    ("a result of a closed study", "result completed", CLOSED, SAME),
    ("", "result unsupported_series", CLOSED, SAME),
    ("", "result failed", CLOSED, SAME),
)


def modelled() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for words, event, states, after in MODEL:
        for state in states.split():
            assert (state, event) not in found, (
                f"the model says two things of {event!r} in {state!r}: {words}"
            )
            found[state, event] = state if after == SAME else after
    return found


def name_of(state: State) -> str:
    return state.value or "none"


def test_the_table_is_what_the_contract_says() -> None:
    table = {
        (name_of(before), event.value): name_of(after)
        for before, row in TABLE.items()
        for event, after in row.items()
    }
    assert table == modelled()


def test_every_state_is_in_exactly_one_group_of_each_partition() -> None:
    for name, groups in PARTITIONS.items():
        in_groups = [state for states in groups.values() for state in states]
        lacking, twice = set(State) - set(in_groups), len(in_groups) - len(set(in_groups))
        assert not lacking, f"partition {name!r} does not say where these states belong: {lacking}"
        assert not twice, f"partition {name!r} has a state in two groups"


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_rows_and_the_words_that_people_read(state: State) -> None:
    """What else a new state needs: a row here fails and names it."""
    assert TABLE[state], "rows in the table"
    assert state not in ENDED or REST[state], "what happens next, in domain/explain/story.py"
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    row = f"| `{state.value}`" if state else "| *none*"
    assert row in page, "a row in the table of states in docs/operations.md"


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_in_the_table_or_an_error_that_changes_nothing(state: State, event: Event) -> None:
    study = Study("1.2.3", state=state or None, why="before")
    after = modelled().get((name_of(state), event.value))
    if after is not None:
        study.apply(event, "because", at=0)
        assert name_of(study.state or State.NONE) == after
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
            after = TABLE[state].get(event)
            if after is not None and after not in found:
                found.add(after)
                todo.append(after)
    return found


def test_every_state_can_be_reached() -> None:
    assert reachable(State.NONE, set(Event)) == set(State)


SETTLED = (
    State.PULL_DATA_END,
    State.UNSUPPORTED_SERIES,
    State.COMPLETED,
    State.PULL_FAILED,
    State.DEAD_LETTER,
)


@pytest.mark.parametrize("state", SETTLED)
def test_no_state_is_an_end_growth_leads_back(state: State) -> None:
    assert STUDY_STATES.next(state, Event.GREW) is State.META_ONLY


@pytest.mark.parametrize("state", [State.NONE, State.META_ONLY, *SETTLED])
def test_no_state_is_an_end_a_person_leads_back(state: State) -> None:
    assert STUDY_STATES.next(state, Event.MANUAL) is State.META_ONLY


def test_no_state_is_an_end_while_pulled_and_without_uid() -> None:
    assert STUDY_STATES.next(State.PULL_DATA, Event.MANUAL) is State.PULL_DATA
    assert STUDY_STATES.next(State.PULL_DATA, Event.PULL_AGAIN) is State.META_ONLY
    assert STUDY_STATES.next(State.UNPULLABLE, Event.WANTED) is State.META_ONLY


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNPULLABLE])
def test_from_everywhere_a_study_can_still_be_completed(state: State) -> None:
    assert State.COMPLETED in reachable(state, set(Event))


@pytest.mark.parametrize("state", [State.NONE, State.META_ONLY, State.PULL_DATA, *SETTLED])
def test_images_that_come_are_taken_in_whatever_the_state(state: State) -> None:
    assert STUDY_STATES.next(state, Event.RECEIVED) is State.PULL_DATA_END
    assert STUDY_STATES.next(state, Event.FILTERED_OUT) is State.UNSUPPORTED_SERIES


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
    assert [entry.to_state for entry in study.history] == [
        "meta_only",
        "pull_data",
        "pull_data_end",
        "completed",
        "meta_only",
    ]
    assert study.history[0].from_state == ""
    assert study.history[0].at == "2020-06-12T22:13:20.000+00:00"


def test_the_history_is_bounded() -> None:
    study = Study("1.2.3")
    for number in range(MOST_HISTORY + 5):
        study.note(Note.STABLE, str(number), at=0)
    assert len(study.history) == MOST_HISTORY
    assert study.history[-1].why == str(MOST_HISTORY + 4)
