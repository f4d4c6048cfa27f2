"""The chain: whatever is done to an entry is noticed, but for taking identifiers away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pacs_module.domain.audit_trail.entry import Act, Chain, Deed, Head, blanked
from pacs_module.domain.privacy.pseudonym import Pseudonyms

CHAIN = Chain(Pseudonyms(b"k" * 32))
Entries = list[dict[str, Any]]


def trail(number: int = 5) -> Entries:
    entries: Entries = []
    head = Head()
    for one in range(number):
        act = Act(Deed.SAW, f"person {one}", objects={"patient": f"P{one}"})
        entries.append(CHAIN.entry(act, f"2026-11-30T12:00:0{one}.000+00:00", head))
        head = Head(entries[-1]["number"], entries[-1]["hash"])
    return entries


def wrong(entries: Entries, begin: Head | None = None) -> list[str]:
    return CHAIN.verify(entries, begin or Head())[1]


def test_a_trail_that_nobody_touched_is_whole() -> None:
    entries = trail()
    assert wrong(entries) == []
    assert wrong([blanked(one) for one in entries]) == []
    assert wrong(entries[2:], Head(2, entries[1]["hash"])) == []


FORGERIES: dict[str, Callable[[Entries], object]] = {
    "who": lambda entries: entries[2].update(by="nobody"),
    "when": lambda entries: entries[2].update(at="2020-01-01T00:00:00.000+00:00"),
    "whom, in clear": lambda entries: entries[2].update(clear={"patient": "P7"}),
    "whom, hidden": lambda entries: entries[2].update(objects={"patient": "p-7"}),
    "one taken out": lambda entries: entries.pop(2),
    "the first taken out": lambda entries: entries.pop(0),
    "two exchanged": lambda entries: entries.insert(1, entries.pop(3)),
    "one put in twice": lambda entries: entries.insert(2, dict(entries[2])),
    "a line that is no JSON": lambda entries: entries.__setitem__(2, {"number": 3}),
    "with another key": lambda entries: entries.__setitem__(
        2, Chain(Pseudonyms(b"x" * 32)).entry(Act(Deed.SAW), "2026", Head(2, entries[1]["hash"]))
    ),
    "the rest made anew with a hash that was not keyed": lambda entries: entries[2].update(hash="0" * 64),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_whatever_is_changed_is_noticed(forge: Callable[[Entries], object]) -> None:
    entries = trail()
    forge(entries)
    assert wrong(entries)
