"""Databases for the RIS contract: SQLite always, PostgreSQL where its programs are on the machine."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.ports import free_ports

_PLACES = (
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
    "/usr/local/bin",
    "/usr/bin",
)


@contextmanager
def postgresql() -> Iterator[str]:
    """
    A private PostgreSQL on loopback without a password; its SQLAlchemy URL. It refuses to run as root, so
    that nobody does.
    """
    folder = next(
        (place for place in _PLACES if all((Path(place) / name).exists() for name in ("initdb", "postgres"))),
        None,
    )
    if folder is None:
        pytest.skip("no PostgreSQL on this machine (initdb, postgres)")
    user = "nobody" if os.geteuid() == 0 else None
    data = Path(tempfile.mkdtemp(prefix="ris-postgresql-"))
    (port,) = free_ports(1)
    try:
        if user:
            shutil.chown(data, user)
        initdb = [
            f"{folder}/initdb",
            "-D",
            str(data / "db"),
            "-U",
            "ris",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=data)
        command = [
            f"{folder}/postgres",
            "-D",
            str(data / "db"),
            "-p",
            str(port),
            "-k",
            str(data),
            "-h",
            "127.0.0.1",
            "-F",
        ]
        log = (data / "log").open("wb")
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=data)
        try:
            _wait(folder, port)
            yield f"postgresql+psycopg://ris@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # fast: open connections are ended
            server.wait(120)
            log.close()
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _wait(folder: str, port: int) -> None:
    import psycopg

    from tests.support.waiting import wait_for

    def answers() -> bool:
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user="ris", dbname="postgres", connect_timeout=2
            ).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_for(answers, what="PostgreSQL")
