"""
What every page costs on a store of many studies: p50, p95 and the longest, over HTTP, as JSON and as HTML.

The studies are those of :mod:`benchmarks.debug_api` (six series with verdicts, two pulls, a hand-over),
spread over the days up to today, in every state; their rows tell ten verdicts each, of other values and
devices. Beside the pages stands a health check of the same server, which is what HTTP alone costs. ``CPU ms``
is what one question takes of a processor, asking included: it stays as it is on a machine that has more to
do.

    python -m benchmarks.pages --studies 100000
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import requests
import typer
from rich.console import Console
from rich.table import Table

from pacs_module.adapters.stores.json_safe import study_to_listing, study_to_text, text_to_study
from pacs_module.adapters.stores.rows.sqlite import write_row
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.explain.listing import JudgedAlike, packed
from pacs_module.domain.study.lifecycle import State

from .debug_api import lived, milliseconds, served, uid_of

A_DAY = 840
STATES = (State.COMPLETED,) * 6 + (State.UNSUPPORTED_SERIES,) * 3 + (None,)
RARE = {1000: State.DEAD_LETTER, 777: State.PULL_FAILED, 500: State.META_ONLY}
WORDS = ("CHEST CT", "THORAX", "LUNG LOW DOSE", "胸部平扫", "ABDOMEN", "HEAD")

DEVICES = tuple(f"{maker} / Model {number} / CT-{number}" for number in range(6) for maker in ("GE", "联影"))
PARTS = tuple(f"PART{number}" for number in range(40))
VERDICTS = 10
"""Of each study: one series handed over, two kept back, the others filtered, by three values."""

app = typer.Typer(add_completion=False)


def judged(chance: random.Random, device: str) -> list[list[Any]]:
    """A study's verdicts, counted, with values and devices that differ between studies."""
    part = chance.choice(PARTS)
    return packed(
        [
            JudgedAlike("handed over", "all", "", "", "CT", device, 1),
            JudgedAlike("kept back", "all", "", "", "CT", device, 2),
            JudgedAlike("filtered", "body part", "BodyPartExamined", part, "CT", device, 3),
            JudgedAlike("filtered", "slice thickness", "SliceThickness", "10", "CT", device, 2),
            JudgedAlike("filtered", "image type", "ImageType", "LOCALIZER", "CT", device, VERDICTS - 8),
        ]
    )


def made(studies: int, today: date) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """
    UID, document and listing of each, the newest last; a patient has three studies.

    One study that has lived, with other names, days and states: what a list tells of it is changed alike.
    """
    chance = random.Random(1)  # noqa: S311 - the same store each time
    template = study_to_text(lived(0))
    listing = json.dumps(study_to_listing(text_to_study(template)), ensure_ascii=False)
    for number in range(studies):
        uid, day = uid_of(number), today - timedelta(days=(studies - 1 - number) // A_DAY)
        state = next(
            (state for every, state in RARE.items() if number % every == every - 1), chance.choice(STATES)
        )
        names = {
            "accessionNumber": f"A{number}",
            "patientID": f"P{number // 3}",
            "studyDescription": chance.choice(WORDS),
            "modality": chance.choice([["CT"], ["DX"], ["CT", "PR"]]),
        }
        clock = f"{chance.randrange(24):02}{chance.randrange(60):02}00"
        document = json.loads(template.replace(uid_of(0), uid))
        document |= {
            **names,
            "studyDate": day.isoformat(),
            "studyTime": clock,
            "state": state.value if state else None,
        }
        told = json.loads(listing.replace(uid_of(0), uid))
        told["row"] |= {
            **names,
            "description": names["studyDescription"],
            "day": day.isoformat(),
            "time": clock,
            "device": [chance.choice(DEVICES)],
        }
        told["judged"] = judged(chance, told["row"]["device"][0])
        told["row"]["state"] = state.value if state else ""
        told["row"].pop("studyDescription")
        told["newest"] = f"{day.isoformat()} {clock}"
        told["search"] = f"a{number} p{number // 3} {uid} {names['studyDescription']} completed pacs".lower()
        yield (
            uid,
            json.dumps(
                {key: value for key, value in document.items() if value is not None}, ensure_ascii=False
            ),
            told,
        )


def fill(path: Path, studies: int, today: date) -> None:
    """Write them, with their rows, in one transaction."""
    store = SqliteStore(path)
    connection = store._connection()
    connection.execute("BEGIN")
    for uid, text, listing in made(studies, today):
        connection.execute(
            "INSERT INTO study_info_list (studyUID, revision, document) VALUES (?, 1, ?)", [uid, text]
        )
        write_row(connection, listing)
    connection.execute("COMMIT")
    store.close()


def questions(url: str, studies: int, today: date) -> dict[str, Callable[[], requests.Response]]:
    """By name; where one is asked by a name, each time of another study."""
    chance, session = random.Random(2), requests.Session()  # noqa: S311

    def page(
        path: str, kind: str = "text/html", **params: Callable[[], str]
    ) -> Callable[[], requests.Response]:
        headers = {"Accept": kind}

        def ask() -> requests.Response:
            asked = {key.rstrip("_"): value() for key, value in params.items()}
            return session.get(url + path, params=asked, headers=headers, timeout=60)

        return ask

    def one() -> str:
        return uid_of(chance.randrange(studies))

    week = (today - timedelta(days=6)).isoformat()
    return {
        "health/live (HTTP alone)": page("/health/live"),
        "Today": page("/"),
        "Studies, the newest": page("/studies"),
        "Studies, as JSON": page("/studies", "application/json"),
        "Studies by accession": page("/studies", accession=lambda: f"A{chance.randrange(studies)}"),
        "Studies by patient": page("/studies", patient=lambda: f"P{chance.randrange(studies // 3)}"),
        "Studies by state and span": page("/studies", state=lambda: "completed", from_=lambda: week),
        "Studies by a rare state": page("/studies", state=lambda: "dead_letter"),
        "Studies by modality": page("/studies", modality=lambda: "DX"),
        "Studies by device": page("/studies", device=lambda: chance.choice(DEVICES)),
        "Studies by a device that made none": page("/studies", device=lambda: "none"),
        "Studies by free text, frequent": page("/studies", text=lambda: "chest"),
        "Studies by free text, one": page("/studies", text=lambda: f"a{chance.randrange(studies)}"),
        "Studies by free text, none": page("/studies", text=lambda: "nothing has this"),
        "Studies, a page in the middle": page(
            "/studies", after=lambda: f"{(today - timedelta(days=60)).isoformat()} 120000", after_uid=one
        ),
        "Studies by last change": page("/studies", sort=lambda: "changed"),
        "One study": lambda: session.get(
            f"{url}/studies/{one()}", headers={"Accept": "text/html"}, timeout=60
        ),
        "Filters, one day": page("/filters", from_=today.isoformat),
        "Filters, a week": page("/filters", from_=lambda: week),
        "Filters, a month": page("/filters", from_=lambda: (today - timedelta(days=29)).isoformat()),
        "Reconciliation": page("/reconciliation"),
        "Log": page("/log"),
        "Configuration": page("/configuration"),
        "Audit": page("/audit"),
        "Probe": page("/probe"),
    }


@app.command()
def main(
    studies: Annotated[int, typer.Option(help="Studies in the store.")] = 100_000,
    times: Annotated[int, typer.Option(help="Questions to each page.")] = 40,
    only: Annotated[str, typer.Option(help="Only pages with this in their name.")] = "",
    keep: Annotated[
        Path | None, typer.Option(help="Keep the store here, and use it when it is there.")
    ] = None,
) -> None:
    """Fill a store, ask, print."""
    today = date.today()  # noqa: DTZ011 - whichever day it is here
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = keep or folder / "study.db"
        if not path.exists():
            fill(path, studies, today)
        title = f"{studies} studies, {path.stat().st_size / 1e6:.0f} MB, {times} times each"
        table = Table("page", "p50 ms", "p95 ms", "longest ms", "CPU ms", "kB", title=title)
        for url in served(folder, path):
            asked = {name: ask for name, ask in questions(url, studies, today).items() if only in name}
            for question, ask in asked.items():
                size = len(ask().content) / 1000
                begin = time.process_time()
                took = sorted(milliseconds(ask, times))
                cpu = (time.process_time() - begin) * 1000 / times
                p95 = statistics.quantiles(took, n=20)[-1]
                numbers = (f"{value:.1f}" for value in (statistics.median(took), p95, took[-1], cpu, size))
                table.add_row(question, *numbers)
        Console(width=110).print(table)


if __name__ == "__main__":
    app()
