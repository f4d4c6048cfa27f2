"""Several receiving Orthancs as one: who is asked what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from pacs_module.adapters.http.images import OrthancImages
from pacs_module.adapters.http.plugins import OrthancPuller
from pacs_module.adapters.http.receivers import ImagesOfReceivers, Receivers
from pacs_module.domain.errors import RetriableError, Unreachable
from pacs_module.service.finders import FinderOfReceivers
from tests.fakes.world import FakePlugins


class Plugins(FakePlugins):
    """What it keeps of patients."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight: dict[str, str] = {}
        self.forgotten: list[str] = []

    def forget(self, study_uids: Sequence[str], words: Sequence[str], dry_run: bool) -> Mapping[str, Any]:
        self._heard()
        if not dry_run and not self.in_flight:
            self.forgotten.extend(study_uids)
        return {"inFlight": dict(self.in_flight), "journalRows": 3}

    def remove_old(self, now: int, days: int, log_days: int) -> Mapping[str, int]:
        self._heard()
        return {"rows": 2}


class Two:
    def __init__(self) -> None:
        self.a, self.b = Plugins(), Plugins()
        self.both = Receivers({"a": cast(OrthancPuller, self.a), "b": cast(OrthancPuller, self.b)})


@pytest.fixture
def two() -> Two:
    return Two()


def test_a_folder_is_let_go_where_it_is_and_everywhere_when_nobody_says_where(two: Two) -> None:
    two.both.release("1", "b")
    two.both.release("2", "")
    assert (two.a.released, two.b.released) == (["2"], ["1", "2"])


def test_lines_go_to_the_first_one_that_answers(two: Two) -> None:
    two.a.deaf = Unreachable("refused")
    two.both.write_verdicts(["line"])
    assert two.b.verdicts == ["line"]
    two.b.deaf = Unreachable("refused")
    with pytest.raises(Unreachable):
        two.both.write_verdicts(["line"])


def test_a_patient_is_forgotten_at_each_or_at_none(two: Two) -> None:
    assert two.both.forget(["1.2"], [], dry_run=False) == {"inFlight": {}, "journalRows": 6}
    assert (two.a.forgotten, two.b.forgotten) == (["1.2"], ["1.2"])
    two.b.in_flight = {"1.3": "a pull runs"}
    assert two.both.forget(["1.3"], [], dry_run=False)["inFlight"] == {"1.3": "a pull runs"}
    assert two.a.forgotten == ["1.2"]


def test_nothing_is_forgotten_while_one_does_not_answer(two: Two) -> None:
    two.b.deaf = Unreachable("refused")
    with pytest.raises(Unreachable):
        two.both.forget(["1.2"], [], dry_run=False)
    assert two.a.forgotten == []


def test_each_does_what_can_be_done_before_one_that_is_away_is_told(two: Two) -> None:
    assert two.both.remove_old(0, 1, 1) == {"rows": 4}
    two.a.deaf = Unreachable("refused")
    with pytest.raises(Unreachable):
        two.both.set_log_level("DEBUG", 60)
    assert two.b.level.told()["level"] == "DEBUG"


class Images:
    def __init__(self, found: Any) -> None:
        self.found = found

    def preview(self, series_uid: str) -> bytes | None:
        if isinstance(self.found, Exception):
            raise self.found
        return cast("bytes | None", self.found)


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [(None, b"png", b"png"), (Unreachable(""), b"png", b"png"), (None, None, None)],
)
def test_a_picture_is_shown_from_wherever_it_is(first: Any, second: Any, found: bytes | None) -> None:
    both = ImagesOfReceivers([cast(OrthancImages, Images(one)) for one in (first, second)])
    assert both.preview("1.2.1") == found


def test_one_that_does_not_answer_may_have_it() -> None:
    both = ImagesOfReceivers([cast(OrthancImages, Images(one)) for one in (Unreachable(""), None)])
    with pytest.raises(Unreachable):
        both.preview("1.2.1")


class Finder:
    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, 0

    def find(self, *_: Any) -> list[dict[str, str]]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return [{"StudyInstanceUID": self.answer}]


def asked(first: Any, second: Any, *away: str) -> tuple[Any, int, int]:
    a, b = Finder(first), Finder(second)
    both = FinderOfReceivers(cast("Any", {"a": a, "b": b}), lambda name: name in away)
    try:
        answer: Any = both.find("PACS", "STUDY", {})[0]["StudyInstanceUID"]
    except RetriableError as error:
        answer = type(error)
    return answer, a.asked, b.asked


def test_a_pacs_is_asked_through_the_first_orthanc_that_is_there() -> None:
    assert asked("1", "2") == ("1", 1, 0)
    assert asked(Unreachable("refused"), "2") == ("2", 1, 1)
    assert asked("1", "2", "a") == ("2", 0, 1)
    assert asked(Unreachable(""), Unreachable("")) == (Unreachable, 1, 1)


def test_one_that_fell_silent_while_it_asked_is_not_held_against_the_pacs() -> None:
    away: set[str] = set()

    class Paused(Finder):
        def find(self, *_: Any) -> list[dict[str, str]]:
            away.add("a")  # the watch of its RAM disk has noticed meanwhile
            return super().find()

    a, b = Paused(RetriableError("timed out")), Finder("2")
    both = FinderOfReceivers(cast("Any", {"a": a, "b": b}), away.__contains__)
    assert both.find("PACS", "STUDY", {}) == [{"StudyInstanceUID": "2"}]
    assert (a.asked, b.asked) == (1, 1)


def test_what_a_pacs_says_through_one_orthanc_is_not_asked_again() -> None:
    assert asked(RetriableError("the PACS does not answer"), "2") == (RetriableError, 1, 0)
