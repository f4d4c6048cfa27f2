"""Each alarm is told once when it is raised and once when it is resolved."""

from __future__ import annotations

import json

from pacs_module.domain.alarm.alarm import Alarm, Change, Severity
from pacs_module.domain.alarm.book import MOST_ALARMS, AlarmBook

DISK = Alarm("ram_disk", "full")
STORE = Alarm("away store", "away", Severity.CRITICAL)
HOLD = 120_000
BOTH = ("webhook", "mail")


def tell(book: AlarmBook, now: int, quiet: bool = False) -> tuple[AlarmBook, list[tuple[str, str, str]]]:
    """Every message that is owed is sent."""
    told = []
    for message in book.owed(BOTH, now, HOLD, quiet):
        told.append((message.channel, message.change.value, message.alarm.key))
        book = book.sent(message)
    return book, told


def raised(key: str) -> list[tuple[str, str, str]]:
    return [(channel, "raised", key) for channel in BOTH]


def resolved(key: str) -> list[tuple[str, str, str]]:
    return [(channel, "resolved", key) for channel in BOTH]


def test_once_raised_and_once_resolved_however_often_it_is_looked() -> None:
    book, told = AlarmBook(), []
    for minute in range(10):
        alarms = [DISK] if minute < 5 else []
        book, now_told = tell(book.observe(alarms, minute * 60_000), minute * 60_000)
        told += [(minute, *one) for one in now_told]
    assert told == [(2, *one) for one in raised("ram_disk")] + [(7, *one) for one in resolved("ram_disk")]
    assert book.entries == {}


def test_what_comes_and_goes_within_the_hold_is_told_to_nobody() -> None:
    book = AlarmBook().observe([DISK], 0).observe([], HOLD - 1)
    assert book.entries == {}
    book, _ = tell(AlarmBook().observe([DISK], 0), HOLD)
    flapping = book.observe([], HOLD + 1).observe([DISK], HOLD + 2)
    assert tell(flapping, 10 * HOLD)[1] == []


def test_quiet_hours_keep_all_but_critical_ones_and_tell_what_still_lasts_when_they_are_over() -> None:
    book, told = tell(AlarmBook().observe([DISK, STORE], 0), HOLD, quiet=True)
    assert told == raised("away store")
    book, told = tell(book.observe([DISK], 2 * HOLD), 2 * HOLD)
    assert told == raised("ram_disk")
    book, told = tell(book.observe([], 4 * HOLD), 4 * HOLD, quiet=True)
    assert told == resolved("away store")
    assert tell(book.observe([], 6 * HOLD), 6 * HOLD)[1] == resolved("ram_disk")


def test_a_channel_that_took_nothing_is_owed_it_again_and_the_other_is_not() -> None:
    book = AlarmBook().observe([DISK], 0)
    first, second = book.owed(BOTH, HOLD, HOLD, False)
    book = book.sent(second)
    assert [one.channel for one in book.owed(BOTH, HOLD, HOLD, False)] == [first.channel]
    gone = book.observe([], 2 * HOLD)
    owed = gone.owed(BOTH, 4 * HOLD, HOLD, False)
    assert [(one.channel, one.change) for one in owed] == [(second.channel, Change.RESOLVED)]


def test_words_that_change_are_no_new_alarm() -> None:
    book, _ = tell(AlarmBook().observe([DISK], 0), HOLD)
    book = book.observe([Alarm("ram_disk", "fuller")], 2 * HOLD)
    assert tell(book, 3 * HOLD)[1] == []
    assert [entry.alarm.words for entry in book.lasting()] == ["fuller"]


def test_a_channel_that_was_taken_out_of_the_settings_is_owed_nothing() -> None:
    book, _ = tell(AlarmBook().observe([DISK], 0), HOLD)
    book = book.without_channels(("mail",)).observe([], 2 * HOLD)
    assert [one.channel for one in book.owed(("mail",), 4 * HOLD, HOLD, False)] == ["mail"]
    none = book.without_channels(()).observe([], 3 * HOLD)
    assert none.entries == {}


def test_a_book_is_read_as_it_was_written_down() -> None:
    book, _ = tell(AlarmBook().observe([DISK, STORE], 0), HOLD)
    book = book.observe([Alarm("silent CT. $3", "nothing")], 2 * HOLD)
    assert AlarmBook.read(json.loads(json.dumps(book.document()))) == book
    assert AlarmBook.read({}) == AlarmBook()


def test_a_flood_of_alarms_is_bounded_and_forgets_none_that_was_told() -> None:
    book, _ = tell(AlarmBook().observe([DISK], 0), HOLD)
    many = [Alarm(f"silent {number}", "nothing") for number in range(2 * MOST_ALARMS)]
    book = book.observe([*many, DISK], 2 * HOLD)
    assert len(book.entries) == MOST_ALARMS
    assert "ram_disk" in book.entries
