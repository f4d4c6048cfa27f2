"""
The tables of states in docs/operations.md, made from the code: ``make docs`` writes them, a test holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pacs_module.domain.study import lifecycle, message_state

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BEGIN = "<!-- life cycle: made by `make docs` -->"
END = "<!-- end of the life cycle -->"
MESSAGE_BEGIN = "<!-- states of a hand-over: made by `make docs` -->"
MESSAGE_END = "<!-- end of the states of a hand-over -->"
S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def table(
    rows: Mapping[S, Mapping[E, S]],
    events: Iterable[E],
    partitions: Mapping[str, Mapping[str, tuple[S, ...]]],
) -> str:
    """Each event with the states that can take it, by the state that follows; then the groups."""
    lines = ["| event | from state | to state |", "|---|---|---|"]
    for event in events:
        follows: dict[S, list[S]] = {}
        for before, row in rows.items():
            if event in row:
                follows.setdefault(row[event], []).append(before)
        for place, (after, before_states) in enumerate(follows.items()):
            lines.append(
                f"| {event.value if place == 0 else ''} | {_names(before_states)} | {_name(after)} |"
            )
    lines += ["", "| groups | | states |", "|---|---|---|"]
    for partition, groups in partitions.items():
        for place, (group, states) in enumerate(groups.items()):
            lines.append(f"| {partition if place == 0 else ''} | {group} | {_names(states)} |")
    return "\n".join(lines)


def _names(states: Iterable[StrEnum]) -> str:
    return ", ".join(_name(state) for state in states)


def _name(state: StrEnum) -> str:
    return f"`{state.value}`" if state else "*none*"


def page() -> str:
    """The whole page: what stands there, with the tables made anew."""
    text = PAGE.read_text(encoding="utf-8")
    text = _between(text, BEGIN, END, table(lifecycle.TABLE, lifecycle.Event, lifecycle.PARTITIONS))
    messages = table(message_state.TABLE, message_state.MessageEvent, message_state.PARTITIONS)
    return _between(text, MESSAGE_BEGIN, MESSAGE_END, messages)


def _between(text: str, begin: str, end: str, made: str) -> str:
    if begin not in text or end not in text:
        raise ValueError(f"{PAGE} lacks the lines {begin!r} and {end!r}")
    return re.sub(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n\n{made}\n\n{end}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
