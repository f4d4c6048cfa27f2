"""
The page Parameters: what the platform sets here, where each value comes from, and what was changed when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...domain.platform_parameters.parameter import PARAMETERS
from ..platform_parameters.fetch import FetchParameters

SHOWN = 100
PLATFORM, PINNED, SITE = "platform", "pinned", "site"


@dataclass(frozen=True)
class Line:
    """
    One parameter.

    Args:
        name: As the platform calls it.
        setting: Of the destinations, where it takes effect.
        value: In force by the platform, as it may be shown; empty: it says nothing of it.
        source: ``platform``, ``pinned`` (the site's, whatever the platform says) or ``site`` (it says
            nothing).
    """

    name: str
    setting: str
    value: str
    source: str


@dataclass(frozen=True)
class ParametersView:
    """
    The page; ``is_on`` False: no platform sets anything.

    Args:
        lines: Every parameter.
        version: Of the set in force; None: none, or it has no version.
        since: When the set came into force.
        asked_at: When the platform was asked last.
        problem: Why it was not taken then; empty: all is well.
        unknown: Names that this version does not know.
        destinations: Who follows.
        history: The last changes, the newest first.
    """

    is_on: bool
    lines: Sequence[Line] = ()
    version: int | None = None
    since: str = ""
    asked_at: str = ""
    problem: str = ""
    unknown: Sequence[str] = ()
    destinations: Sequence[str] = ()
    history: Sequence[Mapping[str, Any]] = ()


def show_parameters(fetch: FetchParameters | None, destinations: Sequence[str] = ()) -> ParametersView:
    """Make the page; no secret is in it."""
    if fetch is None:
        return ParametersView(False)
    version, since, lines = _in_force(fetch)
    return ParametersView(
        is_on=True,
        lines=lines,
        version=version,
        since=since,
        asked_at=fetch.asked_at,
        problem=fetch.problem,
        unknown=fetch.unknown,
        destinations=tuple(destinations),
        history=tuple(fetch.history[:SHOWN]),
    )


def _in_force(fetch: FetchParameters) -> tuple[int | None, str, tuple[Line, ...]]:
    """The version that holds, since when, and a line for each parameter."""
    in_force = fetch.in_force
    values = in_force.values if in_force is not None else {}
    lines = tuple(_line(name, values.get(name), name in fetch.pinned) for name in PARAMETERS)
    return (in_force.version, in_force.at, lines) if in_force is not None else (None, "", lines)


def _line(name: str, value: Any, pinned: bool) -> Line:
    parameter = PARAMETERS[name]
    source = PINNED if pinned else SITE if value is None else PLATFORM
    return Line(name, parameter.setting, parameter.shown(value), source)
