"""What happens next with a study, in words (M24)."""

import pytest

from pacs_module.domain.explain.story import next_step, story
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.study import PacsCopy, SeriesRecord, Study


def study(state: State | None, message_state: MessageState | None = None, due: int | None = None) -> Study:
    handovers = [HandOver("h", "1", 1, "/x", {}, "", message_state=message_state)] if message_state else []
    return Study("1.2.3", state=state, handovers=handovers, due={} if due is None else {"pull": due})


@pytest.mark.parametrize("state", [None, *(state for state in State if state)])
@pytest.mark.parametrize("message_state", [None, *MessageState])
@pytest.mark.parametrize("due", [None, 5_000])
def test_there_is_always_something_to_say(
    state: State | None, message_state: MessageState | None, due: int | None
) -> None:
    what, at = next_step(study(state, message_state, due))
    assert what
    assert at in (None, 5_000)


def test_when_it_is_pulled_next() -> None:
    step = story(study(State.META_ONLY, due=5_000), now=2_000)["next"]
    assert step == {
        "what": "pull number 1, priority 0",
        "at": "1970-01-01T00:00:05.000+00:00",
        "inSeconds": 3.0,
        "waitsFor": [],
    }
    assert story(study(State.META_ONLY, due=5_000), now=9_000)["next"]["inSeconds"] == 0


def test_why_each_series_was_dropped() -> None:
    one = study(State.UNSUPPORTED_SERIES)
    one.keep_series(
        [
            SeriesRecord("1.1", False, "modality", "Modality RF", "find"),
            SeriesRecord("1.2", True, "all", "fine", "reception"),
        ]
    )
    assert story(one, 0)["filtered"] == ["1.1 filter because Modality RF"]
    assert story(study(None), 0)["state"] is None


@pytest.mark.parametrize(
    ("due", "spared", "waits_for"),
    [
        (
            5_000,
            {"A": "spared from 07:00 to 19:00: 1 at once"},
            ["A is spared from 07:00 to 19:00: 1 at once"],
        ),
        (
            5_000,
            {"A": "60 pulls an hour: the next in 3 s", "B": ""},
            ["A is spared: 60 pulls an hour: the next in 3 s"],
        ),
        (5_000, {"C": "spared"}, []),  # it is not there
        (9_001, {"A": "spared"}, []),  # not due anyway
        (None, {"A": "spared"}, []),  # still being counted
    ],
)
def test_what_is_due_says_why_its_pacs_is_spared(
    due: int | None, spared: dict[str, str], waits_for: list[str]
) -> None:
    one = study(State.META_ONLY, due=due)
    one.pacs = {"A": PacsCopy(1), "B": PacsCopy(1)}
    assert story(one, 9_000, {}, spared)["next"]["waitsFor"] == waits_for
