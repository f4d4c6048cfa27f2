"""A destination by SFTP. The server's key must be known: a server that is another one gets nothing."""

from __future__ import annotations

import base64
import errno
import hashlib
import posixpath
import socket
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field

import paramiko

from ...domain.errors import Refused, RetriableError, Unreachable
from .lanes import Lanes
from .pacing import PacedFile, Pacer
from .remote_folder import FolderUploader, RemoteFiles

_WHO = "the SFTP server"
_PIECE = 32 * 1024
"""What one SFTP request carries at all servers."""
_CONNECT_S = 10.0
_DENIED = 403
_LIGHT = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""They need no checksum beside the cipher: half the CPU. Others follow in paramiko's own order."""


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


class SftpUploader(FolderUploader):
    """A way to a folder by SFTP."""

    def __init__(self, place: SftpPlace, pacer: Pacer | None = None, lanes: Lanes | None = None) -> None:
        where = f"SFTP server {place.host}:{place.port}"
        super().__init__(_WHO, where, place.folder, place.read_back, pacer, lanes)
        self._place = place

    def connect(self) -> RemoteFiles:
        """
        Signed in at the server that the settings name.

        Raises:
            Refused: Its key is another one.
        """
        place = self._place
        link = socket.create_connection((place.host, place.port), _CONNECT_S)
        link.settimeout(place.timeout)
        transport = paramiko.Transport(link)
        try:
            transport.banner_timeout = transport.auth_timeout = place.timeout
            _sign_in(transport, place)
            return _SftpFiles(transport, _opened(transport, place.timeout))
        except BaseException:
            transport.close()
            raise

    def translated(self) -> AbstractContextManager[None]:
        """Errors of paramiko in our words."""
        return _translated()


def _sign_in(transport: paramiko.Transport, place: SftpPlace) -> None:
    kind, _, text = place.host_key.strip().partition(" ")
    options = transport.get_security_options()
    options.key_types = _algorithms(kind)
    options.ciphers = tuple(dict.fromkeys((*_LIGHT, *options.ciphers)))
    transport.start_client(timeout=place.timeout)
    _check_host_key(transport, kind, text)
    if place.key_file:
        transport.auth_publickey(place.username, paramiko.PKey.from_path(place.key_file))
    else:
        transport.auth_password(place.username, place.password)


def _opened(transport: paramiko.Transport, timeout: float) -> paramiko.SFTPClient:
    client = paramiko.SFTPClient.from_transport(transport)
    if client is None:
        raise RetriableError(f"{_WHO} opens no channel")
    channel = client.get_channel()
    if channel is not None:
        channel.settimeout(timeout)
    return client


def _algorithms(kind: str) -> tuple[str, ...]:
    """An RSA key signs by SHA-2 (RFC 8332)."""
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


class _SftpFiles(RemoteFiles):
    """The server's files, by SFTP version 3."""

    def __init__(self, transport: paramiko.Transport, client: paramiko.SFTPClient) -> None:
        self._transport, self._client = transport, client

    def sizes(self, paths: Sequence[str]) -> Mapping[str, int]:
        """One file is asked for; of several each folder is listed once."""
        if len(paths) == 1:
            with suppress(FileNotFoundError):
                return {paths[0]: self._client.stat(paths[0]).st_size or 0}
            return {}
        found: dict[str, int] = {}
        for folder in dict.fromkeys(posixpath.dirname(path) for path in paths):
            found.update(self._listing(folder))
        return found

    def names(self, folder: str) -> list[str]:
        """By a listing."""
        return [posixpath.basename(path) for path in self._listing(folder)]

    def write(self, path: str, content: PacedFile) -> None:
        """In pieces, without waiting for the answer to each."""
        with self._client.open(path, "wb") as target:
            target.set_pipelined(True)
            while data := content.read(_PIECE):
                target.write(data)

    def rename(self, path: str, to: str) -> None:
        """Over what is there, in one step where the server can (posix-rename@openssh.com)."""
        try:
            self._client.posix_rename(path, to)
        except OSError:
            with suppress(FileNotFoundError):
                self._client.remove(to)
            self._client.rename(path, to)

    def make_folder(self, path: str) -> None:
        """Or find that it is there."""
        try:
            self._client.mkdir(path)
        except OSError:
            if not stat.S_ISDIR(self._client.stat(path).st_mode or 0):
                raise

    def sha256(self, path: str) -> bytes:
        """Of what is read."""
        digest = hashlib.sha256()
        with self._client.open(path, "rb") as content:
            content.prefetch()
            while data := content.read(_PIECE):
                digest.update(data)
        return digest.digest()

    def close(self) -> None:
        """Channel and connection."""
        for one in (self._client, self._transport):
            with suppress(Exception):
                one.close()

    def _listing(self, folder: str) -> dict[str, int]:
        try:
            entries = self._client.listdir_attr(folder)
        except FileNotFoundError:
            return {}
        return {posixpath.join(folder, entry.filename): entry.st_size or 0 for entry in entries}


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


def _check_host_key(transport: paramiko.Transport, kind: str, text: str) -> None:
    told = transport.get_remote_server_key()
    if told.get_name() != kind or told.asbytes() != base64.b64decode(text.split()[0]):
        raise Refused(_WHO, _DENIED, "its key is not the one in the settings")
