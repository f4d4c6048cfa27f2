"""
Whom this process waits for now: its loops, the backend, the moves of each PACS, and what another process says
of a PACS.
"""

from __future__ import annotations

from ..domain.explain.outages import Outage, outages
from ..shared.http import address_of
from .loop import Role
from .service import Service


def waits_for(service: Service) -> list[Outage]:
    """Everybody that is away: the work goes on when they are back, and nothing is lost."""
    loops = service.loops
    faults = [(name, loop.fault) for name, loop in loops.items()]
    faults += [(f"find {name}", loop.fault) for name, loop in service.find_loops.items()]
    backend = service.circuit.fault(f"backend at {address_of(service.settings.backend.url)}")
    faults += [(name, backend) for name, loop in loops.items() if loop.role is Role.DELIVER]
    faults += [(f"pull {pacs.name}", service.paths.fault(pacs.name)) for pacs in service.settings.pacs]
    return outages((loop, fault) for loop, fault in faults if fault is not None)


def stuck(service: Service) -> dict[str, float]:
    """The loops whose step takes longer than one should, with its seconds so far."""
    return {name: loop.step_s() for name, loop in service.loops.items() if loop.stuck()}


def measure(service: Service) -> None:
    """For the metrics, which are asked for now and then."""
    now, stands = service.clock.now(), stuck(service)
    seconds = {entry.what: (now - entry.since) / 1000 for entry in waits_for(service)}
    paths = {pacs.name: service.paths.of_now(pacs.name).circuit.state for pacs in service.settings.pacs}
    service.metrics.move_paths(paths)
    service.metrics.waiting(seconds, {name: name in stands for name in service.loops})
