"""
Delivery under every habit of a poor backend, with RabbitMQ, the HTTP API and the backend as they are in
earnest.

Everything is delivered or laid down among the dead letters with a reason, and nothing is asked for twice
under another key. The long form, one fault at a time and many studies, is tests/long/deliver/test_delivery_long.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from pacs_module.adapters.queue.topology import Topology
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode
from tests.contract.queue.queue_cases import raw_channel, remove
from tests.fakes.delivery_stack import IMAGES, DeliveryStack, delivering
from tests.fakes.pipeline import handover_id
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("rabbitmq")

EXAMPLE = Path(__file__).parents[3] / "examples" / "minimal_backend.py"


@pytest.fixture
def broker(rabbitmq_node: RabbitmqNode) -> Iterator[str]:
    """The queues have their usual names here: they go with the test."""
    yield rabbitmq_node.url
    remove(rabbitmq_node.url, Topology())


def test_a_backend_with_all_bad_habits_at_once(run_folder: RunFolder, tmp_path: Path, broker: str) -> None:
    with delivering(run_folder, tmp_path, broker, result_timeout_s=3.0) as stack:
        uids = [stack.hand_over(number, priority=number % 3) for number in range(12)]
        refused = uids[4:6]
        circuit_was_open(stack)
        habits = {"fails_every": 3, "slow_s": 0.1, "refuses": refused, "twice": True}
        dying = stack.faulty_backend(**habits, dies_at=5)
        dying.start()
        wait_for(lambda: not dying.is_alive(), what="the backend dies after it has accepted")
        stack.faulty_backend(**habits).start()
        stack.until([uid for uid in uids if uid not in refused], "completed")
        stack.until(refused, "dead_letter")
        nothing_lost_and_nothing_twice(stack, uids, refused)


def circuit_was_open(stack: DeliveryStack) -> None:
    """Nobody listens yet: it is seen, and costs nothing."""
    wait_for(lambda: stack.service.circuit.told()["circuit"] == "open", what="the circuit opens")
    wait_for(lambda: b"aipull_backend_circuit 2.0" in stack.service.metrics.text(), what="the metric says so")


def nothing_lost_and_nothing_twice(stack: DeliveryStack, uids: list[str], refused: list[str]) -> None:
    keys: dict[str, set[str]] = {}
    for entry in stack.told("asked"):
        keys.setdefault(entry["study"], set()).add(entry["key"])
    assert keys == {uid: {handover_id(int(uid.rpartition(".")[2]))} for uid in uids}
    computed = {entry["study"]: entry["files"] for entry in stack.told("computed")}
    assert computed == {uid: IMAGES for uid in uids if uid not in refused}
    assert {entry["said"] for entry in stack.told("answered")} == {"recorded", "known already"}
    for uid in uids:
        last = "refused" if uid in refused else "accepted"

        def booked(uid: str = uid, last: str = last) -> bool:
            return [one.outcome for one in stack.study(uid).handovers[0].tries][-1:] == [last]

        wait_for(booked, what="a result may be faster than our bookkeeping")
        (item,) = stack.study(uid).handovers
        outcomes = [one.outcome for one in item.tries]
        assert item.attempts <= len([outcome for outcome in outcomes if outcome != "away"]), (
            "being away costs no attempt"
        )
    for uid in refused:
        assert stack.study(uid).why == "the backend refused with status 400: no model for this region <b>"
    wait_for(lambda: stack.service.queue.depth() == 0, what="the queue is empty")
    letters = wait_for(
        lambda: (
            len(stack.service.queue.dead_letters(99)) == len(refused) and stack.service.queue.dead_letters(99)
        )
    )
    assert sorted(letter.message["studyUID"] for letter in letters) == refused


@pytest.mark.parametrize("transfer", ["path", "bytes"])
def test_the_small_example(run_folder: RunFolder, tmp_path: Path, broker: str, transfer: str) -> None:
    with delivering(run_folder, tmp_path, broker, transfer=transfer) as stack:
        stack.backend([str(EXAMPLE), str(stack.backend_port), stack.url]).start()
        uids = [stack.hand_over(number) for number in range(3)]
        stack.until(uids, "completed")
        assert [stack.study(uid).handovers[0].result_values for uid in uids] == [{"files": IMAGES}] * 3
        assert list(tmp_path.glob("bytes-*")) == [], "it clears up"


def test_a_queue_that_was_declared_otherwise_is_told_and_then_the_work_goes_on(
    run_folder: RunFolder, tmp_path: Path, broker: str
) -> None:
    with raw_channel(broker) as channel:
        channel.queue_declare(Topology().queue, durable=True)
    with delivering(run_folder, tmp_path, broker) as stack:
        stack.faulty_backend().start()
        uids = [stack.hand_over(number) for number in range(3)]
        log = tmp_path / "log" / "dcm_end.jsonl"
        wait_for(
            lambda: log.exists() and "declared with another x-" in log.read_text(encoding="utf-8"),
            what="a clear message",
        )
        assert f"rabbitmqctl delete_queue {Topology().queue}" in log.read_text(encoding="utf-8")
        told = wait_for(
            lambda: awaited_by_publishing(stack),
            what="the publishing loop has met it, too, not only the workers",
        )
        assert told["what"].partition(" at ")[0] == "RabbitMQ"
        assert f"rabbitmqctl delete_queue {Topology().queue}" in told["because"]
        assert stack.states(uids) == ["pull_data_end"] * 3
        with raw_channel(broker) as channel:
            channel.queue_delete(Topology().queue)
        stack.until(uids, "completed")
        assert {entry["key"] for entry in stack.told("asked")} == {handover_id(number) for number in range(3)}


def awaited_by_publishing(stack: DeliveryStack) -> dict[str, Any] | None:
    """Whom the publishing loop waits for, as the readiness tells it; None: for nobody (yet)."""
    told = requests.get(f"{stack.url}/health/ready", timeout=30).json()["waitsFor"]
    return next((entry for entry in told if "publish" in entry["loops"]), None)
