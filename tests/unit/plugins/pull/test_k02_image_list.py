"""What a PACS answers to the plugins' own questions of a pull is matched, too (K2)."""

from __future__ import annotations

from typing import Any

import pytest

from aipull.pull.c_move import CMoves
from aipull.pull.missing_images import Lacking
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.json_messages.pull_failure import FailureKind
from tests.unit.plugins.pull.test_c_move import ScriptedRest

UNABLE = RetriableError("C-MOVE SCU has failed with DIMSE status 0xC001")


class Answering(ScriptedRest):
    """Gives the same rows to any question."""

    def __init__(self, *rows: dict[str, str]) -> None:
        super().__init__()
        self.rows = rows

    def get(self, path: str) -> Any:
        return [{tag: {"Value": value} for tag, value in row.items()} for row in self.rows]


def image(uid: str, series: str = "1.2.1", study: str = "1.2") -> dict[str, str]:
    return {"0008,0018": uid, "0020,000e": series, "0020,000d": study}


def moved(*rows: dict[str, str]) -> list[dict[str, str]]:
    request = PullRequest("p1", "1.2", "PACS", repair="IMAGE")
    (move,) = CMoves(Answering(*rows), "AIPULL").plan(request, Lacking({"1.2.1": frozenset({"1.7"})}, True))
    return [dict(one) for one in move.resources]


def test_only_images_of_the_series_are_pulled_again() -> None:
    resources = moved(
        image("1.7"), image("1.8"), image("1.9", series="1.2.2"), image("1.10", study="1.3"),
        image("*"), image("../.."), image(""), image("1.8"), image("1.11\0", "1.2.1 "),
    )  # fmt: skip
    assert [one["SOPInstanceUID"] for one in resources] == ["1.8", "1.11"]


def test_a_list_of_other_series_alone_lets_the_series_come_whole() -> None:
    assert moved(image("1.9", series="1.2.2")) == [{"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.1"}]


def test_rows_that_do_not_name_their_series_are_believed() -> None:
    assert [one["SOPInstanceUID"] for one in moved({"0008,0018": "1.8"})] == ["1.8"]


class Overloaded(Answering):
    """Ends every question with Success and nothing, but for one study."""

    has = ""

    def get(self, path: str) -> Any:
        asked = self.queries[int(path.split("/")[2])][0]["Query"]["StudyInstanceUID"]
        return [{"0020,000d": {"Value": asked}}] if asked == self.has else []


@pytest.mark.parametrize(
    ("before", "has", "kind"),
    [
        ("1.9", "", FailureKind.UNABLE_TO_PROCESS),
        ("1.9", "1.9", FailureKind.NOT_THERE),
        ("", "", FailureKind.NOT_THERE),
    ],
)
def test_a_pacs_that_answers_nothing_at_all_has_not_said_that_the_study_is_missing(
    before: str, has: str, kind: FailureKind
) -> None:
    """K4: a study is not charged for a PACS that is overloaded."""
    rest = Overloaded()
    rest.has, rest.fails["move"] = has, UNABLE
    request = PullRequest("p1", "1.2", "PACS")
    moves = CMoves(rest, "AIPULL", lambda pacs, study: before)
    (failure,) = moves.carry_out(request, moves.plan(request)).failures
    assert failure.kind is kind


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ((), FailureKind.NOT_THERE),
        (({"0020,000d": "1.3"}, {"0020,000d": "1.4"}), FailureKind.NOT_THERE),
        (({"0020,000d": "1.3"}, {"0020,000d": "1.2 "}), FailureKind.UNABLE_TO_PROCESS),
        (({"0010,0020": "P1"},), FailureKind.UNABLE_TO_PROCESS),
    ],
)
def test_a_pacs_that_answers_with_other_studies_does_not_have_this_one(
    rows: tuple[dict[str, str], ...], kind: FailureKind
) -> None:
    rest = Answering(*rows)
    rest.fails["move"] = UNABLE
    request = PullRequest("p1", "1.2", "PACS")
    moves = CMoves(rest, "AIPULL")
    (failure,) = moves.carry_out(request, moves.plan(request)).failures
    assert failure.kind is kind
