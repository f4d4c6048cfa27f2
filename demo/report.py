"""The table at the end, and the addresses of what is left running."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stack.whole import Stack

from .verdict import STAGES, Row

NARROW = 170


def print_table(rows: Sequence[Row], console: Console) -> None:
    """Print one row a study."""
    table = Table(title="what became of each study", title_justify="left", show_lines=True, expand=True)
    table.add_column("study", ratio=3, overflow="fold")
    table.add_column("series taken (images)", ratio=3, overflow="fold")
    table.add_column("series filtered, and why", ratio=5, overflow="fold")
    table.add_column("ours / PACS", justify="right", no_wrap=True)
    for stage in STAGES:
        table.add_column(f"{stage}\n[s]", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for row in rows:
        stages = ["-" if seconds is None else f"{seconds:.1f}" for seconds in row.stages]
        state = Text(
            row.fault or row.outcome,
            style="bold red" if row.fault else "green" if row.taken != "-" else "dim",
        )
        table.add_row(Text(row.label), Text(row.taken), Text(row.filtered), row.images, *stages, state)
    width = console.width if console.is_terminal else max(console.width, NARROW)
    Console(file=console.file, width=max(width, 110), force_terminal=console.is_terminal).print(table)
    console.print(
        "[dim]seconds: last image of that series in the PACS -> pull asked -> handed over -> accepted by backend; in all[/dim]",
        soft_wrap=True,
    )


def print_addresses(stack: Stack, console: Console) -> None:
    """Say where everything is; keys and passwords stand in run.json."""
    table = Table(title="left running; `make stop` ends it", title_justify="left")
    table.add_column("what")
    table.add_column("where")
    addresses = stack.addresses()
    for name, address in addresses.items():
        if "url" in address and name != "rabbitmq":
            table.add_row(name, str(address["url"]))
    table.add_row("rabbitmq", f"127.0.0.1:{stack.ports.rabbitmq.amqp}")
    table.add_row("debug API", f"curl '{stack.pacs_module.url}/api/v1/dcm/debug?AccessionNumber=...'")
    for name, folder in addresses["folders"].items():
        table.add_row(name, str(folder))
    table.add_row("keys and passwords", str(stack.run.path / "run.json"))
    console.print(table)
