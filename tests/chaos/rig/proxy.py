"""
A TCP proxy between two of our servers that can be told to misbehave: refuse, cut, hold, slow down, pass on
half.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any

from stack.ports import LOOPBACK, free_ports

_CHUNK = 65536
_LOOK_S = 0.02
_SLOW_S = 0.1


class Mode(StrEnum):
    """What happens to the connections."""

    PASS = "pass"
    REFUSE = "refuse"
    """A new connection is reset at once."""
    HOLD = "hold"
    """Everything stays open and nothing gets through: a firewall that has forgotten the connection."""
    SLOW = "slow"
    """Every chunk waits a tenth of a second."""
    HALVE = "halve"
    """
    Half of the next chunk gets through, then the connection is reset: the nastiest moment for a protocol.
    """


class Proxy:
    """
    Listens on a free port and connects to a target for every connection that it is given.

    Args:
        targets: Ports on loopback, the first one that accepts is taken: as a site's proxy does before
            replicas. Nobody need listen there yet.
    """

    def __init__(self, *targets: int) -> None:
        self.targets = targets
        self.port = free_ports(1)[0]
        self.mode = Mode.PASS
        self.bytes_per_s = 0.0
        """Of each connection, each way; 0: as fast as it goes. Whatever the mode is."""
        self._unanswered = b""
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"proxy to {targets}", daemon=True
        )
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._connected, LOOPBACK, self.port))

    def cut(self) -> None:
        """Reset all connections that are open now."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def lose_answer(self, to: bytes) -> None:
        """
        The next question with these bytes gets through, and its connection is reset in place of the answer:
        who asked cannot know whether it was done.
        """
        self._unanswered = to

    def close(self) -> None:
        """Reset everything and listen no more."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _end(self) -> None:
        self._server.close()
        self._abort_all()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _abort_all(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        self._writers.add(writer)
        try:
            if self.mode is not Mode.REFUSE:
                beyond, onward = await self._onward()
                writers.append(onward)
                self._writers.add(onward)
                doomed: list[bytes] = []
                await asyncio.gather(
                    self._pump(reader, onward, doomed), self._pump(beyond, writer, doomed, answers=True)
                )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in writers:
                self._writers.discard(one)
                one.transport.abort()

    async def _onward(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for target in self.targets:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(LOOPBACK, target)
        raise ConnectionRefusedError("nobody listens behind this proxy")

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        doomed: list[bytes],
        answers: bool = False,
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            if answers and doomed:
                raise ConnectionResetError("the answer is lost")
            if not answers and self._unanswered and self._unanswered in chunk:
                self._unanswered = b""
                doomed.append(chunk)
            while self.mode is Mode.HOLD:
                await asyncio.sleep(_LOOK_S)
            if self.mode is Mode.SLOW:
                await asyncio.sleep(_SLOW_S)
            if self.bytes_per_s:
                await asyncio.sleep(len(chunk) / self.bytes_per_s)
            if self.mode is Mode.HALVE:
                writer.write(chunk[: len(chunk) // 2])
                await writer.drain()
                raise ConnectionResetError("half of it is enough")
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()
