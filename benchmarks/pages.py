"""
What every page costs on a store of many studies: p50, p95 and the longest, over HTTP, as JSON and as HTML.

The studies are those of :mod:`benchmarks.debug_api` (six series with verdicts, two pulls, a hand-over),
spread over the days up to today, in every state; their rows tell ten verdicts each, of other values and
devices. Today's studies go to two destinations, and there are reports and a year's quality records. Beside
the pages stands a health check of the same server, which is what HTTP alone costs. ``CPU ms`` is what one
question takes of a processor, asking included: it stays as it is on a machine that has more to do.

With ``--mongodb`` the adapter of MongoDB is asked, at SecantusDB, which speaks MongoDB's protocol and is
slower: its times are its own, the CPU is ours.

    python -m benchmarks.pages --studies 100000
    python -m benchmarks.pages --studies 2000 --mongodb
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import requests
import typer
from rich.console import Console
from rich.table import Table

from pacs_module.adapters.report_exchange.ledger import ledger_of
from pacs_module.adapters.stores.by_url import DEFAULT_DATABASE
from pacs_module.adapters.stores.json_safe import encode_keys, study_to_listing, study_to_text, text_to_study
from pacs_module.adapters.stores.mongo import COLLECTION, MongoStore
from pacs_module.adapters.stores.rows.mongo_judged import FIELD as LISTING
from pacs_module.adapters.stores.rows.sqlite import write_row
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.explain.listing import JudgedAlike, packed
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.report_exchange.entry import Entry, EntryKind, EntryState
from pacs_module.domain.report_exchange.quality import read_quality
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import UPLOAD_STUCK, upload_work
from pacs_module.domain.upload.upload import Upload
from pacs_module.domain.upload.upload_state import UploadState
from pacs_module.ports import StudyStore
from pacs_module.web.page_support.site import NAVIGATION
from stack.ports import LOOPBACK, free_ports
from stack.run_folder import RunFolder
from stack.servers.secantusdb import SecantusDb

from .debug_api import TIME_ZONE, lived, milliseconds, served, uid_of

A_DAY = 840
STATES = (State.COMPLETED,) * 6 + (State.UNSUPPORTED_SERIES,) * 3 + (None,)
RARE = {1000: State.DEAD_LETTER, 777: State.PULL_FAILED, 500: State.META_ONLY}
WORDS = ("CHEST CT", "THORAX", "LUNG LOW DOSE", "胸部平扫", "ABDOMEN", "HEAD")

DEVICES = tuple(f"{maker} / Model {number} / CT-{number}" for number in range(6) for maker in ("GE", "联影"))
PARTS = tuple(f"PART{number}" for number in range(40))
AT_ONCE = 500
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


def made(studies: int, today: date) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """
    UID, document and listing of each, the newest last; a patient has three studies.

    One study that has lived, with other names, days and states: what a list tells of it is changed alike.
    """
    chance = random.Random(1)  # noqa: S311 - the same store each time
    template = study_to_text(lived(0))
    listing = json.dumps(study_to_listing(text_to_study(template)), ensure_ascii=False)
    for number in range(studies):
        day = today - timedelta(days=(studies - 1 - number) // A_DAY)
        drawn = _drawn(chance, number, day)
        uid = uid_of(number)
        document = json.loads(template.replace(uid_of(0), uid)) | drawn
        whole = {key: value for key, value in document.items() if value is not None}
        told = json.loads(listing.replace(uid_of(0), uid))
        _fill_listing(told, drawn, chance.choice(DEVICES))
        told["judged"] = judged(chance, told["row"]["device"][0])
        told["search"] = f"a{number} p{number // 3} {uid} {drawn['studyDescription']} completed pacs".lower()
        if day == today:
            whole |= sent(chance, today, whole.get("due", {}))
        yield uid, whole, told


def _drawn(chance: random.Random, number: int, day: date) -> dict[str, Any]:
    """What is different in each study's document; some states are rare."""
    rare = (state for every, state in RARE.items() if number % every == every - 1)
    state = next(rare, chance.choice(STATES))
    return {
        "accessionNumber": f"A{number}",
        "patientID": f"P{number // 3}",
        "studyDescription": chance.choice(WORDS),
        "modality": chance.choice([["CT"], ["DX"], ["CT", "PR"]]),
        "studyDate": day.isoformat(),
        "studyTime": f"{chance.randrange(24):02}{chance.randrange(60):02}00",
        "state": state.value if state else None,
    }


def _fill_listing(told: dict[str, Any], drawn: Mapping[str, Any], device: str) -> None:
    told["row"] |= {
        "accessionNumber": drawn["accessionNumber"],
        "patientID": drawn["patientID"],
        "modality": drawn["modality"],
        "description": drawn["studyDescription"],
        "day": drawn["studyDate"],
        "time": drawn["studyTime"],
        "device": [device],
        "state": drawn["state"] or "",
    }
    told["newest"] = f"{drawn['studyDate']} {drawn['studyTime']}"


def sent(chance: random.Random, today: date, due: dict[str, int]) -> dict[str, Any]:
    """What of a document is about destinations: to two of them, some with trouble."""
    begun = f"{today}T00:00:00.000+00:00"
    uploads = [Upload(name, "h", begun, "all", chance.choice(_STATES), next_at=1) for name in DESTINATIONS]
    due = {**due, **{upload_work(one.destination): 1 for one in uploads if one.open}}
    due |= {UPLOAD_STUCK: 1} if any(one.stuck for one in uploads) else {}
    return {"uploads": to_document(uploads), "due": due}


def fill(store: SqliteStore, studies: int, today: date) -> None:
    """Write them, with their rows, in one transaction."""
    with store.writing() as connection:
        for uid, document, listing in made(studies, today):
            connection.execute(
                "INSERT INTO study_info_list (studyUID, revision, document) VALUES (?, 1, ?)",
                [uid, json.dumps(document, ensure_ascii=False)],
            )
            write_row(connection, listing)


def fill_mongo(store: MongoStore, studies: int, today: date) -> None:
    """The same in MongoDB's documents, some hundred at once."""
    store.identity()  # makes the indexes
    collection = store.beside(COLLECTION)
    found = made(studies, today)
    while some := list(islice(found, AT_ONCE)):
        collection.insert_many(
            [
                {**encode_keys(document), "_id": uid, "revision": 1, LISTING: told}
                for uid, document, told in some
            ]
        )


REPORTS, QUALITY, DESTINATIONS = 20_000, 5_000, ("centre", "archive")
MEASURED_APART = ("/filters", "/dead-letters")
"""Filters by their span; dead letters are read from RabbitMQ, which is not here."""
NOWHERE = f"http://{LOOPBACK}:1/"


_STATES = (UploadState.VERIFIED,) * 8 + (UploadState.QUEUED, UploadState.DEAD)


def add_entries(store: StudyStore, today: date, every: int) -> None:
    """Reports and a year's quality records, all but some of them sent; each ``every``-th of them."""
    chance, ledger = random.Random(3), ledger_of(store)  # noqa: S311
    for number in range(0, REPORTS + QUALITY, every):
        day = (today - timedelta(days=number % 360)).isoformat()
        body = {"serial": f"R{number}", "findings": "no nodule"}
        kind = EntryKind.REPORT
        if number >= REPORTS:
            kind, body = EntryKind.QUALITY, _record(f"Q{number}", day, chance)
        entry = Entry(kind, f"R{number}", day, body, 1, "", f"{day}T08:00:00.000+00:00")
        state = EntryState.REFUSED if number % 500 == 0 else EntryState.SENT
        ledger.put(replace(entry, state=state))


def _record(key: str, day: str, chance: random.Random) -> dict[str, Any]:
    told = {"id": key, "kind": "spot_check", "day": day, "checked": 100, "passed": chance.randrange(80, 101)}
    told |= {"department": chance.choice(["Radiology", "ER"]), "doctor": chance.choice(["Li", "Wang"])}
    return read_quality(told).content("api").body


@dataclass
class _Asker:
    """Asks the pages; where one is asked by a name, each time of another study."""

    url: str
    studies: int
    today: date
    chance: random.Random = field(default_factory=lambda: random.Random(2))  # noqa: S311
    session: requests.Session = field(default_factory=requests.Session)

    def page(
        self, path: str, kind: str = "text/html", **params: Callable[[], str]
    ) -> Callable[[], requests.Response]:
        """A page with these parameters; ``from_`` stands for ``from``."""
        headers = {"Accept": kind}

        def ask() -> requests.Response:
            asked = {key.rstrip("_"): value() for key, value in params.items()}
            return self.session.get(self.url + path, params=asked, headers=headers, timeout=60)

        return ask

    def number(self, studies: int) -> int:
        """Of one of so many studies, drawn."""
        return self.chance.randrange(studies)

    def one(self) -> str:
        """A StudyInstanceUID."""
        return uid_of(self.number(self.studies))

    def back(self, days: int) -> Callable[[], str]:
        """The first of so many days that end today."""
        return (self.today - timedelta(days=days - 1)).isoformat


def questions(url: str, studies: int, today: date) -> dict[str, Callable[[], requests.Response]]:
    """By name; where one is asked by a name, each time of another study."""
    asker = _Asker(url, studies, today)
    page = asker.page
    pages = {
        "health/live (HTTP alone)": page("/health/live"),
        "Today": page("/"),
        **_of_studies(asker),
        **_of_filters(asker),
    }
    for path, name in NAVIGATION:
        if path not in MEASURED_APART:
            pages.setdefault(name, page(path))
            pages[f"{name}, as JSON"] = page(path, "application/json")
    return pages


def _of_studies(asker: _Asker) -> dict[str, Callable[[], requests.Response]]:
    page, studies = asker.page, asker.studies
    middle = f"{(asker.today - timedelta(days=60)).isoformat()} 120000"
    html = {"Accept": "text/html"}
    return {
        "Studies, the newest": page("/studies"),
        "Studies by accession": page("/studies", accession=lambda: f"A{asker.number(studies)}"),
        "Studies by patient": page("/studies", patient=lambda: f"P{asker.number(studies // 3)}"),
        "Studies by state and span": page("/studies", state=lambda: "completed", from_=asker.back(7)),
        "Studies by a rare state": page("/studies", state=lambda: "dead_letter"),
        "Studies by modality": page("/studies", modality=lambda: "DX"),
        "Studies by device": page("/studies", device=lambda: asker.chance.choice(DEVICES)),
        "Studies by a device that made none": page("/studies", device=lambda: "none"),
        "Studies by free text, frequent": page("/studies", text=lambda: "chest"),
        "Studies by free text, one": page("/studies", text=lambda: f"a{asker.number(studies)}"),
        "Studies by free text, none": page("/studies", text=lambda: "nothing has this"),
        "Studies, a page in the middle": page("/studies", after=lambda: middle, after_uid=asker.one),
        "Studies by last change": page("/studies", sort=lambda: "changed"),
        "One study": lambda: asker.session.get(
            f"{asker.url}/studies/{asker.one()}", headers=html, timeout=60
        ),
        "One study, as JSON": lambda: asker.session.get(
            f"{asker.url}/studies/{asker.one()}?format=json", timeout=60
        ),
    }


def _of_filters(asker: _Asker) -> dict[str, Callable[[], requests.Response]]:
    page, back = asker.page, asker.back
    return {
        "Filters, one day": page("/filters", from_=asker.today.isoformat),
        "Filters, a week": page("/filters", from_=back(7)),
        "Filters, a month": page("/filters", from_=back(30)),
        "Filters, a quarter": page("/filters", from_=back(91)),
        "Filters, a quarter, as JSON": page("/filters", "application/json", from_=back(91)),
    }


def _numbers(ask: Callable[[], requests.Response], times: int) -> tuple[float, ...]:
    """Median, p95 and longest answer, CPU of a question (all ms), size of the answer in kB."""
    size = len(ask().content) / 1000
    begin = time.process_time()
    took = sorted(milliseconds(ask, times))
    cpu = (time.process_time() - begin) * 1000 / times
    return statistics.median(took), statistics.quantiles(took, n=20)[-1], took[-1], cpu, size


@app.command()
def main(
    studies: Annotated[int, typer.Option(help="Studies in the store.")] = 100_000,
    times: Annotated[int, typer.Option(help="Questions to each page.")] = 40,
    only: Annotated[str, typer.Option(help="Only pages with this in their name.")] = "",
    keep: Annotated[
        Path | None, typer.Option(help="Keep the store here, and use it when it is there.")
    ] = None,
    mongodb: Annotated[bool, typer.Option("--mongodb", help="At SecantusDB, by MongoDB's adapter.")] = False,
) -> None:
    """Fill a store, ask, print."""
    today = datetime.now(ZoneInfo(TIME_ZONE)).date()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled = in_mongodb(folder, studies, today) if mongodb else in_sqlite(folder, keep, studies, today)
        with filled as store:
            ask_all(folder, store, studies, today, times, only)


@contextmanager
def in_sqlite(folder: Path, keep: Path | None, studies: int, today: date) -> Iterator[str]:
    """A filled file; its URL."""
    path = keep or folder / "study.db"
    if not path.exists():
        with closing(SqliteStore(path)) as store:
            fill(store, studies, today)
            add_entries(store, today, 1)
    yield f"sqlite:///{path}"


@contextmanager
def in_mongodb(folder: Path, studies: int, today: date) -> Iterator[str]:
    """A server with filled collections; the URL of its database. A tenth of the reports: each write waits."""
    with RunFolder(folder / "mongodb") as run:
        server = SecantusDb(run, free_ports(1)[0])
        server.start()
        with closing(MongoStore(server.url, DEFAULT_DATABASE)) as store:
            fill_mongo(store, studies, today)
            add_entries(store, today, 10)
        yield server.url


def ask_all(folder: Path, store: str, studies: int, today: date, times: int, only: str) -> None:
    """Ask every page so many times, and print what it took."""
    title = f"{studies} studies, {store.partition(':')[0]}, {times} times each"
    table = Table("page", "p50 ms", "p95 ms", "longest ms", "CPU ms", "kB", title=title)
    destinations = [{"name": name, "kind": "http", "url": NOWHERE, "hospital": "H1"} for name in DESTINATIONS]
    for url in served(folder, store, destinations):
        for question, ask in questions(url, studies, today).items():
            if only in question:
                table.add_row(question, *(f"{value:.1f}" for value in _numbers(ask, times)))
    Console(width=110).print(table)


if __name__ == "__main__":
    app()
