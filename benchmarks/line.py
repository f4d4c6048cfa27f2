"""
A line between two programs of this machine: all connections share its rate, each way, and every byte is late.

    python -m benchmarks.line PORT TARGET MBIT_PER_S ROUND_TRIP_MS
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque

_PIECE = 16 * 1024
_BUFFER_S = 0.05
"""So much waits within the line before its sender has to."""
_ADDRESS = "127.0.0.1"


class Way:
    """
    One direction.

    Args:
        rate: Bytes a second.
        delay: Seconds that a byte is on its way, beside its turn.
    """

    def __init__(self, rate: float, delay: float) -> None:
        self.rate, self.delay = rate, delay
        self._free_at = 0.0

    def arrives(self, size: int, now: float) -> float:
        """When so many bytes that are sent now are at the other end, behind all that were sent before."""
        self._free_at = max(self._free_at, now) + size / self.rate
        return self._free_at + self.delay

    def waits(self, now: float) -> float:
        """Seconds until its sender may go on."""
        return self._free_at - now - _BUFFER_S


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
    """From one end to the other, until the sender has nothing more."""
    loop = asyncio.get_running_loop()
    on_the_way: deque[tuple[float, bytes]] = deque()
    more, ended = asyncio.Event(), False

    async def deliver() -> None:
        while on_the_way or not ended:
            if not on_the_way:
                more.clear()
                await more.wait()
                continue
            at, data = on_the_way.popleft()
            await asyncio.sleep(max(0.0, at - loop.time()))
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    delivery = asyncio.create_task(deliver())
    try:
        while data := await reader.read(_PIECE):
            on_the_way.append((way.arrives(len(data), loop.time()), data))
            more.set()
            await asyncio.sleep(max(0.0, way.waits(loop.time())))
    finally:
        ended = True
        more.set()
    await delivery


async def serve(port: int, target: int, rate: float, round_trip: float) -> None:
    """Carry every connection to the target, for ever."""
    there, back = Way(rate, round_trip / 2), Way(rate, round_trip / 2)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            beyond, onward = await asyncio.open_connection(_ADDRESS, target)
            await asyncio.gather(_carry(reader, onward, there), _carry(beyond, writer, back))
            onward.close()
        except OSError:
            pass  # one end has hung up
        finally:
            writer.close()

    async with await asyncio.start_server(connected, _ADDRESS, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(
        serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) * 125_000, float(sys.argv[4]) / 1000)
    )
