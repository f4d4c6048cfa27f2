"""RabbitMQ over TLS: a real node that wants certificates, made here, and refuses those of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pacs_module.adapters.queue.rabbitmq import RabbitQueue
from pacs_module.domain.errors import RetriableError
from pacs_module.ports.delivery import BrokerAddress
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from tests.support.servers.certificates import Authority

pytestmark = pytest.mark.server("rabbitmq")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


@pytest.fixture
def url(tmp_path: Path, authority: Authority) -> Iterator[str]:
    run = RunFolder(tmp_path / "run")
    run.open()
    amqp, distribution, epmd, tls = free_ports(4)
    node, own = RabbitmqNode(run, RabbitmqPorts(amqp, distribution, epmd)), authority.signed("rabbitmq")
    node.more_configuration = "\n".join(
        [
            f"listeners.ssl.1 = 127.0.0.1:{tls}",
            f"ssl_options.cacertfile = {authority.file}",
            f"ssl_options.certfile = {own.certificate}",
            f"ssl_options.keyfile = {own.key}",
            "ssl_options.verify = verify_peer",
            "ssl_options.fail_if_no_peer_cert = true",
            "",
        ]
    )
    try:
        node.start()
        yield node.url_at(tls).replace("amqp://", "amqps://")
    finally:
        node.kill()
        run.close()


def published(address: BrokerAddress) -> int:
    with closing(RabbitQueue(address)) as queue:
        queue.publish({"studyUID": "1.2.3"}, "a", 0)
        return queue.depth()


def test_only_who_shows_a_certificate_of_ours_publishes(
    url: str, authority: Authority, tmp_path: Path
) -> None:
    ours, other = authority.signed("aipull"), Authority(tmp_path / "others", "another authority")
    theirs, known = other.signed("aipull"), str(authority.file)
    assert published(BrokerAddress(url, known, str(ours.certificate), str(ours.key))) == 1
    with pytest.raises(RetriableError):  # the node's certificate is not known to us
        published(BrokerAddress(url, str(other.file), str(ours.certificate), str(ours.key)))
    with pytest.raises(RetriableError):  # ours is another authority's
        published(BrokerAddress(url, known, str(theirs.certificate), str(theirs.key)))
    with pytest.raises(RetriableError):  # none at all
        published(BrokerAddress(url, known))
