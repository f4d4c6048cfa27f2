"""The table at the end, and the addresses of what is left running."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stack.whole import Stack

from .verdict import STAGES, Row

NOT_A_TERMINAL = 170
"""Columns of a log file or a pipe, which know none."""
LEAST = 110
"""A narrower terminal wraps the lines itself."""
LONGEST_WORD = 30
"""Longer ones (UIDs) are folded."""


def print_table(rows: Sequence[Row], console: Console) -> None:
    """Print one row a study; lines end at blanks."""
    width = console.width if console.is_terminal else max(console.width, NOT_A_TERMINAL)
    Console(file=console.file, width=max(width, LEAST), force_terminal=console.is_terminal).print(
        _table(rows)
    )
    console.print(
        "[dim]seconds from the last image of that series in the PACS: to pull = until the pull was asked, "
        "to receive = until handed over, to backend = until accepted there[/dim]",
        soft_wrap=True,
    )


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="what became of each study", title_justify="left", show_lines=True)
    states = [_state(row) for row in rows]
    series = [_series(row) for row in rows]
    # No ratios: with them rich takes no heed of the least widths.
    table.add_column("study", overflow="fold", min_width=_longest_word(row.label for row in rows))
    table.add_column("series", overflow="fold", min_width=_longest_word(series))
    table.add_column("ours /\nPACS", justify="right", no_wrap=True)
    table.add_column("seconds", no_wrap=True)
    table.add_column("state", overflow="fold", min_width=_longest_word(one.plain for one in states))
    for row, its_series, state in zip(rows, series, states, strict=True):
        table.add_row(Text(row.label), Text(its_series), row.images, _seconds(row), state)
    return table


def _series(row: Row) -> str:
    """What was taken, and below it what was not and why."""
    taken = [f"taken: {line}" for line in row.taken.splitlines()] if row.taken != "-" else []
    filtered = [f"not: {line}" for line in row.filtered.splitlines()] if row.filtered != "-" else []
    return "\n".join([*taken, *filtered]) or "-"


def _seconds(row: Row) -> str:
    if row.stages[0] is None:
        return "-"
    named = zip(STAGES, row.stages, strict=True)
    return "\n".join(f"{name:10} {seconds:6.1f}" for name, seconds in named)


def _state(row: Row) -> Text:
    style = "bold red" if row.fault else "green" if row.taken != "-" else "dim"
    return Text(row.fault or row.outcome, style=style)


def _longest_word(texts: Iterable[str]) -> int:
    return min(LONGEST_WORD, max((len(word) for text in texts for word in text.split()), default=1))


def print_addresses(stack: Stack, study_uid: str, console: Console) -> None:
    """
    Say where everything is; keys and passwords stand in run.json.

    Each on a line of its own that is never broken, so that it can be copied.

    Args:
        stack: What was left running.
        study_uid: A study that it knows, for the example of a question.
        console: Where to.
    """
    addresses = stack.addresses()
    debug = f"{stack.pacs_module.url}/api/v1/dcm/debug?StudyInstanceUID={study_uid}"
    where = {name: str(one["url"]) for name, one in addresses.items() if "url" in one and name != "rabbitmq"}
    where["rabbitmq"] = f"127.0.0.1:{stack.ports.rabbitmq.amqp}"
    where |= {name: str(folder) for name, folder in addresses["folders"].items()}
    where["keys and passwords"] = str(stack.run.path / "run.json")
    where["one study's story"] = f"curl '{debug}'"
    where["the page for people"] = f"{stack.pacs_module.url}/"
    console.print("left running; `make stop` ends it:")
    for name, address in where.items():
        console.print(f"  {name:20} {address}", soft_wrap=True, markup=False)
