"""
The private RabbitMQ node. Not proved here: clustering, and what a machine's power failure does to its disk.
"""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pika
import pika.exceptions
import pytest

from stack.errors import StackError
from stack.identity import bearers, wait_until
from stack.ports import LOOPBACK, free_ports, holder_of
from stack.probing import accepts_tcp
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts

pytestmark = pytest.mark.server("rabbitmq")
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def node(run_folder: RunFolder) -> Iterator[RabbitmqNode]:
    node = RabbitmqNode(run_folder, RabbitmqPorts(*free_ports(3)))
    node.start()
    yield node
    node.kill()


def publish_confirmed(node: RabbitmqNode, queue: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(node.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True)
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def get(node: RabbitmqNode, queue: str) -> bytes | None:
    with pika.BlockingConnection(pika.URLParameters(node.url)) as connection:
        _, _, body = connection.channel().basic_get(queue, auto_ack=True)
        return body


def test_a_confirmed_message_survives_kill_and_start(
    node: RabbitmqNode, rabbitmq_node: RabbitmqNode, run_folder: RunFolder
) -> None:
    publish_confirmed(node, "kept", b"first")
    # a queue made within the last moments before a kill is not on disk yet, whatever was confirmed
    node.restart()
    assert get(node, "kept") == b"first"
    publish_confirmed(node, "kept", b"message")
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        get(rabbitmq_node, "kept")  # another node, side by side
    node.kill()
    assert not accepts_tcp(node.ports.amqp)
    node.start()
    assert get(node, "kept") == b"message"
    node.stop()
    assert bearers(run_folder.mark) == []


def test_it_listens_on_loopback_only_and_has_an_epmd_of_its_own(rabbitmq_node: RabbitmqNode) -> None:
    listeners = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
    for port in (rabbitmq_node.ports.amqp, rabbitmq_node.ports.distribution, rabbitmq_node.ports.epmd):
        addresses = set(re.findall(rf"(\S+):{port}\s", listeners))
        assert addresses
        assert addresses <= {LOOPBACK, "[::1]"}
    epmd = holder_of(rabbitmq_node.ports.epmd)
    assert epmd is not None
    assert epmd.pid == rabbitmq_node.epmd.pid


@pytest.mark.parametrize("user", ["guest:guest", "aipull:wrong"])
def test_only_its_own_user_gets_in(rabbitmq_node: RabbitmqNode, user: str) -> None:
    url = f"amqp://{user}@{LOOPBACK}:{rabbitmq_node.ports.amqp}/%2F"
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(url))


def test_a_port_in_use_is_named_with_its_holder(rabbitmq_node: RabbitmqNode, run_folder: RunFolder) -> None:
    ports = RabbitmqPorts(rabbitmq_node.ports.amqp, *free_ports(2))
    with pytest.raises(StackError, match=rf"port {ports.amqp} \(RabbitMQ\) is in use by beam\.smp, pid \d+"):
        RabbitmqNode(run_folder, ports).start()


PARENT = """
import sys, time
from pathlib import Path
from stack.ports import free_ports
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from stack.run_folder import RunFolder

run = RunFolder(Path(sys.argv[1]))
run.open()
RabbitmqNode(run, RabbitmqPorts(*free_ports(3))).start()
print("up", flush=True)
time.sleep(600)
"""


def program_of(pid: int) -> str:
    """Empty when it has ended meanwhile, as what RabbitMQ starts to look at disk and memory does."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_nothing_of_it_survives_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        mark = (tmp_path / "pids" / "mark").read_text()
        programs = {program_of(one.pid) for one in bearers(mark)}
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert {"epmd", "beam.smp"} <= programs
        assert wait_until(lambda: not bearers(mark), 60)
