"""What we wrote ourselves and read back: whatever became of it meanwhile is one error (K8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pacs_module.domain.errors import Unreadable
from pacs_module.domain.json_messages.kept_json import kept_document, kept_object
from pacs_module.domain.reconcile.report import Report, report
from pacs_module.domain.reconcile.report_line import Cause, PacsList, ReportLine
from tests.fakes.world import DAY

DAMAGED = {
    "empty": b"",
    "cut": b'{"firstDay": "2026-11-20", "lines": [{"study',
    "zeros, as after a power cut": b"\0" * 4096,
    "no UTF-8": b'{"firstDay": "\xe9"}',
    "nested": b"[" * 100_000,
    "two of them": b"{}{}",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "a text": b'"x"',
}


@pytest.mark.parametrize("raw", DAMAGED.values(), ids=DAMAGED)
def test_whatever_is_no_object_is_one_error(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        kept_object(raw)
    with pytest.raises(Unreadable):
        kept_document(Report, raw)


def whole() -> dict[str, Any]:
    line = ReportLine("1.2", "2026-11-20", "", "", "", "", ("CT",), ("A",), Cause.FAILED, "why")
    return report([DAY], "now", [PacsList("A", DAY)], (line,)).to_document()


def test_what_was_written_is_read() -> None:
    read = kept_document(Report, json.dumps(whole()))
    assert (read.lines[0].cause, read.to_document()) == (Cause.FAILED, whole())


@pytest.mark.parametrize("value", [None, 5, True, "x", [5], [None], {"a": 1}, [{"cause": "moved"}]])
@pytest.mark.parametrize("key", ["firstDay", "answered", "lines", "repaired"])
def test_a_value_of_another_type_is_damage(key: str, value: object) -> None:
    usual = {"firstDay": "x", "repaired": {}}
    if type(value) is type(usual.get(key)) and key == "firstDay":
        return
    with pytest.raises(Unreadable):
        kept_document(Report, json.dumps({**whole(), key: value}))


@pytest.mark.parametrize(
    ("key", "value"), [("modality", None), ("notes", None), ("counts", {"asked": "3"}), ("pacs", 5)]
)
def test_so_is_one_further_down(key: str, value: object) -> None:
    document = whole()
    document["lines"][0][key] = value
    with pytest.raises(Unreadable, match="Report"):
        kept_document(Report, json.dumps(document))


@pytest.mark.parametrize("key", ["firstDay", "madeAt", "lines", "answered"])
def test_a_missing_key_is_damage(key: str) -> None:
    document = whole()
    del document[key]
    with pytest.raises(Unreadable):
        kept_document(Report, json.dumps(document))
