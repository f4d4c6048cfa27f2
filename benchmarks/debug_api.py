"""
What the debug API costs on a store of many studies: p50, p95 and the longest of some hundred questions by
each name, over HTTP.

The studies have lived a whole life: six series with verdicts, two pulls, a hand-over with its tries, a
history. Beside each question stands one for a health check of the same server in the same run, which is what
HTTP alone costs.

    python -m benchmarks.debug_api --studies 100000
"""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import requests
import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from pacs_module.adapters.stores.json_safe import study_to_text
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.instants import iso
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.study.handover import DeliveryTry, HandOver
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import Event
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.pull_state import PullOutcome, PullStatus
from pacs_module.domain.study.study import Pull, SeriesRecord, Study
from pacs_module.service.bootstrap import build
from pacs_module.settings import load_settings
from pacs_module.web.app import create_app
from stack.ports import LOOPBACK, free_ports
from stack.settings_file import as_toml

BEGIN = 1_592_438_400_000  # 2020-06-18, epoch milliseconds
STUDIES_A_DAY = 840
TIME_ZONE = "Asia/Shanghai"
KEY = "key-of-the-benchmark"

app = typer.Typer(add_completion=False)


def uid_of(number: int) -> str:
    """StudyInstanceUID of the study with a number."""
    return f"1.2.840.113619.2.55.3.{1_000_000 + number}"


def lived(number: int) -> Study:
    """A study after a whole life."""
    at = BEGIN
    uid = uid_of(number)
    study = Study(
        uid, iso(at)[:10], "080000", f"A{number}", f"P{number}", "CHEST CT", ["CT"], first_seen_at=iso(at)
    )
    study.apply(Event.WANTED, "PACS: ModalitiesInStudy CT", at)
    for count in (100, 300, 862):
        study.saw("PACS", count, at)
    study.note(Note.STABLE, "PACS: 862 instances in two finds", at)
    for attempt in (1, 2):
        study.apply(Event.PULL_ASKED, f"STUDY from PACS, attempt {attempt}", at)
        request = PullRequest(f"{number}-{attempt}", uid, "PACS", expected=862)
        ended = (PullStatus.ENDED, PullOutcome.RECEIVED, "COMPLETE")
        pull = Pull(request, attempt, iso(at), *ended, 862, "4c18cd69-ecee1be6", 29.67, iso(at))
        study.pulls = [*study.pulls, pull]
        if attempt == 1:
            study.apply(Event.PULL_AGAIN, "short: SHORT 700 of 862; again in 0:00:30", at)
    study.pull = study.pulls[-1]
    study.apply(Event.RECEIVED, "862 instances, COMPLETE", at)
    study.keep_series([series(uid, place, at) for place in range(1, 7)])
    study.handovers = [handover(uid, number, at)]
    study.apply(Event.RESULT_COMPLETED, "completed", at, by="backend")
    return study


def series(uid: str, place: int, at: int) -> SeriesRecord:
    """A series with its verdict."""
    taken = place == 1
    because = "BodyPartExamined CHEST" if taken else "SliceThickness 8"
    return SeriesRecord(
        f"{uid}.{place}",
        taken,
        "rule",
        because,
        "reception",
        "CT",
        f"CHEST 1.0 B{place}0f",
        143,
        143,
        iso(at),
    )


def handover(uid: str, number: int, at: int) -> HandOver:
    """A hand-over whose result is in."""
    message = {
        "studyUID": uid,
        "seriesUID": f"{uid}.1",
        "numberReceived": 143,
        "filepath": f"/store_image/{number}",
    }
    said = (("failed", "the backend answered 500"), ("accepted", "attempt 2"))
    tries = [DeliveryTry(iso(at), outcome, words, "WORKER-1") for outcome, words in said]
    done = MessageState.DONE
    item = HandOver(
        f"H{number}",
        f"{uid}.1",
        143,
        f"/store_image/{number}",
        message,
        iso(at),
        "COMPLETE",
        done,
        tries=tries,
    )
    item.result, item.result_at, item.result_values = "completed", iso(at), {"lungVolumeMl": 4100.5}
    return item


def texts(studies: int) -> Iterator[tuple[str, str]]:
    """
    UID and document of each: one document with other names and another day; a patient has three studies.
    """
    template, day = study_to_text(lived(0)), date.fromisoformat(iso(BEGIN)[:10])
    for number in range(studies):
        changed = template.replace(uid_of(0), uid_of(number)).replace('"A0"', f'"A{number}"')
        changed = changed.replace('"P0"', f'"P{number // 3}"').replace('"H0"', f'"H{number}"')
        yield (
            uid_of(number),
            changed.replace(day.isoformat(), (day + timedelta(days=number // STUDIES_A_DAY)).isoformat()),
        )


def fill(path: Path, studies: int) -> None:
    """Write them in one transaction: the store itself syncs each, which is not what is measured."""
    store = SqliteStore(path)
    connection = store._connection()
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO study_info_list (studyUID, revision, document) VALUES (?, 1, ?)", texts(studies)
    )
    connection.execute("COMMIT")
    store.close()


def served(folder: Path, store: str, destinations: Sequence[dict[str, str]] = ()) -> Iterator[str]:
    """The API over the store of that URL, without any loop; yields its own URL once."""
    (port,) = free_ports(1)
    values = {
        "time_zone": TIME_ZONE,
        "log_folder": str(folder / "log"),
        "pacs": [{"name": "PACS"}],
        "web": {"port": port, "api_key": KEY, "debug_asks_pacs": False},
        "store": {"url": store},
        "rabbitmq": {"url": f"amqp://nobody:nothing@{LOOPBACK}:1/%2F"},
        "backend": {"url": f"http://{LOOPBACK}:1/compute", "key": KEY},
    }
    if destinations:
        values["destination"] = list(destinations)
    file = folder / "settings.toml"
    file.write_text(as_toml(values), encoding="utf-8")
    service = build(load_settings(file))
    server = uvicorn.Server(uvicorn.Config(create_app(service), port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join()
        service.store.close()


def milliseconds(ask: Callable[[], requests.Response], times: int) -> list[float]:
    """How long each question took; every one must be answered with 200."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        ask().raise_for_status()
        took.append((time.perf_counter() - begin) * 1000)
    return took


def questions(url: str, studies: int) -> dict[str, Callable[[], requests.Response]]:
    """By name, each time of another study."""
    # any order will do, the same each time
    chance, session = random.Random(1), requests.Session()  # noqa: S311

    def ask(name: str, value: Callable[[int], str], **more: str) -> Callable[[], requests.Response]:
        path = f"{url}/api/v1/dcm/debug"
        return lambda: session.get(path, params={name: value(chance.randrange(studies)), **more}, timeout=60)

    return {
        "health/live (HTTP alone)": lambda: session.get(f"{url}/health/live", timeout=60),
        "AccessionNumber": ask("AccessionNumber", lambda number: f"A{number}"),
        "StudyInstanceUID": ask("StudyInstanceUID", uid_of),
        "PatientID (3 studies)": ask("PatientID", lambda number: f"P{number // 3}"),
        "SeriesInstanceUID": ask("SeriesInstanceUID", lambda number: f"{uid_of(number)}.4"),
        "AccessionNumber, as a page": ask("AccessionNumber", lambda number: f"A{number}", format="html"),
        "health, all states counted": lambda: session.get(f"{url}/health", timeout=60),
    }


@app.command()
def main(
    studies: Annotated[int, typer.Option(help="Studies in the store.")] = 100_000,
    times: Annotated[int, typer.Option(help="Questions by each name.")] = 300,
) -> None:
    """Fill a store, ask, print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "study.db"
        fill(path, studies)
        size = path.stat().st_size / 1e6
        table = Table(
            "question",
            "p50 ms",
            "p95 ms",
            "longest ms",
            title=f"{studies} studies, {size:.0f} MB, {times} times each",
        )
        for url in served(folder, f"sqlite:///{path}"):
            for question, ask in questions(url, studies).items():
                took = sorted(milliseconds(ask, times))
                p95 = statistics.quantiles(took, n=20)[-1]
                table.add_row(question, f"{statistics.median(took):.1f}", f"{p95:.1f}", f"{took[-1]:.1f}")
        Console(width=110).print(table)


if __name__ == "__main__":
    app()
