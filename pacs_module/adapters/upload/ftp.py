"""
A destination by FTP, or FTP with TLS (RFC 4217, explicit).

An image is written as ``NAME~part`` and renamed when its size is right.
"""

from __future__ import annotations

import ftplib
import hashlib
import posixpath
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ...domain.errors import Busy, FilesGone, Refused, RetriableError, Unreachable, about
from ...domain.upload.files import Lacking, UploadFile
from .http import PART
from .pacing import PIECE, PacedFile, Pacer, digest_of

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


class FtpUploader:
    """One worker's connection, made when it is first needed, and again when it broke."""

    def __init__(self, place: FtpPlace, pacer: Pacer | None = None) -> None:
        self._place, self._pacer = place, pacer or Pacer()
        self._client: ftplib.FTP | None = None
        self._folders: set[str] = set()

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Bring images there, one after the other."""
        with self._connected() as ftp:
            for file in files:
                self._send(ftp, file)
        return []

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Ask for the size of each; read back where the site wants it."""
        lacking: list[Lacking] = []
        with self._connected() as ftp:
            for file in files:
                path = self._path(file.name)
                why = _differs(_size(ftp, path), file)
                if (
                    not why
                    and self._place.read_back
                    and _sha256(ftp, path) != digest_of(file.path, "sha256").digest()
                ):
                    why = "other bytes"
                if why:
                    lacking.append(Lacking(file, why))
        return lacking

    def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        self._folders.clear()
        if client is not None:
            with suppress(Exception):
                client.close()

    def _send(self, ftp: ftplib.FTP, file: UploadFile) -> None:
        path = self._path(file.name)
        self._make_folder(ftp, posixpath.dirname(path))
        part = f"{path}{PART}"
        try:
            content = open(file.path, "rb")  # noqa: SIM115 - its errors are told apart from the server's
        except OSError as error:
            raise FilesGone(f"an image cannot be read: {error.strerror}", file.path) from error
        with content:
            ftp.storbinary(f"STOR {part}", PacedFile(content, file.size, self._pacer), PIECE)
        size = _size(ftp, part)
        if size != file.size:
            raise RetriableError(f"{_WHO} has {size} of {file.size} bytes of an image")
        self._rename(ftp, part, path)

    def _rename(self, ftp: ftplib.FTP, part: str, path: str) -> None:
        """Over what is there; a server that does not write over has it removed first."""
        try:
            ftp.rename(part, path)
        except ftplib.error_perm:
            with suppress(ftplib.error_perm):
                ftp.delete(path)
            ftp.rename(part, path)

    def _make_folder(self, ftp: ftplib.FTP, folder: str) -> None:
        if folder in self._folders or folder in ("", ".", "/"):
            return
        self._make_folder(ftp, posixpath.dirname(folder))
        with suppress(ftplib.error_perm):  # it is there; if it is not, STOR says so
            ftp.mkd(folder)
        self._folders.add(folder)

    def _path(self, name: str) -> str:
        return posixpath.join(self._place.folder, name)

    @contextmanager
    def _connected(self) -> Iterator[ftplib.FTP]:
        with about(f"FTP server {self._place.host}:{self._place.port}"):
            try:
                with _translated():
                    if self._client is None:
                        self._client = self._connect()
                    yield self._client
            except Exception:
                self.close()
                raise

    def _connect(self) -> ftplib.FTP:
        place = self._place
        client: ftplib.FTP
        if place.tls:
            client = _OneSession(
                context=ssl.create_default_context(cafile=place.ca_file or None), timeout=_CONNECT_S
            )
        else:
            client = ftplib.FTP(timeout=_CONNECT_S)  # noqa: S321 - for sites whose platform has nothing else
        client.connect(place.host, place.port)
        client.timeout = place.timeout
        if client.sock is not None:
            client.sock.settimeout(place.timeout)
        client.login(place.username, place.password)
        if isinstance(client, ftplib.FTP_TLS):
            client.prot_p()
        client.voidcmd("TYPE I")
        return client


def _size(ftp: ftplib.FTP, path: str) -> int | None:
    """Of a file; None: it is not there."""
    try:
        return ftp.size(path)
    except ftplib.error_perm as error:
        if str(error).startswith("550"):
            return None
        raise


def _differs(size: int | None, file: UploadFile) -> str:
    if size is None:
        return "not there"
    return "" if size == file.size else f"{size} of {file.size} bytes"


def _sha256(ftp: ftplib.FTP, path: str) -> bytes:
    digest = hashlib.sha256()
    ftp.retrbinary(f"RETR {path}", digest.update, PIECE)
    return digest.digest()


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
