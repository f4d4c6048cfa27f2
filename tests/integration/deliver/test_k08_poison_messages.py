"""
K8 in RabbitMQ: what anybody may have put into the queue, and a message that kills who takes it. The real
broker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
import requests

from pacs_module.adapters.queue.topology import Topology
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode
from tests.contract.queue.queue_cases import raw_channel, remove
from tests.fakes.delivery_stack import delivering
from tests.fakes.pipeline import handover_id
from tests.fakes.served import KEY
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("rabbitmq")

DEEP = 100_000
NONE_OF_OURS = [
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b'{"studyUID":' + b"[" * DEEP + b"]" * DEEP + b"}",
    b"1" * 100_000,
    b'{"studyUID": "1.2", "studyUID": "1.3"}',
    b"\xff\xfe\xfd",
    b"",
    b"[]",
    b"null",
    b'{"x": "' + b"y" * (9 << 20) + b'"}',
    b"[" + b"1," * 300_000 + b"1]",
    b'{"unfinished": ',
]
READABLE = [
    b'{"x": "\\ud800"}',
    b'{"studyUID": NaN, "handoverID": 1e999}',
    b'{"studyUID": "1.2.3", "handoverID": {}}',
]


@pytest.fixture
def broker(rabbitmq_node: RabbitmqNode) -> Iterator[str]:
    yield rabbitmq_node.url
    remove(rabbitmq_node.url, Topology())


def put(url: str, bodies: list[bytes]) -> None:
    """As somebody with the broker's password would, ahead of everything."""
    with raw_channel(url) as channel:
        for number, body in enumerate(bodies):
            properties = pika.BasicProperties(message_id=f"stranger-{number}", priority=5, delivery_mode=2)
            channel.basic_publish("", Topology().queue, body, properties)


def test_every_stranger_is_buried_with_a_reason_and_the_good_ones_are_delivered(
    run_folder: RunFolder, tmp_path: Path, broker: str
) -> None:
    with delivering(run_folder, tmp_path, broker) as stack:
        stack.service.queue.depth()
        bodies = [*NONE_OF_OURS, *READABLE]
        put(broker, bodies)
        uids = [stack.hand_over(number) for number in range(3)]
        stack.faulty_backend().start()
        stack.until(uids, "completed")
        wait_for(lambda: stack.service.queue.dead_depth() == len(bodies), what="all strangers are buried")
        workers = [loop for name, loop in stack.service.loops.items() if name.startswith("WORKER")]
        assert all(loop.alive() for loop in workers)
        wait_for(lambda: all(loop.failures == 0 for loop in workers), what="no worker fails")
        answer = requests.get(f"{stack.url}/api/v1/dcm/dead_letters", headers={"X-API-Key": KEY}, timeout=30)
        letters = answer.json()["deadLetters"]
        assert (answer.status_code, len(letters)) == (200, len(bodies))
        assert all(letter["reason"] for letter in letters)
        assert sum("nested" in letter["reason"] for letter in letters) == 3
        assert max(len(json.dumps(letter)) for letter in letters) < 20_000


DYING = """
import sys
from pathlib import Path
from pacs_module.service.bootstrap import build
from pacs_module.settings import load_settings
service = build(load_settings(Path(sys.argv[1])))
worker = service.loops["WORKER-1"]
while True:
    worker.step()
"""


def test_a_message_that_kills_the_process_three_times_is_buried_and_the_others_go_on(
    run_folder: RunFolder, tmp_path: Path, broker: str
) -> None:
    with delivering(run_folder, tmp_path, broker, workers=1) as stack:
        for loop in stack.service.loops.values():
            loop.stop()
        stack.service.loops["WORKER-1"].join(30)
        stack.service.loops["publish"].join(30)
        poison = stack.hand_over(1, priority=4)
        good = stack.hand_over(2)
        while stack.service.publish():
            pass
        deaths = 0
        (tmp_path / "sitecustomize.py").write_text(SITE.format(uid=poison), encoding="utf-8")
        backend = stack.faulty_backend()
        backend.start()
        command = [sys.executable, "-c", DYING, str(tmp_path / "settings.toml")]
        while stack.states([good]) != ["completed"]:
            deaths += one_life(command, tmp_path, lambda: stack.states([good]) == ["completed"])
            assert deaths <= 3
        assert deaths == 3
        assert stack.states([poison]) == ["dead_letter"]
        (letter,) = stack.service.queue.dead_letters(10)
        assert letter.message["handoverID"] == handover_id(1)
        assert "3 workers died" in letter.reason


SITE = """
import os, signal
def arm():
    from pacs_module.adapters.http.backend import HttpBackend
    submit = HttpBackend.submit
    def deadly(self, message, key):
        if message["studyUID"] == "{uid}":
            os.kill(os.getpid(), signal.SIGKILL)
        return submit(self, message, key)
    HttpBackend.submit = deadly
if os.environ.get("DEADLY") == "1":
    arm()
"""


def one_life(command: list[str], folder: Path, done: Any) -> int:
    """Run a worker's process until it dies (1) or everything is done (0)."""
    environment = {**os.environ, "DEADLY": "1", "PYTHONPATH": str(folder)}
    with subprocess.Popen(command, env=environment) as process:
        wait_for(lambda: process.poll() is not None or done(), 60, "it dies or delivers")
        died = process.poll() is not None
        process.kill()
    return int(died)
