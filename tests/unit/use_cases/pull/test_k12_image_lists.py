"""
K12 at IMAGE level, before a pull: where a PACS's list of images is what is expected of a series, a list that
it cut in silence is no number.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import PermanentError, PipelineError, RetriableError
from pacs_module.domain.find.caps import numbers_to_try
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.pull.list_images import list_images
from tests.fakes.pipeline import THIN, UID, Pipeline, series_answer
from tests.fakes.world import FakeLog

SERIES = "1.2.1"


class Lists:
    """A PACS with one series, of which it lists ``cap`` images; ``honours`` InstanceNumber, fails, refuses."""

    def __init__(self, numbers: Sequence[str], cap: int, honours: bool = True, order: str = "first") -> None:
        self.numbers, self.cap, self.honours, self.order = list(numbers), cap, honours, order
        self.error: PipelineError | None = None
        self.asked = 0

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked += 1
        wanted = query.get("InstanceNumber", "")
        if wanted and self.error is not None:
            raise self.error
        images: list[Attributes] = [
            {"SeriesInstanceUID": SERIES, "SOPInstanceUID": f"9.{n}", "InstanceNumber": number}
            for n, number in enumerate(self.numbers)
        ]
        found = [one for one in images if not (wanted and self.honours) or one["InstanceNumber"] == wanted]
        if self.order == "last":
            return found[-self.cap :]
        return (
            random.Random(3).sample(found, len(found))[: self.cap]
            if self.order == "any"
            else found[: self.cap]
        )


def listed(pacs: Lists) -> tuple[str, ...]:
    return list_images(MatchedFinder(pacs, FakeLog()), "A", "1.2", SERIES)


@pytest.mark.parametrize("order", ["first", "last", "any"])
@pytest.mark.parametrize("cap", [1, 7, 50, 100, 137, 299])
@pytest.mark.parametrize("first", [0, 1, 101])
def test_k12_a_list_of_images_that_is_cut_in_silence_is_found_out(first: int, cap: int, order: str) -> None:
    pacs = Lists([str(first + n) for n in range(300)], cap, order=order)
    with pytest.raises(RetriableError, match=f"after {cap}"):
        listed(pacs)


@pytest.mark.parametrize(
    "numbers",
    [
        [str(1 + n) for n in range(100)],
        [str(101 + n) for n in range(100)],
        [str(1 + 2 * n) for n in range(100)],
        ["1"] * 100,
        [""] * 100,
        ["#"] * 3,
        ["-5", "-4"],
        ["99999999999999999999", "1"],
    ],
)
def test_k12_a_list_that_is_whole_is_believed(numbers: list[str]) -> None:
    pacs = Lists(numbers, 1_000)
    assert len(listed(pacs)) == len(numbers)
    assert pacs.asked <= 4


def test_k12_a_pacs_that_ignores_or_refuses_the_number_is_believed_and_one_that_fails_is_not() -> None:
    numbers = [str(1 + n) for n in range(100)]
    ignoring, refusing, failing = (Lists(numbers, 1_000, honours=False), *(Lists(numbers, 1_000),) * 2)
    assert len(listed(ignoring)) == 100
    refusing.error = PermanentError("A900")
    assert len(listed(refusing)) == 100
    failing.error = RetriableError("no answer")
    with pytest.raises(RetriableError):
        listed(failing)


@pytest.mark.parametrize(
    ("told", "numbers"),
    [
        ((), ()),
        (("", "text"), ()),
        (("1", "2", "3"), ("0", "4")),
        (("2", "3"), ("1", "4")),
        (("1", "5"), ("0", "2", "6")),
        (("0", "1"), ("2",)),
        (("03", "+4"), ("2", "5")),
    ],
)
def test_k12_the_numbers_that_are_tried(told: tuple[str, ...], numbers: tuple[str, ...]) -> None:
    assert numbers_to_try(told) == numbers


def test_k12_a_cut_list_is_not_what_a_pull_is_compared_with() -> None:
    world = Pipeline()
    world.traits["A"] = PacsTraits(count_by_image=True)
    world.pacs.series["A"] = [series_answer(THIN, 300)]
    images = [
        {"StudyInstanceUID": UID, "SeriesInstanceUID": THIN, "SOPInstanceUID": f"{THIN}.{n}",
         "InstanceNumber": str(n)}
        for n in range(1, 301)
    ]  # fmt: skip
    world.pacs.images["A"] = images
    find = world.pacs.find

    def cut(
        pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        return find(pacs, level, query, return_keys)[:100]

    world.pacs.find = cut  # type: ignore[method-assign]
    request = world.until_asked()
    assert (request.expected, request.expected_series, request.expected_instances) == (None, {}, {})
