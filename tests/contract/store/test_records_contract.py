"""What the records of judged headers beside every study store do, whichever it is."""

import pytest

from pacs_module.adapters.stores.judged_headers import records_of
from pacs_module.ports import DaySize, HeaderRecords, StoredRecord
from tests.contract.store.store_cases import StoreCase

FIRST = StoredRecord("1.2.3", "2026-11-01", b"\x01first\x00\xff")


@pytest.fixture
def records(case: StoreCase) -> HeaderRecords:
    return records_of(case.store)


def test_what_was_put_is_read_back_byte_for_byte(records: HeaderRecords) -> None:
    assert records.get("1.2.3") is None
    assert records.put(FIRST, None)
    assert records.get("1.2.3") == FIRST


def test_a_record_that_somebody_wrote_in_between_is_not_overwritten(records: HeaderRecords) -> None:
    records.put(FIRST, None)
    other = FIRST._replace(data=b"other")
    assert not records.put(other, None)
    assert not records.put(other, b"an older one")
    assert records.get("1.2.3") == FIRST
    assert records.put(other, FIRST.data)
    assert records.get("1.2.3") == other


def test_a_study_whose_date_was_corrected_moves_to_its_day(records: HeaderRecords) -> None:
    records.put(FIRST, None)
    assert records.put(FIRST._replace(day="2026-11-05"), FIRST.data)
    assert list(records.between("2026-11-01", "2026-11-01")) == []
    assert [one.day for one in records.between("2026-11-05", "2026-11-05")] == ["2026-11-05"]


def test_days_are_read_in_order_both_ends_included(records: HeaderRecords) -> None:
    for number in (3, 1, 2, 4):
        records.put(StoredRecord(f"1.{number}", f"2026-11-0{number}", b"x" * number), None)
    assert [one.study_uid for one in records.between("2026-11-02", "2026-11-03")] == ["1.2", "1.3"]
    assert records.days()[0] == DaySize("2026-11-01", 1, 1)
    assert [one.size for one in records.days()] == [1, 2, 3, 4]


def test_more_than_is_read_at_once(records: HeaderRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pacs_module.adapters.stores.judged_headers._AT_ONCE", 3)
    for number in range(10):
        records.put(StoredRecord(f"1.{number}", f"2026-11-0{number % 2 + 1}", b"x"), None)
    found = [one.study_uid for one in records.between("2026-11-01", "2026-11-02")]
    assert len(found) == len(set(found)) == 10
    assert records.purge("2026-11-02") == 5
    assert records.purge("2026-11-02") == 0
    assert [one.day for one in records.days()] == ["2026-11-02"]
