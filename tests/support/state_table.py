"""The table of the life cycle in docs/operations.md, made from the code: ``make docs`` writes it, a test holds it."""

from __future__ import annotations

import re
from pathlib import Path

from pacs_module.domain.study.lifecycle import PARTITIONS, TABLE, Event, State

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BEGIN = "<!-- life cycle: made by `make docs` -->"
END = "<!-- end of the life cycle -->"


def table() -> str:
    """Each event with the states that can take it, by the state that follows; then the groups."""
    lines = ["| event | from state | to state |", "|---|---|---|"]
    for event in Event:
        follows: dict[State, list[State]] = {}
        for before, row in TABLE.items():
            if event in row:
                follows.setdefault(row[event], []).append(before)
        for place, (after, before_states) in enumerate(follows.items()):
            lines.append(f"| {event.value if place == 0 else ''} | {_names(before_states)} | {_name(after)} |")
    lines += ["", "| groups | | states |", "|---|---|---|"]
    for partition, groups in PARTITIONS.items():
        for place, (group, states) in enumerate(groups.items()):
            lines.append(f"| {partition if place == 0 else ''} | {group} | {_names(states)} |")
    return "\n".join(lines)


def _names(states: list[State] | tuple[State, ...]) -> str:
    return ", ".join(_name(state) for state in states)


def _name(state: State) -> str:
    return f"`{state.value}`" if state else "*none*"


def page() -> str:
    """The whole page: what stands there, with the table made anew."""
    text = PAGE.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{PAGE} lacks the lines {BEGIN!r} and {END!r}")
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n\n{table()}\n\n{END}", text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
