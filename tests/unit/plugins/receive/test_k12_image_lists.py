"""
K12 at IMAGE level: a list of images may end at a silent cap of any number, with any count of the series or
none. What it does not have is asked for by its own UID before an image is said not to be the PACS's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aipull.receive.ask_pacs import AskPacs, Question, spread
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.receive.completeness import Expectations
from pacs_module.domain.receive.image_origin import Image, KnownSenders, PacsWord, Sender
from pacs_module.domain.receive.provenance import Circumstances, Provenance, Rejection, judge_pulled
from pacs_module.shared.logs import ContractLog
from tests.support.waiting import wait_for

OWN, NODE, STRANGER = Sender("PACS"), Sender("NODE2"), Sender("STRANGER")
STUDY, SERIES = "1.2", "1.2.1"


class Pacs:
    """
    Orthanc before a PACS that has images ``9.1000`` and on, and gives ``cap`` of them in a list.

    ``counted``: what it tells of the series; none: nothing. ``by_uid``: what it does when it is asked for one
    image: answers, ignores the key, or fails.
    """

    def __init__(self, has: int, cap: int, counted: str | None, by_uid: str = "answers") -> None:
        self.has, self.cap, self.counted, self.by_uid = has, cap, counted, by_uid
        self.queries: list[dict[str, str]] = []

    def post(self, _path: str, body: Any, _within: float) -> dict[str, str]:
        self.queries.append({"Level": body["Level"], **body["Query"]})
        if self.by_uid == "fails" and body["Query"].get("SOPInstanceUID"):
            raise RetriableError("C-FIND SCU has failed")
        return {"ID": str(len(self.queries) - 1)}

    def get(self, path: str) -> list[dict[str, str]]:
        query = self.queries[int(path.split("/")[2])]
        count = {} if self.counted is None else {"NumberOfSeriesRelatedInstances": self.counted}
        if query["Level"] == "Study":
            return [{"StudyInstanceUID": STUDY, "PatientID": "P1"}]
        if query["Level"] == "Series":
            return [{"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES, **count}]
        wanted = query["SOPInstanceUID"] if self.by_uid != "ignores" else ""
        uids = [f"9.{1000 + n}" for n in range(self.has)]
        found = [uid for uid in uids if wanted in ("", uid)]
        return [{"SeriesInstanceUID": SERIES, "SOPInstanceUID": uid} for uid in found[: self.cap]]


def images(numbers: range, sender: Sender) -> list[Image]:
    return [Image(f"o{n}", f"9.{1000 + n}", SERIES, "P1", sender) for n in numbers]


def word(tmp_path: Path, pacs: Pacs, here: list[Image]) -> PacsWord:
    ask = AskPacs(pacs, lambda *_: None, ContractLog(tmp_path, "plugins"))  # type: ignore[arg-type]
    doubted = frozenset(image.sop_uid for image in here if image.sender != OWN)
    question = Question(STUDY, "PACS", frozenset({SERIES}), doubted={SERIES: doubted})
    wait_for(lambda: ask.word(question), what="the answer")
    told = ask.word(question)
    assert told is not None
    return told


def judged(here: list[Image], told: PacsWord, announced: Expectations | None = None) -> Provenance:
    known = KnownSenders(frozenset({OWN}))
    return judge_pulled(here, known, told, Circumstances(announced or Expectations()))


@pytest.mark.parametrize("counted", ["145", "0", "", None, "65535", "137"])
@pytest.mark.parametrize("cap", [1, 7, 50, 100, 137, 144])
def test_k12_no_image_is_set_aside_for_a_list_that_is_cut(
    tmp_path: Path, cap: int, counted: str | None
) -> None:
    here = [*images(range(20), OWN), *images(range(20, 145), NODE)]
    found = judged(here, word(tmp_path, Pacs(145, cap, counted), here))
    assert (found.total, found.rejected) == (145, ())


@pytest.mark.parametrize("by_uid", ["ignores", "fails"])
def test_k12_a_pacs_that_is_not_to_be_asked_for_one_image(tmp_path: Path, by_uid: str) -> None:
    here = [*images(range(20), OWN), *images(range(20, 145), NODE)]
    for cap, counted in ((100, "145"), (144, "145"), (137, None)):
        found = judged(here, word(tmp_path, Pacs(145, cap, counted, by_uid), here))
        assert (found.total, found.certain, found.rejected) == (145, False, ())
    here = [*images(range(20), OWN), *images(range(700, 720), STRANGER)]
    assert judged(here, word(tmp_path, Pacs(20, 100, "20", by_uid), here)).total == 20


@pytest.mark.parametrize("counted", ["20", "21", "22", "0", None])
def test_k12_an_image_that_the_pacs_does_not_have_is_set_aside(tmp_path: Path, counted: str | None) -> None:
    here = [*images(range(20), OWN), *images(range(700, 720), STRANGER)]
    pacs = Pacs(20, 1_000, counted)
    found = judged(here, word(tmp_path, pacs, here))
    assert (found.total, {one.why for one in found.rejected}) == (20, {Rejection.NOT_AT_PACS})
    assert len([query for query in pacs.queries if query.get("SOPInstanceUID")]) == 5


def test_k12_a_list_that_has_all_that_is_here_costs_nothing(tmp_path: Path) -> None:
    pacs = Pacs(145, 1_000, "145")
    here = images(range(145), NODE)
    assert judged(here, word(tmp_path, pacs, here)).learned == {NODE}
    assert not [query for query in pacs.queries if query.get("SOPInstanceUID")]


@pytest.mark.parametrize(("number", "asked"), [(0, 0), (1, 1), (4, 4), (5, 5), (6, 5), (300, 5)])
def test_k12_the_images_asked_for_are_spread_over_all(number: int, asked: int) -> None:
    uids = {f"9.{1000 + n}" for n in range(number)}
    assert len(set(spread(uids))) == len(spread(uids)) == asked
