"""
A MongoDB-compatible server beside anything else on the machine: SecantusDB, **not MongoDB itself**.

There is no ``mongod`` in Debian 12 or on PyPI. SecantusDB is another programme that speaks MongoDB's wire
protocol over a real socket and keeps its data with WiredTiger, MongoDB's storage engine; where it differs
from MongoDB: docs/verified.md. Its licence is GPL-2.0-only: it is started as a programme of its own and never
imported.
"""

import sys
from pathlib import Path
from typing import Any

import pymongo
import pymongo.errors

from stack.errors import StackError
from stack.probing import accepts_tcp
from stack.processes import Programme
from stack.run_files import write_private
from stack.run_folder import RunFolder
from stack.servers.one_process import OneProcess

PROGRAM = Path(sys.executable).parent / "secantusd-py"
_DATABASE = "aipull"
_CACHE = "128M"


class SecantusDb(OneProcess):
    """
    A single server as in docker-compose.yml: no replica set, so that the driver repeats no write by itself.

    Args:
        run: Holds its data, which stays over stop and kill.
        port: Of its own.
    """

    def __init__(self, run: RunFolder, port: int) -> None:
        super().__init__(run)
        self.port = port
        self.folder = run.path / "secantusdb"

    @property
    def url(self) -> str:
        """As in the setting ``[store] url``."""
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        """The same at another port, where a proxy stands in between."""
        return f"mongodb://{self.host}:{port}/{_DATABASE}"

    def programme(self) -> Programme:
        """
        The server of this venv; an empty configuration file of its own keeps it from looking for others'.
        """
        if not PROGRAM.exists():
            raise StackError("SecantusDB is not installed beside this Python; `make setup-dev` installs it")
        self.folder.mkdir(mode=0o700, exist_ok=True)
        configuration = self.folder / "secantusd.toml"
        write_private(configuration, "")
        options = {
            "--config": str(configuration),
            "--host": self.host,
            "--port": str(self.port),
            "--storage-path": str(self.folder / "data"),
            "--cache-size": _CACHE,
        }
        words = [word for option in options.items() for word in option]
        return Programme(
            "secantusdb", [str(PROGRAM), "--standalone", *words], self.answers, {"PYTHONUNBUFFERED": "1"}
        )

    def answers(self) -> bool:
        """Whether it answers a ping."""
        if not accepts_tcp(self.port, self.host):
            return False
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            self.url, serverSelectionTimeoutMS=2_000
        )
        try:
            client.admin.command("ping")
        except pymongo.errors.PyMongoError:
            return False
        finally:
            client.close()
        return True

    def listens_at(self) -> dict[str, int]:
        """MongoDB's wire protocol."""
        return {"SecantusDB": self.port}
