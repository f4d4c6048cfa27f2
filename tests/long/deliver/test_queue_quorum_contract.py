"""What every queue does, done by quorum queues: the tests of tests/contract/queue/test_queue_contract.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stack.servers.rabbitmq import RabbitmqNode
from tests.contract.queue import test_queue_contract
from tests.contract.queue.queue_cases import QueueCase, quorum_topology

pytestmark = pytest.mark.server("rabbitmq")


@pytest.fixture
def case(rabbitmq_node: RabbitmqNode) -> Iterator[QueueCase]:
    case = QueueCase(rabbitmq_node.url, quorum_topology())
    yield case
    case.close()


globals().update({name: test for name, test in vars(test_queue_contract).items() if name.startswith("test_")})
