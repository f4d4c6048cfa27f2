"""The page on a study's way names every crash point, and the file that reaches it."""

from pacs_module.shared import crash_points
from tests.support.way_of_a_study import PAGE, meanings, page, where

NAMES = crash_points.PLACES + crash_points.STEPS


def test_every_crash_point_has_its_station_and_its_meaning() -> None:
    assert sorted(meanings()) == sorted(NAMES), (
        "tests/support/way_of_a_study.py: WAY has the words of each crash point"
    )


def test_the_stations_are_in_the_order_of_the_way() -> None:
    passed = [place for place in meanings() if place in crash_points.PLACES]
    assert passed == list(crash_points.PLACES)


def test_every_crash_point_is_reached_in_one_file() -> None:
    files = where()
    assert {name: len(files.get(name, [])) for name in NAMES} == dict.fromkeys(NAMES, 1)


def test_the_page_is_what_the_code_says() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), (
        "docs/way-of-a-study.md is out of date: run `make docs`"
    )
