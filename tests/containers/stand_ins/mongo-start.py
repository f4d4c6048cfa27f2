"""As the official image's start: users from the variables at the first start, then with sign-in."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pymongo
import pymongo.errors

PROGRAM = "/opt/secantus/bin/secantusd-py"
DATA, MARK = Path("/data/db/data"), Path("/data/db/users-made")
CONFIGURATION = Path("/tmp/secantusd.toml")
WORDS = [
    PROGRAM, "--config", str(CONFIGURATION), "--port", "27017", "--storage-path", str(DATA), "--standalone",
    "--cache-size", "128M",
]  # fmt: skip


def make_users() -> None:
    """While it listens on loopback alone: whoever waits for it sees no server before its users are there."""
    server = subprocess.Popen([*WORDS, "--host", "127.0.0.1"])
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        "127.0.0.1", 27017, serverSelectionTimeoutMS=1_000
    )
    for _ in range(60):
        try:
            client.admin.command("ping")
            break
        except pymongo.errors.PyMongoError:
            time.sleep(0.5)
    root = {"role": "root", "db": "admin"}
    write = {"role": "readWrite", "db": "aipull"}
    env = os.environ
    client.admin.command(
        "createUser", env["MONGO_INITDB_ROOT_USERNAME"], pwd=env["MONGO_INITDB_ROOT_PASSWORD"], roles=[root]
    )
    client.aipull.command("createUser", "aipull", pwd=env["AIPULL_MONGO_PASSWORD"], roles=[write])
    client.close()
    server.terminate()
    server.wait()
    MARK.touch()


CONFIGURATION.write_text("")
if not MARK.exists():
    make_users()
sys.stdout.flush()
os.execv(PROGRAM, [*WORDS, "--host", "0.0.0.0", "--auth"])
