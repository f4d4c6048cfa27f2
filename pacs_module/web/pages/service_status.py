"""What the service tells of itself now, for the page Today."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ...domain.circuit import CLOSED
from ...domain.errors import PipelineError
from ...domain.instants import iso
from ...service.outages import stuck, waits_for
from ...service.service import Service
from ...use_cases.show.today import Machine, Need

FRESH_S = 5.0
"""So long the numbers of RabbitMQ are taken as they were, in seconds."""


class ReadMachine:
    """Reads it; RabbitMQ is asked now and then, and not while it is known to be away."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._asked_at = -FRESH_S
        self._numbers: tuple[int | None, int | None] = (None, None)

    def __call__(self) -> Machine:
        """Read it."""
        queue, dead = self._queue()
        return Machine(
            ram_disk=dict(self._service.ram_disk.state),
            queue=queue,
            dead_letters=dead,
            pacs={name: self._pacs(name) for name in self._service.find_loops},
            backend=self._service.circuit.told(),
            needs=tuple(self._needs()),
        )

    def _queue(self) -> tuple[int | None, int | None]:
        now = time.monotonic()
        if now - self._asked_at < FRESH_S:
            return self._numbers
        self._asked_at, self._numbers = now, (None, None)
        publisher = self._service.loops.get("publish")
        if publisher is None or not publisher.alive() or publisher.fault is not None:
            return self._numbers
        with suppress(PipelineError):  # the loop that publishes tells of it
            self._numbers = self._service.queue.depth(), self._service.queue.dead_depth()
        return self._numbers

    def _pacs(self, name: str) -> dict[str, Any]:
        loop, moves = self._service.find_loops[name], self._service.paths.told(name)
        spared = self._service.pull.locks.held_back.get(name, "")
        capped = "answers were cut" if loop.capped else ""
        remarks = [str(one) for one in (moves["why"], spared, capped) if one]
        return {"finds": loop.circuit, "moves": moves["circuit"], "remark": "; ".join(remarks)}

    def _needs(self) -> Iterator[Need]:
        service = self._service
        for outage in waits_for(service):
            yield Need("outage", outage.what, outage.because, iso(outage.since))
        for name, seconds in stuck(service).items():
            yield Need("stuck_loop", name, f"{seconds:.0f} s")
        if service.ram_disk.state.get("alarm"):
            yield Need("ram_disk", "", "results are late, or too many pulls at once")
        if service.circuit.told()["circuit"] != CLOSED and not waits_for(service):
            yield Need("outage", "backend", str(service.circuit.told()["why"]))
        last = service.audit.last
        if last is not None and last.differences:
            words = f"{len(last.differences)} differences at the newest comparison"
            yield Need("records", "store, journal, queue", words, link="/health")
        unreadable = len(service.store.unreadable())
        if unreadable:
            yield Need("unreadable", str(unreadable), "see the log", link="/log?text=unreadable")
