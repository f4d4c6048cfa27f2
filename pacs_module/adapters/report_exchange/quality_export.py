"""Quality scores as XLSX and as PDF: a table for each way to group them, and in the PDF the plot by month."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TITLES = {
    "image_quality": ("Image quality", "(total - defect points) / total"),
    "report_accuracy": ("Report accuracy", "correct / all"),
    "spot_check": ("Spot checks passed", "passed / checked"),
}
_HEADS = ("group", "records", "total", "good", "rate")
_FONT = "STSong-Light"
"""A font of every PDF reader that has Chinese and Latin characters."""
_MAX_ROWS = 200
"""Of a table in the PDF; the XLSX has all."""


def as_xlsx(groupings: Sequence[Mapping[str, Any]]) -> bytes:
    """
    A workbook with a sheet a grouping.

    Args:
        groupings: ``{"from", "to", "by", "scores": {kind: [{"group", "records", "whole", "good", "rate"}]}}``
        each.
    """
    import xlsxwriter  # it takes a while, and only this needs it

    held = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(held, options) as book:
        bold, percent = book.add_format({"bold": True}), book.add_format({"num_format": "0.0 %"})
        for grouping in groupings:
            _fill(book.add_worksheet(f"by {grouping['by']}"), grouping, bold, percent)
    return held.getvalue()


def _fill(sheet: Any, grouping: Mapping[str, Any], bold: Any, percent: Any) -> None:
    """A row a group, its rate as a percentage."""
    sheet.write_row(0, 0, ("kind", *_HEADS), bold)
    for number, (kind, row) in enumerate(_rows(grouping), 1):
        sheet.write_row(number, 0, (kind, *_cells(row)))
        sheet.write_number(number, len(_HEADS), row["rate"], percent)
    sheet.freeze_panes(1, 0)
    sheet.autofit(300)


def as_pdf(groupings: Sequence[Mapping[str, Any]]) -> bytes:
    """The same as a document of A4 pages."""
    from reportlab.lib.pagesizes import A4  # it takes a while, and only this needs it
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    pdfmetrics.registerFont(UnicodeCIDFont(_FONT))
    styles = getSampleStyleSheet()
    first = groupings[0]
    story: list[Any] = [Paragraph(f"Quality data, {first['from']} to {first['to']}", styles["Title"])]
    for kind, (title, meaning) in TITLES.items():
        story.append(Paragraph(f"{title}: {meaning}", styles["Heading2"]))
        story += _of_kind(groupings, kind, styles["Normal"])
    held = io.BytesIO()
    SimpleDocTemplate(held, pagesize=A4, title="Quality data").build(story)
    return held.getvalue()


def _of_kind(groupings: Sequence[Mapping[str, Any]], kind: str, style: Any) -> Iterator[Any]:
    """The months as bars, and a table a grouping."""
    from reportlab.platypus import Paragraph, Spacer

    first = groupings[0]
    if first["by"] == "month":
        yield from _plot(first["scores"][kind])
    for grouping in groupings:
        rows = grouping["scores"][kind]
        yield from (Spacer(0, 6), _table(grouping["by"], rows[:_MAX_ROWS]))
        if len(rows) > _MAX_ROWS:
            yield Paragraph(f"{len(rows) - _MAX_ROWS} more: the XLSX has all.", style)


def _rows(grouping: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind, (title, _) in TITLES.items():
        for row in grouping["scores"][kind]:
            yield title, row


def _cells(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["group"] or "-", row["records"], row["whole"], row["good"]


def _table(by: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import Table, TableStyle

    shown = [(*map(_shown, _cells(row)), f"{100 * row['rate']:.1f} %") for row in rows]
    table = Table([(by, *_HEADS[1:]), *shown], repeatRows=1, hAlign="LEFT")
    style = [
        ("FONTNAME", (0, 0), (-1, -1), _FONT),
        ("FONTSIZE", (0, 0), (-1, -1), 9),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
    ]
    table.setStyle(TableStyle(style))
    return table


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)[:60]


def _plot(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The rate by month as bars; nothing for nothing."""
    if not rows:
        return []
    from reportlab.graphics.charts.barcharts import VerticalBarChart
    from reportlab.graphics.shapes import Drawing

    drawing, chart = Drawing(450, 130), VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 40, 30, 400, 90
    chart.data = [[100 * row["rate"] for row in rows]]
    chart.categoryAxis.categoryNames = [row["group"][2:] for row in rows]
    chart.categoryAxis.labels.fontSize = 7
    chart.valueAxis.valueMin, chart.valueAxis.valueMax = 0, 100
    chart.valueAxis.labelTextFormat = "%d %%"
    drawing.add(chart)
    return [drawing]
