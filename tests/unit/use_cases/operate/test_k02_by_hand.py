"""What a person asks for by hand is one value, and only what proves to be it is taken (K2)."""

from __future__ import annotations

import pytest

from pacs_module.domain.errors import MessageError
from tests.fakes.pipeline import THIN, UID, Pipeline, answer, series_answer
from tests.fakes.world import FakePacs
from tests.unit.use_cases.operate.test_look_up_at_pacs import look_up


@pytest.mark.parametrize("value", ['""', ' "" ', "Ａ＊", "？", "A＼B", "A\\", "*", "A1*", "?1", '""\0'])
@pytest.mark.parametrize("name", ["AccessionNumber", "PatientID"])
def test_what_would_ask_for_many_is_refused(world: Pipeline, name: str, value: str) -> None:
    """Two quotes ask for all that has no value (PS3.4 C.2.2.2.7)."""
    world.pacs.studies["A"] = [answer(AccessionNumber="", PatientID="")]
    with pytest.raises(MessageError):
        world.manual({name: value}, "x")
    with pytest.raises(MessageError):
        look_up(world.pacs)({name: value})
    assert world.plugins.asked == []


@pytest.mark.parametrize(
    "uid", ["../..", "chest", "1..2", ".1", "1.2.", "1." * 40, "1.2;DROP", "1,2", "１.２"]
)
@pytest.mark.parametrize("name", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_a_uid_that_is_none_is_refused(world: Pipeline, name: str, uid: str) -> None:
    with pytest.raises(MessageError, match=name):
        world.manual({name: uid}, "x")
    assert world.pacs.asked == []


@pytest.mark.parametrize("uid", [f" {UID} ", f"{UID}\0", f"{UID}\n"])
def test_padding_of_a_uid_is_none_of_it(world: Pipeline, uid: str) -> None:
    world.pacs.studies["A"] = [answer()]
    assert [one["studyUID"] for one in world.manual({"StudyInstanceUID": uid}, "x")["studies"]] == [UID]


class IgnoresSeries(FakePacs):
    """Answers a question for one series with all that it has, and does not say which they are."""

    tells = False

    def find(self, pacs, level, query, return_keys=()):  # type: ignore[no-untyped-def]
        if level != "SERIES":
            return super().find(pacs, level, query, return_keys)
        told = [dict(one) for one in self.series[pacs]]
        return [{**one, "SeriesInstanceUID": one["SeriesInstanceUID"] if self.tells else ""} for one in told]


@pytest.mark.parametrize("tells", [False, True])
def test_a_series_that_nobody_names_is_not_looked_up_in_another_study(tells: bool) -> None:
    pacs = IgnoresSeries("A", "B")
    pacs.tells = tells
    pacs.studies["A"] = [answer()]
    pacs.series["A"] = [series_answer(THIN, 80)]
    assert look_up(pacs)({"SeriesInstanceUID": "1.9.9.9"})["A"]["studies"] == []
    world = Pipeline()
    world.finder.finder = pacs
    assert world.manual({"SeriesInstanceUID": "1.9.9.9"}, "x")["studies"] == []


@pytest.mark.parametrize("turn", [False, True])
def test_a_series_of_two_studies_is_neither_of_them(turn: bool) -> None:
    pacs = FakePacs("A", "B")
    pacs.studies["A"] = [answer(), answer("1.2.9")]
    rows = [series_answer(THIN, 80), series_answer(THIN, 80, study="1.2.9")]
    pacs.series["A"] = rows[::-1] if turn else rows
    assert look_up(pacs)({"SeriesInstanceUID": THIN})["A"]["studies"] == []
    world = Pipeline()
    world.finder.finder = pacs
    assert world.manual({"SeriesInstanceUID": THIN}, "x")["studies"] == []
    assert world.plugins.asked == []


def test_a_series_in_two_rows_of_one_study_is_of_that_study() -> None:
    pacs = FakePacs("A", "B")
    pacs.studies["A"] = [answer()]
    pacs.series["A"] = [series_answer(THIN, 80), series_answer(THIN, 2)]
    assert [one["studyUID"] for one in look_up(pacs)({"SeriesInstanceUID": THIN})["A"]["studies"]] == [UID]
