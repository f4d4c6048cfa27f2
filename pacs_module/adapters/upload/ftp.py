"""A destination by FTP, or FTP with TLS (RFC 4217, explicit)."""

from __future__ import annotations

import ftplib
import hashlib
import posixpath
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field

from ...domain.errors import Busy, Refused, RetriableError, Unreachable
from .lanes import Lanes
from .pacing import PIECE, PacedFile, Pacer
from .remote_folder import FolderUploader, RemoteFiles

_WHO = "the FTP server"
_CONNECT_S = 10.0
_DENIED = 403


@dataclass(frozen=True)
class FtpPlace:
    """
    Where and how.

    Args:
        host: Name or address.
        username: There.
        password: There.
        port: Of the server.
        folder: Below which everything lies.
        tls: Encrypted, control and data.
        ca_file: Authorities of its certificate; empty: the system's.
        timeout: Seconds for an answer.
        read_back: Compare what is there byte by byte; else its size.
    """

    host: str
    username: str
    password: str = field(repr=False)
    port: int = 21
    folder: str = "."
    tls: bool = False
    ca_file: str = ""
    timeout: float = 60.0
    read_back: bool = False


class _OneSession(ftplib.FTP_TLS):
    """
    The data connection goes on with the control connection's TLS session: servers ask for that (vsftpd).
    """

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """Of the base class, with the session."""
        link, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - what is below FTP_TLS
        if self._prot_p:  # type: ignore[attr-defined]
            session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
            link = self.context.wrap_socket(link, server_hostname=self.host, session=session)
        return link, size


class FtpUploader(FolderUploader):
    """A way to a folder by FTP."""

    lists_sizes = False

    def __init__(self, place: FtpPlace, pacer: Pacer | None = None, lanes: Lanes | None = None) -> None:
        where = f"FTP server {place.host}:{place.port}"
        super().__init__(_WHO, where, place.folder, place.read_back, pacer, lanes)
        self._place = place

    def connect(self) -> RemoteFiles:
        """Signed in, data encrypted where the settings say so."""
        place = self._place
        client: ftplib.FTP
        if place.tls:
            context = ssl.create_default_context(cafile=place.ca_file or None)
            client = _OneSession(context=context, timeout=_CONNECT_S)
        else:
            client = ftplib.FTP(timeout=_CONNECT_S)  # noqa: S321 - for sites whose platform has nothing else
        try:
            _sign_in(client, place)
        except Exception:
            client.close()
            raise
        return _FtpFiles(client)

    def translated(self) -> AbstractContextManager[None]:
        """Errors of ftplib in our words."""
        return _translated()


def _sign_in(client: ftplib.FTP, place: FtpPlace) -> None:
    client.connect(place.host, place.port)
    client.timeout = place.timeout
    if client.sock is not None:
        client.sock.settimeout(place.timeout)
    client.login(place.username, place.password)
    if isinstance(client, ftplib.FTP_TLS):
        client.prot_p()
    client.voidcmd("TYPE I")


class _FtpFiles(RemoteFiles):
    """The server's files, by commands of RFC 959 and 3659."""

    def __init__(self, client: ftplib.FTP) -> None:
        self._client = client

    def sizes(self, paths: Sequence[str]) -> Mapping[str, int]:
        """Asked for one by one (SIZE)."""
        told = {path: self._size(path) for path in paths}
        return {path: size for path, size in told.items() if size is not None}

    def names(self, folder: str) -> list[str]:
        """By NLST, which tells some servers' folders with their names, too."""
        try:
            return [posixpath.basename(name) for name in self._client.nlst(folder)]
        except ftplib.error_perm as error:
            if str(error).startswith("550"):
                return []
            raise

    def write(self, path: str, content: PacedFile) -> None:
        """STOR."""
        self._client.storbinary(f"STOR {path}", content, PIECE)

    def rename(self, path: str, to: str) -> None:
        """Over what is there; a server that does not write over has it removed first."""
        try:
            self._client.rename(path, to)
        except ftplib.error_perm:
            with suppress(ftplib.error_perm):
                self._client.delete(to)
            self._client.rename(path, to)

    def make_folder(self, path: str) -> None:
        """MKD."""
        with suppress(ftplib.error_perm):  # it is there; if it is not, STOR says so
            self._client.mkd(path)

    def sha256(self, path: str) -> bytes:
        """Of what RETR gives back."""
        digest = hashlib.sha256()
        self._client.retrbinary(f"RETR {path}", digest.update, PIECE)
        return digest.digest()

    def close(self) -> None:
        """Without a word."""
        self._client.close()

    def _size(self, path: str) -> int | None:
        """Of a file; None: it is not there."""
        try:
            return self._client.size(path)
        except ftplib.error_perm as error:
            if str(error).startswith("550"):
                return None
            raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ftplib.error_perm as error:
        if str(error).startswith(("530", "532", "534")):
            raise Refused(_WHO, _DENIED, str(error)) from error
        raise RetriableError(f"{_WHO} refused", str(error)) from error
    except ftplib.error_temp as error:
        if str(error).startswith(("421", "450", "452")):
            raise Busy(f"{_WHO} says not now", said=str(error)) from error
        raise RetriableError(f"{_WHO} failed", str(error)) from error
    except (ftplib.Error, EOFError) as error:
        raise RetriableError(f"{_WHO}: {type(error).__name__}", str(error)) from error
    except (ConnectionRefusedError, socket.gaierror) as error:
        raise Unreachable(f"{_WHO} does not answer", str(error)) from error
    except OSError as error:
        raise RetriableError(f"{_WHO}: {error.strerror or type(error).__name__}", str(error)) from error
