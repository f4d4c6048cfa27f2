"""
Each fault of a backend alone, with forty studies; RabbitMQ killed in the middle; the example backend in the
whole pipeline.

Real RabbitMQ, HTTP API and backend process; the last test has Orthanc and the PACS, too. The short form of
the first is tests/integration/deliver/test_delivery_faults.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pacs_module.adapters.queue.topology import Topology
from stack.ports import LOOPBACK, free_ports
from stack.probing import accepts_tcp
from stack.processes import Process, Programme
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from stack.whole import Stack
from tests.contract.queue.queue_cases import remove
from tests.e2e.conftest import QUICK, Pipeline, options
from tests.fakes.delivery_stack import BACKEND_KEY, IMAGES, DeliveryStack, delivering
from tests.fakes.pipeline import handover_id
from tests.support.images.dicom_maker import CHEST_CT, Study, store
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server("rabbitmq"), pytest.mark.timeout(900)]

STUDIES = 40
EXAMPLE = Path(__file__).parents[3] / "examples" / "minimal_backend.py"
LONG_S = 400.0


@pytest.fixture
def broker(rabbitmq_node: RabbitmqNode) -> Iterator[str]:
    yield rabbitmq_node.url
    remove(rabbitmq_node.url, Topology())


def every_study_once(stack: DeliveryStack, uids: list[str]) -> None:
    """One key a study, whatever happened, and the right number of images."""
    pairs = {(entry["study"], entry["key"]) for entry in stack.told("asked")}
    assert pairs == {(uid, handover_id(int(uid.rpartition(".")[2]))) for uid in uids}
    assert {(entry["study"], entry["files"]) for entry in stack.told("computed")} == {
        (uid, IMAGES) for uid in uids
    }
    assert stack.service.queue.dead_depth() == 0


@pytest.mark.parametrize(
    "habits",
    [{"slow_s": 1.0}, {"fails_every": 3}, {"twice": True}, {"slow_s": 4.0, "timeout_s": 2.0}],
    ids=["slow", "500 one time in three", "answers twice", "slower than our time-out"],
)
def test_a_backend_with_one_bad_habit(
    run_folder: RunFolder, tmp_path: Path, broker: str, habits: dict[str, Any]
) -> None:
    timeout = habits.pop("timeout_s", 30.0)
    with delivering(run_folder, tmp_path, broker, timeout_s=timeout) as stack:
        patient = timeout < habits.get("slow_s", 0)
        stack.faulty_backend(**habits).start()
        uids = [stack.hand_over(number, priority=number % 3) for number in range(8 if patient else STUDIES)]
        if patient:  # it computes all the same, and its result comes although we had given the request up
            stack.until(uids, "completed", seconds=LONG_S)
            assert {one.outcome for uid in uids for one in stack.study(uid).handovers[0].tries} >= {"failed"}
        stack.until(uids, "completed", seconds=LONG_S)
        every_study_once(stack, uids)


def test_a_backend_that_is_down_for_a_while_costs_no_attempt(
    run_folder: RunFolder, tmp_path: Path, broker: str
) -> None:
    with delivering(run_folder, tmp_path, broker, result_timeout_s=20.0) as stack:
        backend = stack.faulty_backend(slow_s=0.05)
        backend.start()
        uids = [stack.hand_over(number) for number in range(STUDIES)]
        wait_for(lambda: stack.states(uids).count("completed") >= STUDIES // 4, what="a quarter")
        backend.kill()
        wait_for(lambda: stack.service.circuit.told()["circuit"] == "open", what="the circuit opens")
        probes = stack.service.circuit.told()["failuresInRow"]
        wait_for(lambda: stack.service.circuit.told()["failuresInRow"] >= probes + 5, what="some probes fail")
        stack.faulty_backend().start()
        stack.until(uids, "completed", seconds=LONG_S)
        every_study_once(stack, uids)
        # A connection that broke while it was used, and a result that died with it, are failures: three
        # workers had one each.
        assert sum(stack.study(uid).handovers[0].attempts - 1 for uid in uids) <= 3


def test_a_backend_that_refuses(run_folder: RunFolder, tmp_path: Path, broker: str) -> None:
    with delivering(run_folder, tmp_path, broker) as stack:
        uids = [f"1.2.840.99.{number}" for number in range(STUDIES)]
        stack.faulty_backend(refuses=uids[::4]).start()
        assert [stack.hand_over(number) for number in range(STUDIES)] == uids
        stack.until(uids[::4], "dead_letter", seconds=LONG_S)
        stack.until([uid for uid in uids if uid not in uids[::4]], "completed", seconds=LONG_S)
        asked = [entry["study"] for entry in stack.told("asked")]
        assert sorted(asked) == sorted(uids), "what is refused is not asked again"
        wait_for(lambda: stack.service.queue.dead_depth() == len(uids[::4]), what="the dead letters")
        assert {stack.study(uid).handovers[0].last_error for uid in uids[::4]} == {
            "the backend refused with status 400: no model for this region <b>"
        }


def test_a_backend_that_dies_after_it_has_accepted(
    run_folder: RunFolder, tmp_path: Path, broker: str
) -> None:
    with delivering(run_folder, tmp_path, broker, result_timeout_s=3.0) as stack:
        uids = [stack.hand_over(number) for number in range(STUDIES)]
        for _ in range(4):
            dying = stack.faulty_backend(dies_at=6)
            dying.start()
            wait_for(lambda one=dying: not one.is_alive(), what="it dies")  # type: ignore[misc]
        stack.faulty_backend().start()
        stack.until(uids, "completed", seconds=LONG_S)
        every_study_once(stack, uids)
        outcomes = [one.outcome for uid in uids for one in stack.study(uid).handovers[0].tries]
        assert outcomes.count("no result") + outcomes.count("gone") >= 4


def test_rabbitmq_is_killed_and_started_in_the_middle(run_folder: RunFolder, tmp_path: Path) -> None:
    node = RabbitmqNode(run_folder, RabbitmqPorts(*free_ports(3)))
    node.start()
    with delivering(run_folder, tmp_path, node.url) as stack:
        stack.faulty_backend(slow_s=0.05).start()
        uids = [stack.hand_over(number, priority=number % 3) for number in range(STUDIES // 2)]
        wait_for(lambda: stack.states(uids).count("completed") >= 5, what="some results")
        node.kill()
        uids += [stack.hand_over(number) for number in range(STUDIES // 2, STUDIES)]
        wait_for(lambda: stack.service.loops["publish"].failures > 0, what="the publisher notices")
        node.start()
        stack.until(uids, "completed", seconds=LONG_S)
        every_study_once(stack, uids)


def last_result(pipeline: Pipeline, uid: str) -> Any:
    story = pipeline.study(uid)
    return story and story["handovers"][-1]["resultValues"]


@pytest.mark.e2e
@pytest.mark.server
@pytest.mark.parametrize("transfer", ["path", "bytes"])
def test_the_small_example_behind_the_whole_pipeline(tmp_path: Path, transfer: str) -> None:
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    (port,) = free_ports(1)
    backend = {"url": f"http://{LOOPBACK}:{port}/", "key": BACKEND_KEY, "transfer": transfer}
    settings = {**QUICK, "find_dates": [now.date().isoformat()], "backend": backend}
    with Stack(tmp_path, options(settings=settings)) as stack:
        pipeline = Pipeline(stack)
        keys = {
            "BACKEND_KEY": BACKEND_KEY,
            "PIPELINE_API_KEY": stack.pacs_module.api_key,
            "TMPDIR": str(tmp_path),
        }
        command = [sys.executable, str(EXAMPLE), str(port), stack.pacs_module.url]
        Process(
            stack.run, Programme("example", command, lambda: accepts_tcp(port), keys, ready_within_s=60)
        ).start()
        study = Study("EXAMPLE", f"{now:%Y%m%d}")
        study.add_series(12, CHEST_CT)
        store(pipeline.hospital, study.images)
        wait_for(lambda: pipeline.state(study.uid) == "completed", LONG_S, "the result")
        wait_for(
            lambda: last_result(pipeline, study.uid) == {"files": 12},
            LONG_S,
            "that of all images, should a part be first",
        )
