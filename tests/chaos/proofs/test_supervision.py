"""
`pacs-module run` as a process, by itself: what cannot go on ends with a reason, what is away is waited for, a
full disk under the log is survived, a signal ends it within the bound.

Does not prove what happens with studies under way (test_stops.py). The MongoDB here is SecantusDB, which
speaks its protocol.
"""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pacs_module.adapters.stores.sqlite import SqliteStore
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.secantusdb import SecantusDb
from tests.chaos.rig.alone import Alone
from tests.chaos.rig.harness import LockedSqlite, full

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


# --- what cannot go on ---


@pytest.mark.parametrize(
    ("overrides", "key", "value", "allowed"),
    [
        ({"time_zone": "Mars"}, "time_zone", "Mars", "IANA"),
        ({"colour": "red"}, "colour", "red", "no such setting"),
        ({"find_interval_s": -1}, "find_interval_s", "-1", "greater than 0"),
        ({"backend": {"workers": 0}}, "backend.workers", "0", "greater than or equal"),
        ({"store": {"url": "oracle://x"}}, "store.url", "oracle", "sqlite:///"),
        ({"store": {"url": "mongodb://a:b:c@/x"}}, "store.url", "mongodb", "mongodb://user:password@host"),
        ({"rabbitmq": {"url": "http://127.0.0.1/"}}, "rabbitmq.url", "http", "amqp://"),
        (
            {"store": {"url": "sqlite:///{folder}/file/study.db"}},
            "the store",
            "{folder}/file/study.db",
            "cannot be written",
        ),
        ({"log_folder": "{folder}/file/log"}, "log_folder", "{folder}/file/log", "may write"),
        (
            {"archive": {"folder": "{folder}/file/archive"}},
            "archive.folder",
            "{folder}/file/archive",
            "folder",
        ),
        ({"site_config": "{folder}/unknown.py"}, "COLOUR", "red", "known"),
        ({"site_config": "{folder}/bad.py"}, "STABLE_AGE", "often", "number"),
        ({"site_config": "{folder}/missing.py"}, "file", "{folder}/missing.py", "can be read"),
    ],
)
def test_what_cannot_be_used_ends_the_start_with_one_line(
    tmp_path: Path, overrides: dict[str, object], key: str, value: str, allowed: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "unknown.py").write_text("COLOUR = 'red'\n", encoding="utf-8")
    (tmp_path / "bad.py").write_text("STABLE_AGE = 'often'\n", encoding="utf-8")
    with Alone(tmp_path, filled(overrides, tmp_path)) as alone:
        assert alone.ends() == 2
        (line,) = alone.said().splitlines()
        assert key in line
        assert value.format(folder=tmp_path) in line
        assert allowed in line
        assert "secret" not in line


def filled(overrides: dict[str, object], folder: Path) -> dict[str, object]:
    """With the folder of the test."""

    def fill(value: object) -> object:
        if isinstance(value, dict):
            return {key: fill(inner) for key, inner in value.items()}
        return value.format(folder=folder) if isinstance(value, str) else value

    return {key: fill(value) for key, value in overrides.items()}


def test_a_port_in_use_ends_the_start_before_anything_is_opened(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with Alone(tmp_path, {"web": {"port": port}}) as alone:
            assert alone.ends() == 2
            (line,) = alone.said().splitlines()
            assert f"web.port = {port}" in line
            assert "Address already in use" in line
            assert not alone.store.exists()


WITHOUT_WEB = """
import uvicorn

async def serve(self, sockets=None):
    raise RuntimeError("the sockets are gone")

uvicorn.Server.serve = serve

from pacs_module.cli.app import main
main()
"""


def test_a_web_server_that_has_ended_ends_the_process(tmp_path: Path) -> None:
    """Nobody could bring a result or a notification any more, and health would be silent."""
    with Alone(tmp_path, program=(sys.executable, "-c", WITHOUT_WEB)) as alone:
        assert alone.ends() == 2
        assert alone.said().splitlines() == ["the web server has ended: RuntimeError: the sockets are gone"]
        assert alone.events()[-1]["event"] == "stopped"


# --- who is away ---


def test_who_is_away_is_told_with_since_and_why(tmp_path: Path) -> None:
    with Alone(tmp_path) as alone:
        alone.until_alive()
        told = alone.wait(
            lambda: len(alone.awaited()) >= 2 and alone.awaited(), "it waits for RabbitMQ and Orthanc"
        )
        (rabbitmq,) = [entry for name, entry in told.items() if name.startswith("RabbitMQ at 127.0.0.1:")]
        (orthanc,) = [
            entry for name, entry in told.items() if name.startswith("receiving Orthanc at 127.0.0.1:")
        ]
        assert "Connection refused" in rabbitmq["because"]
        assert "Connection refused" in orthanc["because"]
        assert {"WORKER-1", "WORKER-2"} <= set(rabbitmq["loops"])
        assert "find A" in orthanc["loops"]
        assert "secret" not in alone.get("/health/ready").text + alone.get("/health").text
        assert alone.get("/health/ready").status_code == 200, (
            "others that are away are no reason to be started again"
        )


def locked(store: Path) -> LockedSqlite:
    SqliteStore(store).close()
    rival = LockedSqlite(store)
    rival.kill()
    return rival


def test_a_store_that_is_locked_at_the_start_is_waited_for(tmp_path: Path) -> None:
    rival = locked(tmp_path / "study.db")
    try:
        with Alone(tmp_path) as alone:
            alone.until_alive()
            waits = f"store {alone.store}"
            told = alone.wait(lambda: alone.awaited().get(waits), "it waits for the store")
            assert told["loops"] == ["supervisor"]
            assert "locked" in told["because"]
            ready = alone.get("/health/ready")
            assert (ready.status_code, ready.json()["ready"]) == (503, False)
            assert alone.get("/health/live").ok
            rival.start()
            alone.wait(lambda: alone.get("/health/ready").ok, "it goes on by itself")
            assert waits not in alone.awaited()
            assert "supervisor goes on" in [event["text"] for event in alone.events()]
            assert alone.stopped() == 0
    finally:
        rival.start()


@pytest.mark.server("secantusdb")
def test_a_mongodb_that_is_not_there_is_waited_for(run_folder: RunFolder, tmp_path: Path) -> None:
    server = SecantusDb(run_folder, free_ports(1)[0])
    more = {
        "anonymise": {"folder": str(tmp_path / "copies"), "key": "sixteen letters!"}
    }  # which looks into the store, too
    with Alone(tmp_path, {"store": {"url": server.url}, **more}) as alone:
        alone.until_alive()
        told = alone.wait(lambda: alone.awaited().get("store in MongoDB"), "it waits for MongoDB")
        assert "Connection refused" in told["because"]
        assert told["loops"] == ["supervisor"]
        assert alone.get("/health/ready").status_code == 503
        assert alone.get("/health").json()["studies"] == {}
        server.start()
        alone.wait(lambda: alone.get("/health/ready").ok, "it goes on by itself")
        assert "store in MongoDB" not in alone.awaited()
        assert alone.stopped() == 0
    server.kill()


def test_a_password_in_the_address_of_a_store_is_shown_nowhere(tmp_path: Path) -> None:
    url = f"mongodb://user:another-secret-word@127.0.0.1:{free_ports(1)[0]}/aipull"
    with Alone(tmp_path, {"store": {"url": url}}) as alone:
        alone.until_alive()
        alone.wait(lambda: alone.awaited().get("store in MongoDB"), "it waits for MongoDB")
        assert "secret" not in alone.get("/health/ready").text + alone.get("/health").text
        assert "secret" not in (alone.log_folder / "dcm_end.jsonl").read_text(encoding="utf-8") + alone.said()


# --- the log's disk ---


def test_a_full_disk_under_the_log_ends_nothing(tmp_path: Path, disk: Path) -> None:
    with Alone(tmp_path, {"log_folder": str(disk / "log")}) as alone:
        alone.log_folder = disk / "log"
        alone.until_alive()
        with full(disk):
            alone.wait(lambda: "No space left" in alone.said(), "it says that the log cannot be written")
            assert alone.get("/health/ready").ok
            before = last_step(alone, "publish")
            alone.wait(lambda: last_step(alone, "publish") > before, "it works on")
        alone.wait(lambda: "is written again" in alone.said(), "it says that the log is written again")
        assert alone.stopped() == 0
        assert "stopped" in [line["event"] for line in alone.events()]
        assert len(alone.said().splitlines()) <= 4, "two notes a file and nothing of the lines"


def last_step(alone: Alone, loop: str) -> str:
    """When it has ended, as ISO time."""
    return str(alone.get("/health").json()["loops"][loop]["lastStepAt"])


def test_it_starts_on_a_full_log_disk(tmp_path: Path, disk: Path) -> None:
    with full(disk), Alone(tmp_path, {"log_folder": str(disk)}) as alone:
        alone.wait(lambda: alone.get("/health/ready").ok, "it works")
        assert alone.stopped() == 0


# --- signals ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with Alone(tmp_path) as alone:
        alone.wait(lambda: alone.get("/health/ready").ok, "it works")
        assert alone.stopped(number) == 0
        last = alone.events()[-1]
        assert (last["event"], last["level"], last["left"]) == ("stopped", "INFO", [])
        assert alone.said() == ""


def test_a_signal_while_it_waits_for_its_store_stops_it(tmp_path: Path) -> None:
    rival = locked(tmp_path / "study.db")
    try:
        with Alone(tmp_path) as alone:
            alone.until_alive()
            assert alone.stopped() in (0, 1)
            assert "stopped" in [line["event"] for line in alone.events()]
    finally:
        rival.start()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """Asked while a find hangs: the first signal would be waited for, for STOP_S."""
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        pacs = {
            "name": "A",
            "finder": "pynetdicom",
            "host": "127.0.0.1",
            "port": deaf.getsockname()[1],
            "ae_title": "DEAF",
        }
        with Alone(tmp_path, {"pacs": [pacs]}) as alone:
            deaf.settimeout(60)
            connection, _ = deaf.accept()
            with connection:
                alone.process.send_signal(signal.SIGTERM)
                alone.wait(lambda: "stopping" in [line["event"] for line in alone.events()], "it stops")
                alone.process.send_signal(signal.SIGTERM)
                assert alone.ends() == 128 + signal.SIGTERM
        assert "ended at once" in alone.said()
        assert "stopped" not in [line["event"] for line in alone.events()]
