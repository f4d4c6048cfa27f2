"""
A contract line as the demo shows it: with the study's name, whether the line names the study or a series.
"""

from __future__ import annotations

import pytest

from demo.live import from_log

NAMES = {"1.2.3": "chest CT", "1.2.3.1": "chest CT"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "completeness check failed: series 1.2.3.1 in pacs is 40,  we have 12",
            "chest CT: series has 12 of 40 images",
        ),
        (
            "completeness check failed: study 1.2.3 in pacs is 1,  we have 0",
            "chest CT: study has 0 of 1 image",
        ),
        (
            "completeness check failed: series 9.9 in pacs is 40,  we have 12",
            "9.9: series has 12 of 40 images",
        ),
    ],
)
def test_a_short_series_is_told_with_its_studys_name(line: str, words: str) -> None:
    assert from_log(line, lambda uid: NAMES.get(uid, uid)) == ("short", words)
