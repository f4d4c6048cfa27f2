"""The limits of the offline cache, each with what happens when it is reached."""

from datetime import timedelta

from pacs_module.domain.upload.cache_limits import Cached, CacheLimits, WhenFull, make_room, too_old


def cached(name: str, at: int, files: int = 10, size: int = 100) -> Cached:
    return Cached(name, f"study of {name}", files, size, at)


THERE = [cached("b", 2), cached("a", 1), cached("c", 3)]


def test_there_is_room() -> None:
    assert make_room(CacheLimits(40, 400), THERE, 10, 100).taken
    assert not make_room(CacheLimits(40, 400), THERE, 10, 100).why


def test_full_by_files_or_bytes_takes_nothing_in_and_says_why() -> None:
    by_files = make_room(CacheLimits(39, 400), THERE, 10, 100)
    by_size = make_room(CacheLimits(40, 399), THERE, 10, 100)
    assert (by_files.taken, by_files.why, by_files.drop) == (False, "the cache is full: 39 files", ())
    assert (by_size.taken, by_size.why, by_size.drop) == (False, "the cache is full: 399 bytes", ())


def test_where_the_site_says_so_the_oldest_go_and_no_more_than_needed() -> None:
    limits = CacheLimits(39, 400, when_full=WhenFull.DROP_OLDEST)
    room = make_room(limits, THERE, 10, 100)
    assert room.taken
    assert [one.handover_id for one in room.drop] == ["a"]
    assert [one.handover_id for one in make_room(limits, THERE, 25, 250).drop] == ["a", "b"]


def test_what_is_larger_than_the_whole_cache_drops_nothing() -> None:
    room = make_room(CacheLimits(39, 400, when_full=WhenFull.DROP_OLDEST), THERE, 40, 100)
    assert not room.taken
    assert room.drop == ()


def test_age() -> None:
    assert too_old(CacheLimits(1, 1), THERE, 10**9) == []
    limits = CacheLimits(1, 1, age=timedelta(milliseconds=5))
    assert [one.handover_id for one in too_old(limits, THERE, 8)] == ["a", "b"]
