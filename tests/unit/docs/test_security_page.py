"""Each threat of docs/security.md names a test, and each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[str]:
    """The rows of the table below a heading, without its head."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in part.splitlines() if line.startswith("|")][2:]


def test_each_row_names_its_test_but_the_one_whose_link_is_another_rows() -> None:
    for heading in ("Threats by link", "Privacy", "Refused and audited"):
        assert len(rows(heading)) > 5
        without = [row for row in rows(heading) if not re.search(r"`test_\w+\.py`", row)]
        assert without == [], heading


def test_each_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", PAGE))
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 30
    assert named - there == set()
