"""
Whom this process waits for now: its loops, the backend, the moves of each PACS, and what another process says
of a PACS.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..domain.circuit import CLOSED
from ..domain.explain.outages import Outage, ServerFault, outages
from ..shared.http import address_of
from .loop import Role
from .service import Service


def waits_for(service: Service) -> list[Outage]:
    """Everybody that is away: the work goes on when they are back, and nothing is lost."""
    return outages((loop, fault) for loop, fault in _faults(service) if fault is not None)


def _faults(service: Service) -> Iterator[tuple[str, ServerFault | None]]:
    """What each loop has met last, what each round of finds has, and what circuits know."""
    backend = service.circuit.fault(f"backend at {address_of(service.settings.backend.url)}")
    for name, loop in service.loops.items():
        yield name, loop.fault
    for name, find in service.find_loops.items():
        yield f"find {name}", find.fault
    for name, loop in service.loops.items():
        if loop.role is Role.DELIVER:
            yield name, backend
    for pacs in service.settings.pacs:
        yield f"pull {pacs.name}", service.paths.fault(pacs.name)
    yield from _of_destinations(service)


def _of_destinations(service: Service) -> list[tuple[str, ServerFault | None]]:
    made = service.destinations
    if made is None:
        return []
    return [
        (f"upload {name}", circuit.fault(f"destination {name}")) for name, circuit in made.circuits.items()
    ]


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


def away_now(service: Service) -> dict[str, str]:
    """Who does not answer now, and what is known of it."""
    away: dict[str, str] = {}
    for name in sorted(service.unreachable):
        away[name] = f"{name} did not answer the last find{_because(service, name)}"
    for pacs in service.settings.pacs:
        words = _path_words(service, pacs.name)
        if words:
            found = away.get(pacs.name)
            away[pacs.name] = f"{found}; {words}" if found else words
    backend = service.circuit.told()
    if backend["circuit"] != CLOSED:
        again = _when(service, backend["retryAt"])
        away["backend"] = f"the backend is down ({backend['why']}); tried again {again}"
    for name, circuit in (service.destinations.circuits if service.destinations else {}).items():
        told = circuit.told()
        if told["circuit"] != CLOSED:
            words = (
                f"destination {name} is away ({told['why']}); tried again {_when(service, told['retryAt'])}"
            )
            away[f"destination {name}"] = words
    return away


def _path_words(service: Service, pacs: str) -> str:
    """Empty: pulls from it come."""
    moves = service.paths.told(pacs)
    if moves["circuit"] == CLOSED:
        return ""
    again = _when(service, moves["retryAt"])
    return f"nothing can be pulled from {pacs}: {moves['why']}; tried again {again}"


def _when(service: Service, at: str | None) -> str:
    """On the hospital's clock: people read this."""
    return (
        f"{datetime.fromisoformat(at).astimezone(service.settings.zone):%Y-%m-%d %H:%M:%S}"
        if at
        else "just now"
    )


def _because(service: Service, pacs: str) -> str:
    """The reason, in brackets: it may be Orthanc, which asks for us, that is away."""
    loop = service.loops.get(f"find {pacs}")
    fault = loop.fault if loop else None
    return f" ({fault.because})" if fault else ""
