"""
A PACS is asked directly where Orthanc cannot read it. The real Orthanc:
tests/integration/find/test_k02_answers_that_lie.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest

from pacs_module.adapters.dicom import direct_fallback
from pacs_module.adapters.dicom.direct_fallback import DirectFallback
from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import (
    PermanentError,
    PipelineError,
    RetriableError,
    TooManyAnswers,
    UnreadableAnswers,
)
from pacs_module.ports import PacsFinder
from tests.fakes.world import FakeLog

UNREADABLE = UnreadableAnswers("Orthanc cannot read the answers of A: HTTP 400")


class Finder:
    """Answers, or raises."""

    def __init__(self, *answers: Attributes, error: PipelineError | None = None) -> None:
        self.answers, self.error, self.asked = list(answers), error, 0

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.answers


def study(uid: str, text: str) -> Attributes:
    return {"StudyInstanceUID": uid, "StudyDescription": text}


def fallback(orthanc: Finder, direct: Finder | None) -> tuple[DirectFallback, FakeLog]:
    log = FakeLog()
    made: PacsFinder | None = direct
    return DirectFallback(orthanc, lambda: made, log), log


def ask(finder: DirectFallback) -> list[Attributes]:
    return finder.find("A", "STUDY", {"StudyDate": "20200618"}, ("StudyDescription",))


def test_what_orthanc_cannot_read_is_asked_directly_from_then_on() -> None:
    orthanc, direct = Finder(error=UNREADABLE), Finder(study("1.2", "胸部"))
    finder, log = fallback(orthanc, direct)
    assert [ask(finder) for _ in range(3)] == [direct.answers] * 3
    assert (orthanc.asked, direct.asked, log.keys) == (1, 3, ["asked_directly"])


@pytest.mark.parametrize("direct", [None, Finder(error=RetriableError("association refused"))])
def test_where_it_cannot_be_asked_directly_orthancs_word_stands(direct: Finder | None) -> None:
    finder, _ = fallback(Finder(error=UNREADABLE), direct)
    with pytest.raises(UnreadableAnswers):
        ask(finder)


@pytest.mark.parametrize(
    "error", [RetriableError("no answer"), PermanentError("0xA900"), TooManyAnswers(None)]
)
def test_another_error_is_nothing_that_another_finder_mends(error: PipelineError) -> None:
    direct = Finder(study("1.2", "x"))
    finder, _ = fallback(Finder(error=error), direct)
    with pytest.raises(type(error)):
        ask(finder)
    assert direct.asked == 0


def test_a_pacs_that_lets_us_in_no_more_is_asked_through_orthanc_again() -> None:
    orthanc, direct = Finder(error=UNREADABLE), Finder(study("1.2", "胸部"))
    finder, _ = fallback(orthanc, direct)
    ask(finder)
    direct.error = RetriableError("association refused")
    orthanc.error = None
    assert ask(finder) == []
    orthanc.error = UNREADABLE
    with pytest.raises(RetriableError, match="association refused"):
        ask(finder)


def test_a_list_that_is_cut_is_cut_however_it_is_asked_for() -> None:
    finder, log = fallback(Finder(error=UNREADABLE), Finder(error=TooManyAnswers([study("1.2", "x")])))
    for _ in range(2):
        with pytest.raises(TooManyAnswers) as caught:
            ask(finder)
        assert len(caught.value.partial) == 1
    assert log.keys == ["asked_directly"]


@pytest.mark.parametrize("lost", ["", " ", "\x1b$)A胸部", "$)A", "CT $)A", "$)C", "$(D"])
def test_text_that_is_lost_in_orthanc_is_found_out(lost: str) -> None:
    orthanc, direct = (
        Finder(study("1.2", lost), study("1.3", "HEAD")),
        Finder(study("1.3", "HEAD"), study("1.2", "胸部")),
    )
    finder, log = fallback(orthanc, direct)
    assert ask(finder) == direct.answers
    assert log.keys == ["asked_directly"]
    assert ask(finder) == direct.answers
    assert orthanc.asked == 1


@pytest.mark.parametrize("told", ["", "  ", "\x1b$)A胸部"])
def test_what_the_pacs_itself_tells_no_better_is_compared_once_a_day(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orthanc, direct = (
        Finder(study("1.2", "")),
        Finder(study("1.2", told if told.isspace() else ""), study("1.9", "other study")),
    )
    finder, log = fallback(orthanc, direct)
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for _ in range(5):
        assert ask(finder) == orthanc.answers
    assert (direct.asked, log.keys) == (1, [])
    clock[0] += direct_fallback.COMPARE_AGAIN_S
    ask(finder)
    assert direct.asked == 2


def test_text_that_is_there_is_not_compared() -> None:
    direct = Finder()
    told = [study(f"1.4.{place}", text) for place, text in enumerate(("CHEST (B70f)", "US$ 100", "5$ (A)"))]
    finder, _ = fallback(Finder(*told, {"StudyInstanceUID": "1.3"}), direct)
    ask(finder)
    assert direct.asked == 0


def test_a_comparison_that_fails_takes_nothing_away() -> None:
    orthanc = Finder(study("1.2", ""))
    finder, log = fallback(orthanc, Finder(error=RetriableError("association refused")))
    assert ask(finder) == orthanc.answers
    assert log.keys == ["not_asked_directly"]


def failed(kind: type[PipelineError], status: int) -> PipelineError:
    error = kind("find at A failed in Orthanc")
    error.find_status = status
    return error


@pytest.mark.parametrize("error", [failed(RetriableError, 0xC001), failed(PermanentError, 0xA900)])
def test_answers_before_a_failure_are_asked_for_directly(error: PipelineError) -> None:
    """K12: Orthanc throws them away."""
    orthanc, direct = Finder(error=error), Finder(error=TooManyAnswers([study("1.2", "x")], "", 0xC001))
    finder, log = fallback(orthanc, direct)
    for _ in range(2):
        with pytest.raises(TooManyAnswers) as caught:
            ask(finder)
        assert caught.value.number == 1
    assert (orthanc.asked, log.keys) == (1, ["asked_directly"])


@pytest.mark.parametrize("direct", [None, Finder(error=failed(RetriableError, 0xC001))])
def test_a_failure_without_answers_stays_orthancs(direct: Finder | None) -> None:
    error = failed(RetriableError, 0xC000)
    finder, log = fallback(Finder(error=error), direct)
    with pytest.raises(RetriableError) as caught:
        ask(finder)
    assert (caught.value, log.keys) == (error, [])


def test_a_passing_failure_changes_nothing() -> None:
    orthanc, direct = Finder(error=failed(RetriableError, 0xC000)), Finder(study("1.2", "x"))
    finder, log = fallback(orthanc, direct)
    assert [ask(finder) for _ in range(2)] == [direct.answers] * 2
    assert (orthanc.asked, log.keys) == (2, [])
