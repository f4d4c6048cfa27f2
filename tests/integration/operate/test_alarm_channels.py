"""Alarms by a real web hook and a real mail server, with and without TLS."""

from __future__ import annotations

import email
import email.policy
import ssl
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from pacs_module.adapters.http.webhook import Webhook, content
from pacs_module.adapters.mail import Mail, MailServer
from pacs_module.domain.alarm.alarm import Alarm, Change, Message, Severity
from pacs_module.domain.errors import PipelineError, RetriableError
from stack.ports import free_ports
from tests.support.servers.raw_http import RawServer

ALARM = Alarm("silent CT-3", "nothing from CT-3\nfor 2 h: 胸部", Severity.WARNING, "/studies")
RAISED = Message("any", Change.RAISED, ALARM, 1_764_489_600_000, 1_764_489_720_000)


class Inbox:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 later, 554 never"
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


def _login(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(success=(given.login, given.password) == (b"aipull", b"a-mail-password"))


class MailHost:
    """A mail server on loopback; with a certificate it wants STARTTLS and a login."""

    def __init__(self, certificate: tuple[Path, Path] | None) -> None:
        self.inbox, self.port = Inbox(), free_ports(1)[0]
        context = None
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)

        def factory() -> SMTP:
            if context is None:
                return SMTP(self.inbox)
            return SMTP(
                self.inbox,
                tls_context=context,
                require_starttls=True,
                auth_required=True,
                authenticator=_login,
            )

        class Served(Controller):
            def factory(self) -> SMTP:
                return factory()

        self.controller = Served(self.inbox, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> MailHost:
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.controller.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that nobody else trusts, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    crt, key = folder / "mail.crt", folder / "mail.key"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key)]
    subprocess.run([*made, "-out", str(crt), *subject], check=True, capture_output=True)
    return crt, key


def mail(host: MailHost, **changed: Any) -> Mail:
    server = MailServer(**{"host": "127.0.0.1", "port": host.port, "security": "none", **changed})
    return Mail(
        server,
        "aipull@hospital.example",
        ("it@hospital.example", "ct@hospital.example"),
        "North",
        "https://ai/",
    )


def test_a_mail_says_what_where_since_when_and_where_to_look() -> None:
    with MailHost(None) as host:
        mail(host)(RAISED)
        mail(host)(Message("any", Change.RESOLVED, ALARM, RAISED.since, RAISED.at))
    first, second = host.inbox.mails
    assert first["Subject"] == "[AI pull North] warning: nothing from CT-3 for 2 h: 胸部"
    assert first["To"] == "it@hospital.example, ct@hospital.example"
    assert "https://ai/studies" in first.get_content()
    assert "2025-11-30T08:00:00" in first.get_content()
    assert second["Subject"].startswith("[AI pull North] resolved:")


def test_starttls_with_a_login_and_the_sites_own_authority(certificate: tuple[Path, Path]) -> None:
    told = {"security": "starttls", "username": "aipull", "password": "a-mail-password"}
    with MailHost(certificate) as host:
        mail(host, **told, ca_file=str(certificate[0]))(RAISED)
        assert len(host.inbox.mails) == 1
        with pytest.raises(RetriableError):  # nobody's authority
            mail(host, **told)(RAISED)
        with pytest.raises(RetriableError):
            mail(host, **{**told, "password": "another"}, ca_file=str(certificate[0]))(RAISED)
        with pytest.raises(RetriableError):  # a server that wants TLS gets no mail in the clear
            mail(host)(RAISED)
        assert len(host.inbox.mails) == 1


def test_a_server_that_takes_nothing_or_is_not_there_is_an_error_and_never_shows_the_password() -> None:
    with MailHost(None) as host:
        host.inbox.refuses = True
        with pytest.raises(RetriableError, match="SMTPDataError 451"):
            mail(host)(RAISED)
    with pytest.raises(RetriableError, match="Connection refused") as caught:
        mail(host, username="aipull", password="a-mail-password")(RAISED)
    assert "a-mail-password" not in str(caught.value)


@pytest.fixture
def answering() -> Iterator[RawServer]:
    server = RawServer(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    server.start()
    yield server
    server.stop()


def test_a_web_hook_gets_the_alarm_as_json_with_its_key(answering: RawServer) -> None:
    Webhook(answering.url + "/hook", "the-key", "North", "https://ai")(RAISED)
    (head,) = answering.requests
    assert head.startswith("POST /hook ")
    assert "Authorization: Bearer the-key" in head


def test_what_a_web_hook_is_told() -> None:
    assert content(RAISED, "North", "https://ai") == {
        "site": "North",
        "alarm": "silent CT-3",
        "change": "raised",
        "severity": "warning",
        "text": ALARM.words,
        "since": "2025-11-30T08:00:00.000+00:00",
        "at": "2025-11-30T08:02:00.000+00:00",
        "page": "https://ai/studies",
    }
    assert "page" not in content(RAISED, "", "")


@pytest.mark.parametrize(
    "status", ["500 Internal Server Error", "404 Not Found", "302 Found\r\nLocation: http://127.0.0.1:1/"]
)
def test_a_web_hook_that_does_not_take_it_is_an_error(answering: RawServer, status: str) -> None:
    answering.answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    with pytest.raises(PipelineError):
        Webhook(answering.url)(RAISED)
