"""What the demo prints at its end can be read and copied, whatever the width of the terminal."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from demo.report import print_addresses, print_table
from demo.verdict import Row

ROWS = [
    Row(
        label="chest CT, two reconstructions, the thin one late",
        taken="Thorax 1.0 B30f Weichteilfenster (120)",
        filtered="2 x SeriesDescription tells of a localizer\nImageType: DERIVED\\SECONDARY",
        images="120 / 120",
        stages=(5.0, 1.0, 2.0, 8.0),
        outcome="completed",
        fault="",
    ),
    Row("head CT", "-", "BodyPartExamined is HEAD", "-", (None,) * 4, "unsupported_series", ""),
    Row(
        "chest DX",
        "PA (1)",
        "-",
        "1 / 1",
        (1.0,) * 4,
        "completed",
        "backend read 1 images, 0 of the 1 wanted",
    ),
]


@pytest.mark.parametrize("width", [80, 110, 130, 200])
@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_no_word_of_the_table_is_broken(width: int, terminal: bool) -> None:
    file = io.StringIO()
    print_table(ROWS, Console(file=file, width=width, force_terminal=terminal, color_system=None))
    said = file.getvalue()
    words = [
        word
        for row in ROWS
        for text in (row.label, row.taken, row.filtered, row.fault)
        for word in text.split()
    ]
    assert [word for word in [*words, "unsupported_series"] if word not in said] == []


def test_a_uid_in_the_table_is_folded_and_not_cut_off() -> None:
    file, uid = io.StringIO(), "1.2.840.113619.2.55.3.604688119.971.1695255200.467.123456789.1"
    row = Row(uid, "-", "-", "-", (None,) * 4, "not wanted", "")
    print_table([row], Console(file=file, width=110))
    cells = [
        line.split("\u2502")[1].strip() for line in file.getvalue().splitlines() if line.startswith("\u2502")
    ]
    assert "".join(cells) == uid


def test_the_addresses_can_be_copied_from_a_narrow_terminal() -> None:
    file, uid = io.StringIO(), "1.2.840.113619.2.55.3.604688119.971.1695255200.467.123456789.1"
    stack = SimpleNamespace(
        addresses=lambda: {
            "backend": {"url": "http://127.0.0.1:8500"},
            "folders": {"run": "/a/" + "long/" * 20},
        },
        pacs_module=SimpleNamespace(url="http://127.0.0.1:8000"),
        ports=SimpleNamespace(rabbitmq=SimpleNamespace(amqp=5672)),
        run=SimpleNamespace(path=Path("/a")),
    )
    print_addresses(cast(Any, stack), uid, Console(file=file, width=80))
    said = file.getvalue()
    assert f"curl 'http://127.0.0.1:8000/api/v1/dcm/debug?StudyInstanceUID={uid}'" in said
    assert "/a/" + "long/" * 20 in said
