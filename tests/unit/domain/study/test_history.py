"""Each entry of a study's history has a kind for programs; what people read is read back by nobody."""

from __future__ import annotations

import pytest

from pacs_module.domain.study.history import NO_ROOM, HistoryEntry, Note
from pacs_module.domain.study.lifecycle import Event, State
from pacs_module.domain.study.study import Study, read_study


@pytest.mark.parametrize("what", [*Event, *Note], ids=lambda what: what.name)
def test_each_event_and_note_has_one_kind(what: Event | Note) -> None:
    entry = HistoryEntry("", what.value, "words")
    assert entry.kind == what.name.lower()
    assert entry.tells(what)
    assert [one for one in (*Event, *Note) if entry.tells(one)] == [what]


def test_kinds_and_words_are_used_once() -> None:
    everything = [*Event, *Note]
    assert (
        len({what.name for what in everything}) == len({what.value for what in everything}) == len(everything)
    )


def test_an_entry_of_an_earlier_version_gets_the_kind_of_its_words() -> None:
    old = {
        "at": "2020-06-18",
        "event": "pull asked",
        "why": "STUDY from A",
        "fromState": "meta_only",
        "toState": "pull_data",
    }
    study = read_study({"studyUID": "1", "history": [old, {**old, "event": "words of another version"}]})
    assert [entry.kind for entry in study.history] == ["pull_asked", ""]
    assert read_study(study.to_document()).history == study.history


def test_a_change_of_state_may_have_a_closer_kind() -> None:
    study = Study("1", state=State.PULL_DATA)
    study.apply(Event.PULL_AGAIN, "no room on the RAM disk: 3 MB", 0, kind=NO_ROOM)
    study.note(Note.STABLE, "words", 1)
    assert [(entry.event, entry.kind) for entry in study.history] == [
        ("pull to be repeated", "no_room"),
        ("stable", "stable"),
    ]
    assert not study.history[0].tells(Event.PULL_AGAIN)
    assert [(entry.from_state, entry.to_state) for entry in study.history] == [
        ("pull_data", "meta_only"),
        ("meta_only",) * 2,
    ]


@pytest.mark.parametrize("state", [None, State.META_ONLY])
def test_a_note_changes_no_state(state: State | None) -> None:
    study = Study("1", state=state)
    study.note(Note.DELIVERED, "words", 5, by="WORKER-1")
    (entry,) = study.history
    assert (study.state, entry.from_state, entry.to_state, entry.by) == (
        state,
        state or "",
        state or "",
        "WORKER-1",
    )
