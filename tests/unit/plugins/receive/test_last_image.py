"""A look comes when the image that a study waits for may have come, not at the next beat."""

from __future__ import annotations

from aipull.receive.last_image import LastImage
from tests.fakes.reception_desk import Desk


def test_the_image_that_makes_the_number_full_hurries_once() -> None:
    images = LastImage()
    assert not images.lacks(3, images.count())
    assert [images.came() for _ in range(5)] == [False, False, True, False, False]


def test_images_that_came_while_it_was_looked_count() -> None:
    images = LastImage()
    before = images.count()
    images.came()
    images.came()
    assert images.lacks(2, before)
    before = images.count()
    images.came()
    assert not images.lacks(3, before)
    assert [images.came(), images.came()] == [False, True]


def test_what_comes_of_another_series_hurries_nobody_twice() -> None:
    images = LastImage()
    images.lacks(1, images.count())
    assert images.came()
    assert not images.lacks(1, images.count()), "the same number lacks: it was of something else"
    assert not images.came()


def test_an_unknown_number_hurries_nobody() -> None:
    images = LastImage()
    assert not images.lacks(0, images.count())
    assert not images.came()


def test_the_last_of_the_announced_images_wakes_the_reception_at_once(desk: Desk) -> None:
    desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 3)
    desk.step(0.1)
    hurried = desk.worker._thread._hurried
    for number, at_once in ((4, False), (5, True)):
        desk.store.add("1.2", "1.2.1", 1, first=number)
        desk.worker.arrived("an image")
        assert hurried.is_set() is at_once


def test_while_two_studies_are_open_nobody_is_hurried(desk: Desk) -> None:
    """An image is not known to be of the one or the other before it is looked at."""
    for study in ("1.2", "1.3"):
        desk.ask(study, expected=3)
        desk.store.add(study, f"{study}.1", 2)
    desk.step(0.1)
    desk.worker.arrived("an image")
    assert not desk.worker._thread._hurried.is_set()
