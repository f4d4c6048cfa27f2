"""
Syslog over TLS (RFC 5425): one connection that is kept, its certificate checked, ours shown where there is
one.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ...domain.audit_trail.atna import framed
from ...domain.errors import RetriableError


@dataclass(frozen=True)
class SyslogAddress:
    """Where to; files as paths (PEM), empty: none, and the system's authorities."""

    host: str
    port: int
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    timeout_s: float = 10.0


class SyslogTls:
    """
    Sends messages.

    The protocol has no receipt: what the receiver's machine took before it died may be lost, so the
    connection is looked at before and after each batch, and a batch that may not have arrived is sent again.
    """

    def __init__(self, address: SyslogAddress) -> None:
        self._address = address
        self._connection: ssl.SSLSocket | None = None
        self._lock = threading.Lock()

    def __call__(self, messages: Sequence[bytes]) -> None:
        """
        Send a batch.

        Raises:
            RetriableError: The receiver is away, or its certificate is not one that we trust.
        """
        with self._lock:
            try:
                connection = self._connected()
                connection.sendall(b"".join(framed(message) for message in messages))
                self._look(connection)
            except (OSError, ValueError) as error:
                self._close()
                where = f"audit receiver at {self._address.host}:{self._address.port}"
                raise RetriableError(f"{where}: {_words(error)}", str(error)) from error

    def close(self) -> None:
        """End the connection in order."""
        with self._lock:
            if self._connection is not None:
                with suppress(OSError, ValueError):
                    self._connection.unwrap()
            self._close()

    def _connected(self) -> ssl.SSLSocket:
        if self._connection is not None:
            try:
                self._look(self._connection)
                return self._connection
            except OSError:
                self._close()
        self._connection = self._opened()
        return self._connection

    def _opened(self) -> ssl.SSLSocket:
        told = self._address
        context = ssl.create_default_context(cafile=told.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if told.certificate:
            context.load_cert_chain(told.certificate, told.key or None)
        plain = socket.create_connection((told.host, told.port), told.timeout_s)
        try:
            return context.wrap_socket(plain, server_hostname=told.host)
        except BaseException:
            plain.close()
            raise

    def _look(self, connection: ssl.SSLSocket) -> None:
        """
        A receiver sends nothing: what can be read is the end of the connection, or a refusal of our
        certificate.
        """
        connection.settimeout(0.05)
        try:
            if connection.recv(1) == b"":
                raise ConnectionResetError("the receiver has closed the connection")
        except (TimeoutError, ssl.SSLWantReadError):
            pass
        finally:
            connection.settimeout(self._address.timeout_s)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    return getattr(error, "strerror", None) or type(error).__name__
