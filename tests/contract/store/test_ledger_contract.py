"""What the ledger of reports and quality records beside every study store does, whichever it is."""

from dataclasses import replace

import pytest

from pacs_module.adapters.report_exchange.ledger import ledger_of
from pacs_module.domain.report_exchange.entry import (
    Content,
    Entry,
    EntryKind,
    EntryState,
    Taken,
    accepted,
    refused,
    take,
)
from pacs_module.ports import Ledger
from tests.contract.store.store_cases import StoreCase

NOW = 1_780_000_000_000
REPORT, QUALITY = EntryKind.REPORT, EntryKind.QUALITY


@pytest.fixture
def ledger(case: StoreCase) -> Ledger:
    return ledger_of(case.store)


def entry(
    key: str, day: str = "2026-11-01", now: int = NOW, kind: EntryKind = REPORT, **body: object
) -> Entry:
    how, made = take(None, Content(kind, key, day, {"serial": key, **body}), now)
    assert how is Taken.NEW
    assert made is not None
    return made


def kept(ledger: Ledger, key: str, kind: EntryKind = REPORT) -> Entry:
    found = ledger.get(kind, key)
    assert found is not None
    return found


def test_what_was_put_is_read_back(ledger: Ledger) -> None:
    made = entry("R-1", findings='肺结节 "x"', nested={"1.2": ["a", None, 3]}, empty={})
    assert ledger.get(REPORT, "R-1") is None
    assert ledger.put(made)
    assert ledger.get(REPORT, "R-1") == replace(made, revision=1)


def test_kinds_do_not_meet(ledger: Ledger) -> None:
    ledger.put(entry("7"))
    assert ledger.get(QUALITY, "7") is None
    assert ledger.put(entry("7", kind=QUALITY))
    assert ledger.counts(REPORT) == ledger.counts(QUALITY) == {EntryState.WAITING: 1}


def test_an_entry_that_somebody_wrote_in_between_is_not_overwritten(ledger: Ledger) -> None:
    ledger.put(entry("R-1"))
    first, second = kept(ledger, "R-1"), kept(ledger, "R-1")
    assert not ledger.put(entry("R-1", other="insert"))
    assert ledger.put(replace(first, reason="first"))
    assert not ledger.put(replace(second, reason="second"))
    assert kept(ledger, "R-1").reason == "first"
    assert kept(ledger, "R-1").revision == 2


def test_due_ones_come_longest_due_first_and_not_those_that_were_sent(ledger: Ledger) -> None:
    for number, key in enumerate(("c", "a", "b", "later")):
        ledger.put(entry(key, now=NOW + 1000 * number))
    ledger.put(entry("sent"))
    ledger.put(accepted(kept(ledger, "sent"), NOW))
    assert [one.key for one in ledger.due(REPORT, NOW + 2000, 10)] == ["c", "a", "b"]
    assert [one.key for one in ledger.due(REPORT, NOW + 2000, 2)] == ["c", "a"]
    assert ledger.due(QUALITY, NOW + 2000, 10) == []


def test_days_are_read_in_order_also_more_than_are_read_at_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs_module.adapters.report_exchange.ledger._AT_ONCE", 3)
    for number in range(10):
        ledger.put(entry(f"R-{number}", f"2026-11-0{number % 3 + 1}"))
    found = [(one.day, one.key) for one in ledger.between(REPORT, "2026-11-01", "2026-11-02")]
    assert found == sorted(found)
    assert len(set(found)) == 7


def test_states_are_counted_and_listed_newest_day_first(ledger: Ledger) -> None:
    for day in ("2026-11-01", "2026-11-03", "2026-11-02"):
        ledger.put(entry(day, day))
        ledger.put(refused(kept(ledger, day), "no such patient"))
    ledger.put(entry("waits"))
    assert ledger.counts(REPORT) == {EntryState.REFUSED: 3, EntryState.WAITING: 1}
    assert [one.key for one in ledger.in_state(REPORT, EntryState.REFUSED, 2)] == ["2026-11-03", "2026-11-02"]


def test_only_what_was_sent_is_purged(ledger: Ledger) -> None:
    for key in ("sent", "waits"):
        ledger.put(entry(key, "2026-01-01"))
    ledger.put(entry("new", "2026-11-01"))
    ledger.put(accepted(kept(ledger, "sent"), NOW))
    ledger.put(accepted(kept(ledger, "new"), NOW))
    assert ledger.purge(REPORT, "2026-11-01") == 1
    assert ledger.purge(REPORT, "2026-11-01") == 0
    assert ledger.get(REPORT, "sent") is None
    assert kept(ledger, "waits").state is EntryState.WAITING
    assert kept(ledger, "new").state is EntryState.SENT


def test_a_damaged_text_is_kept_readable(ledger: Ledger) -> None:
    assert ledger.put(entry("R-\ud800", findings="\ud800"))
    assert kept(ledger, "R-\ud800").state is EntryState.WAITING


def test_bodies_of_days_are_read_without_their_entries(ledger: Ledger) -> None:
    for key, day in (("a", "2026-11-01"), ("b", "2026-11-02"), ("c", "2026-11-03")):
        ledger.put(entry(key, day, nested={"1.2": ["肺", 3]}))
    ledger.put(entry("q", "2026-11-02", kind=QUALITY))
    found = ledger.bodies(REPORT, "2026-11-02", "2026-11-03")
    assert sorted(str(one["serial"]) for one in found) == ["b", "c"]
    assert found[0]["nested"] == {"1.2": ["肺", 3]}
    assert ledger.bodies(REPORT, "2026-12-01", "2026-12-02") == []
