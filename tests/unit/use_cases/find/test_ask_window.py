"""A capped day at a PACS that fails now and then: all parts come. What splits how is tested in test_windows.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.find.windows import Window
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.matched_finder import MatchedFinder
from tests.fakes.world import FakeLog

DAY = date(2020, 6, 18)
STUDIES: list[Attributes] = [
    {"StudyInstanceUID": f"1.2.{n}", "StudyTime": f"{n // 60:02d}{n % 60:02d}00", "ModalitiesInStudy": "CT"}
    for n in range(0, 1440, 6)
]  # fmt: skip


class Pacs:
    """Stops at 100 answers, honours StudyTime, and does not answer the n-th queries."""

    def __init__(self, silent: Sequence[int] = ()) -> None:
        self.silent, self.asked = silent, 0

    def find(self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()) -> list[Attributes]:
        self.asked += 1
        if self.asked in self.silent:
            raise RetriableError("association refused")
        since, _, until = query.get("StudyTime", "000000-235959").partition("-")
        return [study for study in STUDIES if since <= study["StudyTime"] <= until][:100]


@pytest.mark.parametrize("silent", [(), range(3, 100, 3), range(2, 100, 4)])
def test_a_capped_day_is_found_whole_though_queries_fail_now_and_then(silent: Sequence[int]) -> None:
    pacs, log = Pacs(silent), FakeLog()
    answers = AskWindow(MatchedFinder(pacs, log), log, ("CT",))("A", Window(DAY), ())
    assert answers.complete
    assert {study.study_uid for study in answers.studies} == {study["StudyInstanceUID"] for study in STUDIES}
    assert answers.queries == pacs.asked
    repeated = [what for what, _ in log.events].count("a part is asked once more")
    assert repeated == sum(number <= pacs.asked for number in silent)


def test_the_first_query_is_not_repeated() -> None:
    pacs = Pacs([1])
    with pytest.raises(RetriableError):
        AskWindow(MatchedFinder(pacs, FakeLog()), FakeLog(), ("CT",))("A", Window(DAY), ())
    assert pacs.asked == 1


def test_a_part_that_fails_twice_ends_the_round() -> None:
    pacs = Pacs([3, 4])
    with pytest.raises(RetriableError):
        AskWindow(MatchedFinder(pacs, FakeLog()), FakeLog(), ("CT",))("A", Window(DAY), ())
    assert pacs.asked == 4
