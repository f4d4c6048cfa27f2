"""Alarms by e-mail."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from ..domain.alarm.alarm import Change, Message
from ..domain.errors import RetriableError
from ..domain.instants import iso

TIMEOUT_S = 15.0


@dataclass(frozen=True)
class MailServer:
    """
    Where mail is given to.

    Args:
        security: ``starttls`` (the default), ``tls`` from the first byte, or ``none`` for a relay on this
            machine.
        username: Empty: no login.
        ca_file: Authorities of its certificate; empty: the system's.
    """

    host: str
    port: int
    security: str = "starttls"
    username: str = ""
    password: str = ""
    ca_file: str = ""


class Mail:
    """Sends each message to all recipients in one mail."""

    def __init__(
        self, server: MailServer, sender: str, to: tuple[str, ...], site: str = "", page_url: str = ""
    ) -> None:
        self._server, self._sender, self._to = server, sender, to
        self._site, self._page_url = site, page_url

    def __call__(self, message: Message) -> None:
        """
        Send one.

        Raises:
            RetriableError: The server did not take it for any of the recipients.
        """
        try:
            with self._connected() as connection:
                connection.send_message(self._mail(message))
        except (smtplib.SMTPException, OSError) as error:
            where = f"mail server {self._server.host}:{self._server.port}"
            raise RetriableError(f"{where}: {_reason(error)}", str(error)) from error

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context(cafile=server.ca_file or None)
        connection = _connect(server, context)
        try:
            if server.security == "starttls":
                connection.starttls(context=context)
            if server.username:
                connection.login(server.username, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = self._subject(message)
        mail["From"], mail["To"] = self._sender, ", ".join(self._to)
        mail["Date"], mail["Message-ID"] = formatdate(message.at / 1000), make_msgid(domain="aipull")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n".join(self._lines(message)) + "\n")
        return mail

    def _subject(self, message: Message) -> str:
        alarm = message.alarm
        what = "resolved" if message.change is Change.RESOLVED else alarm.severity.value
        where = f" {self._site}" if self._site else ""
        # A device's name may have a line break in it, which no header takes.
        return " ".join(f"[AI pull{where}] {what}: {alarm.words}".split())[:200]

    def _lines(self, message: Message) -> list[str]:
        lines = [message.alarm.words, "", f"since {iso(message.since)}"]
        if message.change is Change.RESOLVED:
            lines.append(f"resolved, noticed at {iso(message.at)}")
        if self._page_url:
            lines += ["", self._page_url.rstrip("/") + message.alarm.page]
        return lines


def _reason(error: Exception) -> str:
    """Short words for people; a server's own answer may be long."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "refuses the recipients"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _connect(server: MailServer, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
