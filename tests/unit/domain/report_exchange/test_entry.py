"""What a content is beside what is known under its key."""

from dataclasses import replace

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.report_exchange.entry import (
    MAX_FORMER,
    Content,
    Entry,
    EntryKind,
    EntryState,
    Taken,
    accepted,
    put_off,
    refused,
    take,
    wanted_again,
)
from pacs_module.domain.retry import RetryPolicy

NOW = 1_780_000_000_000


def content(text: str = "a", version: int = 0) -> Content:
    return Content(EntryKind.REPORT, "R-1", "2026-11-30", {"serial": "R-1", "findings": text}, version, "api")


def kept(*contents: Content) -> Entry:
    entry: Entry | None = None
    for number, one in enumerate(contents):
        _, made = take(entry, one, NOW + number)
        entry = replace(made, revision=number + 1) if made is not None else entry
    assert entry is not None
    return entry


def test_a_new_one_waits_at_once() -> None:
    entry = kept(content())
    assert (entry.state, entry.version, entry.due, entry.former) == (EntryState.WAITING, 1, NOW, ())


def test_the_same_again_changes_nothing_whatever_the_order_of_its_keys() -> None:
    same = replace(content(), body=dict(reversed(content().body.items())))
    assert take(kept(content()), same, NOW) == (Taken.KNOWN, None)


@pytest.mark.parametrize(
    ("first", "second", "how", "version"),
    [
        (content("a"), content("b"), Taken.CHANGED, 2),
        (content("a", 3), content("b", 4), Taken.CHANGED, 4),
        (content("a", 3), content("a", 4), Taken.CHANGED, 4),
        (content("a", 3), content("b"), Taken.CHANGED, 4),
        (content("a", 3), content("b", 2), Taken.OLDER, 3),
        (content("a", 3), content("a", 2), Taken.OLDER, 3),
        (content("a", 3), content("b", 3), Taken.CONFLICT, 3),
        (content("a", 3), content("a", 3), Taken.KNOWN, 3),
    ],
)
def test_versions(first: Content, second: Content, how: Taken, version: int) -> None:
    known = kept(first)
    found, entry = take(known, second, NOW)
    assert found is how
    assert (entry or known).version == version


def test_what_was_sent_is_sent_again_when_it_changes_and_remembers_what_it_was() -> None:
    sent = accepted(kept(content("a")), NOW)
    assert (sent.state, sent.due) == (EntryState.SENT, None)
    _, changed = take(sent, content("b"), NOW + 5)
    assert changed is not None
    assert (changed.state, changed.due, changed.version) == (EntryState.WAITING, NOW + 5, 2)
    assert [(one.version, one.digest) for one in changed.former] == [(1, content("a").digest)]


def test_former_versions_are_bounded() -> None:
    entry = kept(*(content(str(number)) for number in range(MAX_FORMER + 20)))
    assert entry.version == MAX_FORMER + 20
    assert len(entry.former) == MAX_FORMER


def test_a_refused_one_waits_for_a_person_or_another_content() -> None:
    no = refused(kept(content()), "no such patient")
    assert (no.state, no.due, no.reason) == (EntryState.REFUSED, None, "no such patient")
    assert wanted_again(no, "by Li: mended", NOW).state is EntryState.WAITING
    with pytest.raises(InvalidTransition):
        accepted(no, NOW)


def test_pauses_grow_and_never_end() -> None:
    policy, entry = RetryPolicy(2**31), kept(content())
    pauses = []
    for _ in range(20):
        entry = put_off(entry, "away", policy, NOW)
        assert entry.due is not None
        pauses.append(entry.due - NOW)
    assert pauses == sorted(pauses)
    assert pauses[-1] == round(policy.longest.total_seconds() * 1000)
    assert entry.state is EntryState.WAITING
