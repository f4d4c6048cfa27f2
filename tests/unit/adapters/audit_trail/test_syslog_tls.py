"""A receiver over TLS takes whole frames; one without a certificate of ours, or a wrong one, gets nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.adapters.audit_trail.syslog_tls import SyslogAddress, SyslogTls
from pacs_module.domain.errors import RetriableError
from tests.support.servers.certificates import Authority, Certificate
from tests.support.waiting import wait_for


class Server:
    """Reads what comes; ``port`` stays over a restart."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self.got = b""
        self.port = 0
        self.start()

    def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        self._connections: list[ssl.SSLSocket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            try:
                connection = self._context.wrap_socket(plain, server_side=True)
            except OSError:
                plain.close()
                continue
            self._connections.append(connection)
            try:
                while piece := connection.recv(65536):
                    self.got += piece
            except OSError:
                pass

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            connection.close()
        self._thread.join(5)


def context_of(authority: Authority, name: str, mutual: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own = authority.signed(name)
    context.load_cert_chain(own.certificate, own.key)
    if mutual:
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    made = Server(context_of(authority, "receiver", mutual=True))
    yield made
    made.stop()


def link(server: Server, authority: Authority, own: Certificate | None) -> SyslogTls:
    files = (str(own.certificate), str(own.key)) if own is not None else ("", "")
    return SyslogTls(SyslogAddress("127.0.0.1", server.port, str(authority.file), files[0], files[1], 5.0))


def test_frames_arrive_whole_also_after_the_receiver_was_away(server: Server, authority: Authority) -> None:
    send = link(server, authority, authority.signed("pacs-module"))
    send([b"<85>1 one", "<85>1 zw\u00f6lf".encode()])
    wait_for(lambda: server.got == b"9 <85>1 one" + b"12 <85>1 zw\xc3\xb6lf", what="both messages")
    server.stop()
    with pytest.raises(RetriableError, match="audit receiver at"):
        send([b"lost"])
    server.start()
    send([b"again"])
    wait_for(lambda: server.got.endswith(b"5 again"), what="the message after the outage")
    send.close()


def test_without_our_certificate_nothing_counts_as_sent(server: Server, authority: Authority) -> None:
    send = link(server, authority, None)
    with pytest.raises(RetriableError):
        _twice(send)
    assert server.got == b""


def _twice(send: SyslogTls) -> None:
    """TLS 1.3 refuses after the handshake: at the latest the next batch hears of it."""
    for message in (b"one", b"two"):
        send([message])


def test_a_receiver_that_nobody_trusts_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    stranger = Server(context_of(Authority(tmp_path / "theirs", "stranger"), "receiver", mutual=False))
    try:
        with pytest.raises(RetriableError, match="certificate is refused"):
            link(stranger, authority, None)([b"one"])
        assert stranger.got == b""
    finally:
        stranger.stop()
