"""
The rules by version: what is being received goes on by those that it began with, also over a restart.
"""

from __future__ import annotations

import json
from dataclasses import fields

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rehearse.changes import plain
from pacs_module.domain.rules.read_switches import parse_switches
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.rules_in_force import RulesInForce

from ..runtime.clock import now_ms
from ..runtime.worker import Worker
from .journal import Journal

LOOK_S = 1.0
"""How often the site's file is looked at, in seconds; one stat."""
_KEPT = 100
"""In the journal."""
_HELD = 10
"""In memory."""


class Rules:
    """
    What is in force, and what was.

    Args:
        in_force: The site's rules.
        journal: Where each version that came into force is kept.
    """

    def __init__(self, in_force: RulesInForce, journal: Journal) -> None:
        self._in_force = in_force
        self._journal = journal
        self._known: dict[str, Switches] = {}
        self._remember(in_force.current)

    @property
    def current(self) -> Switches:
        """What a reception that begins now is judged by."""
        return self._in_force.current

    def look(self) -> bool:
        """Take over what ``apply`` has written; whether there was something."""
        switches = self._in_force.look()
        if switches is not None:
            self._remember(switches)
        return switches is not None

    def of(self, version: str) -> Switches:
        """
        The rules of a version. One that was never in force here is that of a pacs_module which has read the
        file sooner, or another file: then what is in force.
        """
        if not version:
            return self.current
        found = self._find(version)
        if found is None:
            self.look()
            found = self._find(version)
        return found or self.current

    def _find(self, version: str) -> Switches | None:
        if version not in self._known:
            row = self._journal.row("SELECT switches FROM rules WHERE version = ?", version)
            read = _read(row["switches"]) if row is not None else None
            if read is None or read.version != version:
                return None
            self._hold(read)
        return self._known[version]

    def _hold(self, switches: Switches) -> None:
        """In memory only the newest: each has what it has judged with it."""
        self._known[switches.version] = switches
        while len(self._known) > _HELD:
            del self._known[next(iter(self._known))]

    def _remember(self, switches: Switches) -> None:
        self._hold(switches)
        values = {one.name.upper(): plain(getattr(switches, one.name)) for one in fields(Switches)}
        with self._journal.transaction():
            self._journal.write(
                "INSERT INTO rules VALUES (?, ?, ?) ON CONFLICT (version) DO UPDATE SET at = excluded.at",
                switches.version, json.dumps(values), now_ms(),
            )  # fmt: skip
            self._journal.write(
                "DELETE FROM rules WHERE version NOT IN (SELECT version FROM rules ORDER BY at DESC LIMIT ?)",
                _KEPT,
            )


class RulesWatch(Worker):
    """Takes over rules that are changed while the plugins run."""

    def __init__(self, rules: Rules, log: ContractLog) -> None:
        super().__init__("rules", log)
        self._rules = rules

    def step(self) -> float:
        """Check once."""
        self._rules.look()
        return LOOK_S


def _read(text: str) -> Switches | None:
    """None for what another version of the program wrote."""
    try:
        return parse_switches(json.loads(text))
    except (ConfigurationError, ValueError):
        return None
