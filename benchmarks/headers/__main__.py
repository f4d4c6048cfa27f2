"""Print the table of docs/field-guide.md: the switches as shipped, and variants of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pacs_module.domain.rules.switches import Switches

from .measure import LINES, measure, read_headers, read_studies

app = typer.Typer(add_completion=False)
SHIPPED = Switches()
BEFORE = Switches(
    keywords_further=(),
    keywords_whole_words=(),
    keywords_against=(),
    no_keywords=(),
    protocol_keywords=(),
    descriptions_unwanted=(),
    window_keywords=(),
    other_body_parts=(),
    empty_body_parts=(),
    overrule_body_part_by=(),
    choice_order=("thickness", "instances", "kernel"),
)
"""The switches that give the rules as they were before these headers were looked at."""
VARIANTS: dict[str, Switches] = {
    "as before": BEFORE,
    "as shipped": SHIPPED,
    "BodyPartExamined never overruled": replace(SHIPPED, overrule_body_part_by=()),
    "by StudyDescription, too": replace(
        SHIPPED, overrule_body_part_by=("SeriesDescription", "StudyDescription")
    ),
    "FILTER_OTHER_BODY_PARTS": replace(SHIPPED, filter_other_body_parts=True),
}


@app.command()
def main(
    examples: Annotated[int, typer.Option(help="Print so many headers of each kind of mistake.")] = 0,
) -> None:
    """Run the rules over the public headers."""
    headers, studies = read_headers(), read_studies()
    console = Console(width=230)
    results = {name: measure(switches, headers, studies) for name, switches in VARIANTS.items()}
    table = Table("", *results)
    for words, value in LINES:
        table.add_row(words, *(value(result) for result in results.values()))
    console.print(table)
    for name, result in results.items() if examples else ():
        for kind, found in result.examples.items():
            console.print(f"\n{name}: {kind}", style="bold")
            for row, count in found.most_common(examples):
                console.print(f"{count:6} {' | '.join(row)}", markup=False, highlight=False)


if __name__ == "__main__":
    app()
