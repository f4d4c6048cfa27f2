"""
A destination by SFTP. The server's key must be known: a server that is another one gets nothing.

An image is written as ``NAME~part`` and renamed when its size is right, which is one step at the server.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import posixpath
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

import paramiko

from ...domain.errors import FilesGone, Refused, RetriableError, Unreachable, about
from ...domain.upload.files import Lacking, UploadFile
from .http import PART
from .pacing import Pacer, digest_of

_WHO = "the SFTP server"
_PIECE = 32 * 1024
"""What one SFTP request carries at all servers."""
_CONNECT_S = 10.0
_DENIED = 403


@dataclass(frozen=True)
class SftpPlace:
    """
    Where and how.

    Args:
        host: Name or address.
        port: Of the server.
        username: There.
        password: Empty where a key is used.
        key_file: Our private key; empty: the password.
        host_key: The server's public key as in known_hosts: ``ssh-ed25519 AAAA...``.
        folder: Below which everything lies.
        timeout: Seconds for an answer.
        read_back: Compare what is there byte by byte; else its size.
    """

    host: str
    username: str
    host_key: str
    port: int = 22
    password: str = field(default="", repr=False)
    key_file: str = ""
    folder: str = "."
    timeout: float = 60.0
    read_back: bool = False


class SftpUploader:
    """One worker's connection, made when it is first needed, and again when it broke."""

    def __init__(self, place: SftpPlace, pacer: Pacer | None = None) -> None:
        self._place, self._pacer = place, pacer or Pacer()
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None
        self._folders: set[str] = set()

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Bring images there, one after the other."""
        with self._connected() as sftp:
            for file in files:
                self._send(sftp, file)
        return []

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """List each folder once and compare sizes; read back where the site wants it."""
        sizes: dict[str, dict[str, int]] = {}
        lacking: list[Lacking] = []
        with self._connected() as sftp:
            for file in files:
                path = self._path(file.name)
                folder, name = posixpath.split(path)
                if folder not in sizes:
                    sizes[folder] = _listing(sftp, folder)
                why = _differs(sizes[folder].get(name), file)
                if (
                    not why
                    and self._place.read_back
                    and _sha256(sftp, path) != digest_of(file.path, "sha256").digest()
                ):
                    why = "other bytes"
                if why:
                    lacking.append(Lacking(file, why))
        return lacking

    def close(self) -> None:
        """Close the connection."""
        client, transport = self._client, self._transport
        self._client = self._transport = None
        self._folders.clear()
        for one in (client, transport):
            if one is not None:
                with suppress(Exception):
                    one.close()

    def _send(self, sftp: paramiko.SFTPClient, file: UploadFile) -> None:
        path = self._path(file.name)
        self._make_folder(sftp, posixpath.dirname(path))
        part = f"{path}{PART}"
        with _source(file) as source, sftp.open(part, "wb") as target:
            target.set_pipelined(True)
            while data := source.read(_PIECE):
                target.write(data)
                self._pacer.sent(len(data))
        size = sftp.stat(part).st_size
        if size != file.size:
            raise RetriableError(f"{_WHO} has {size} of {file.size} bytes of an image")
        _rename(sftp, part, path)

    def _make_folder(self, sftp: paramiko.SFTPClient, folder: str) -> None:
        if folder in self._folders or folder in ("", ".", "/"):
            return
        self._make_folder(sftp, posixpath.dirname(folder))
        try:
            sftp.mkdir(folder)
        except OSError:
            if not stat.S_ISDIR(sftp.stat(folder).st_mode or 0):
                raise
        self._folders.add(folder)

    def _path(self, name: str) -> str:
        return posixpath.join(self._place.folder, name)

    @contextmanager
    def _connected(self) -> Iterator[paramiko.SFTPClient]:
        with about(f"SFTP server {self._place.host}:{self._place.port}"):
            try:
                with _translated():
                    if self._client is None:
                        self._client = self._connect()
                    yield self._client
            except Exception:
                self.close()
                raise

    def _connect(self) -> paramiko.SFTPClient:
        place = self._place
        link = socket.create_connection((place.host, place.port), _CONNECT_S)
        link.settimeout(place.timeout)
        transport = self._transport = paramiko.Transport(link)
        transport.banner_timeout = transport.auth_timeout = place.timeout
        kind, _, text = place.host_key.strip().partition(" ")
        transport.get_security_options().key_types = _algorithms(kind)
        transport.start_client(timeout=place.timeout)
        told = transport.get_remote_server_key()
        if told.get_name() != kind or told.asbytes() != base64.b64decode(text.split()[0]):
            raise Refused(_WHO, _DENIED, "its key is not the one in the settings")
        if place.key_file:
            transport.auth_publickey(place.username, paramiko.PKey.from_path(place.key_file))
        else:
            transport.auth_password(place.username, place.password)
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise RetriableError(f"{_WHO} opens no channel")
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(place.timeout)
        return client


def _algorithms(kind: str) -> tuple[str, ...]:
    """An RSA key signs by SHA-2 (RFC 8332)."""
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def _rename(sftp: paramiko.SFTPClient, part: str, path: str) -> None:
    """Over what is there, in one step where the server can (posix-rename@openssh.com)."""
    try:
        sftp.posix_rename(part, path)
    except OSError:
        with suppress(FileNotFoundError):
            sftp.remove(path)
        sftp.rename(part, path)


def _listing(sftp: paramiko.SFTPClient, folder: str) -> dict[str, int]:
    try:
        return {entry.filename: entry.st_size or 0 for entry in sftp.listdir_attr(folder)}
    except FileNotFoundError:
        return {}


def _differs(size: int | None, file: UploadFile) -> str:
    if size is None:
        return "not there"
    return "" if size == file.size else f"{size} of {file.size} bytes"


def _sha256(sftp: paramiko.SFTPClient, path: str) -> bytes:
    digest = hashlib.sha256()
    with sftp.open(path, "rb") as content:
        content.prefetch()
        while data := content.read(_PIECE):
            digest.update(data)
    return digest.digest()


@contextmanager
def _source(file: UploadFile) -> Iterator[BinaryIO]:
    try:
        content = open(file.path, "rb")  # noqa: SIM115 - its errors are told apart from the server's
    except OSError as error:
        raise FilesGone(f"an image cannot be read: {error.strerror}", file.path) from error
    with content:
        yield content


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except paramiko.AuthenticationException as error:
        raise Refused(_WHO, _DENIED, str(error)) from error
    except (ConnectionRefusedError, socket.gaierror, paramiko.ssh_exception.NoValidConnectionsError) as error:
        raise Unreachable(f"{_WHO} does not answer", str(error)) from error
    except (paramiko.SSHException, EOFError) as error:
        raise RetriableError(f"{_WHO}: {type(error).__name__}", str(error)) from error
    except OSError as error:
        raise _of_system(error) from error


def _of_system(error: OSError) -> RetriableError | Refused:
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT):
        return Unreachable(f"{_WHO} does not answer", str(error))
    if error.errno in (errno.EACCES, errno.EPERM):
        return Refused(_WHO, _DENIED, str(error))
    return RetriableError(f"{_WHO}: {error.strerror or type(error).__name__}", str(error))
