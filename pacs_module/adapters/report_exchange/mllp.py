"""
HL7 over MLLP: a server that takes reports, and a client that sends them.

The server answers ``AA`` only after the report is stored; ``AR`` for a message that will never be taken,
``AE`` for one that is to be sent again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
import threading
from collections.abc import Callable
from typing import Any

import hl7
from hl7.mllp import (
    HL7StreamReader,
    HL7StreamWriter,
    InvalidBlockError,
    open_hl7_connection,
    start_hl7_server,
)

from ...domain.errors import (
    ConfigurationError,
    MessageError,
    PermanentError,
    RetriableError,
    Unreachable,
    about,
)
from ...domain.report_exchange.report import Report
from ...ports import EventLog
from .hl7 import read_oru

MAX_BYTES = 4 * 2**20
"""Of a message."""
IDLE_S = 300.0
"""A connection that says nothing for so long is closed."""
MAX_CONNECTIONS = 32
_LOSSLESS = "latin-1"
"""The library wants a text; the bytes are read by the character set that the message names."""
_STARTS_S = 10.0


class MllpServer:
    """
    Listens in a thread of its own.

    Args:
        host: Address to listen at.
        port: 0: any free one.
        allowed: Networks that may connect, such as ``10.0.0.0/8``.
        take: Keeps a report; the source is ``hl7`` and the sender's address.
        log: For what was refused.
    """

    def __init__(
        self,
        host: str,
        port: int,
        allowed: tuple[str, ...],
        take: Callable[[Report, str], object],
        log: EventLog,
    ) -> None:
        self._host, self._port, self._take, self._log = host, port, take, log
        self._allowed = [ipaddress.ip_network(one, strict=False) for one in allowed]
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="MLLP", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def start(self) -> None:
        """
        Listen from now on.

        Raises:
            ConfigurationError: The port is taken, or the address is not this machine's.
        """
        self._thread.start()
        opened = asyncio.run_coroutine_threadsafe(self._open(), self._loop)
        try:
            opened.result(_STARTS_S)
        except OSError as error:
            self.stop()
            allowed = f"a free port of this machine ({error.strerror})"
            raise ConfigurationError("reports.mllp.port", str(self._port), allowed) from error

    def stop(self) -> None:
        """Close all connections; what was acknowledged is kept."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_STARTS_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STARTS_S)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _open(self) -> None:
        self._server = await start_hl7_server(
            self._connected, self._host, self._port, limit=MAX_BYTES, encoding=_LOSSLESS
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: Any, writer: Any) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio runs in a task
        self._tasks.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass  # the sender went away, or said nothing for long: what it had no answer to it sends again
        except (InvalidBlockError, ValueError) as error:
            self._log.event(
                "report_refused", "HL7: the frame cannot be read", "WARNING", error=type(error).__name__
            )
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _talk(self, reader: Any, writer: Any) -> None:
        peer = str((writer.get_extra_info("peername") or ("",))[0])
        if not self._may(peer) or len(self._tasks) > MAX_CONNECTIONS:
            self._log.event("report_refused", "HL7: this sender may not connect", "WARNING", peer=peer)
            return
        while True:
            block = await asyncio.wait_for(reader.readblock(), IDLE_S)
            writer.writeblock(await asyncio.to_thread(self._answer, block, peer))
            await writer.drain()

    def _may(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._allowed if network.version == address.version)

    def _answer(self, block: bytes, peer: str) -> bytes:
        """Take one message; its acknowledgement."""
        try:
            reports, message = read_oru(block)
            for report in reports:
                self._take(report, f"hl7 {peer}")
        except (MessageError, PermanentError) as error:
            self._log.event(
                "report_refused", "HL7: a message was refused", "WARNING", peer=peer, error=error.public
            )
            return _acknowledged(block, "AR", str(error))
        except RetriableError as error:
            return _acknowledged(block, "AE", error.public)
        return bytes(str(message.create_ack("AA")), "utf-8", "backslashreplace")


def _acknowledged(block: bytes, code: str, words: str) -> bytes:
    """The acknowledgement of a message that may be anything."""
    head, control = _heads(block, code)
    words = words.replace("\\", "/").translate({ord(one): " " for one in "|^~&\r\n"})[:200]
    text = f"{head}\rMSA|{code}|{control}|{words}\r"
    return text.encode("utf-8", "backslashreplace")


def _heads(block: bytes, code: str) -> tuple[str, str]:
    """The MSH of the acknowledgement, and the message's control id."""
    try:
        message = hl7.parse(block.decode(_LOSSLESS).replace("\n", "\r"))
        return str(message.create_ack(code)).split("\r")[0], str(message.segment("MSH")[10])
    except Exception:  # whatever it was, its sender hears that it was not taken
        return "MSH|^~\\&|||||||ACK|0|P|2.5.1", ""


class MllpClient:
    """
    Sends one message at a time, a connection each.

    Args:
        host: Of the RIS.
        port: Of the RIS.
        ca_file: Authorities of its certificate: TLS; empty: none.
        timeout: For connecting and for the acknowledgement, in seconds.
    """

    def __init__(self, host: str, port: int, ca_file: str = "", timeout: float = 30.0) -> None:
        self._host, self._port, self._timeout = host, port, timeout
        self._tls = ssl.create_default_context(cafile=ca_file) if ca_file else None

    def send(self, message: str) -> None:
        """
        Send a message and wait until it is acknowledged.

        Raises:
            Unreachable: Nobody listens there.
            RetriableError: No acknowledgement in time, or ``AE``.
            PermanentError: ``AR``: it will never be taken.
        """
        with about("RIS"):
            code, words = asyncio.run(self._call(message))
            if code in ("AR", "CR"):
                raise PermanentError("the RIS refuses the report", words)
            if code not in ("AA", "CA"):
                raise RetriableError(f"the RIS answers {code or 'nothing'}", words)

    async def _call(self, message: str) -> tuple[str, str]:
        reader, writer = await self._connect()
        try:
            async with asyncio.timeout(self._timeout):
                writer.writeblock(message.encode("utf-8", "backslashreplace"))
                await writer.drain()
                return _read_ack(await reader.readblock())
        except (OSError, TimeoutError, asyncio.IncompleteReadError, InvalidBlockError, ValueError) as error:
            raise RetriableError(f"no acknowledgement of the RIS: {type(error).__name__}") from error
        finally:
            writer.close()

    async def _connect(self) -> tuple[HL7StreamReader, HL7StreamWriter]:
        try:
            async with asyncio.timeout(self._timeout):
                opened: tuple[HL7StreamReader, HL7StreamWriter] = await open_hl7_connection(
                    self._host, self._port, limit=MAX_BYTES, encoding="utf-8", ssl=self._tls
                )
                return opened
        except (OSError, TimeoutError) as error:
            raise Unreachable(f"the RIS does not answer: {type(error).__name__}", str(error)) from error


def _read_ack(block: bytes) -> tuple[str, str]:
    """Code and words of an acknowledgement."""
    for line in block.decode("utf-8", "backslashreplace").replace("\n", "\r").split("\r"):
        fields = line.split("|")
        if fields[0] == "MSA":
            return (fields[1] if len(fields) > 1 else ""), (fields[3] if len(fields) > 3 else "")
    return "", ""
