"""
Roles, what each may do, and who asks.

A route needs one right (``web/request_guard/needs.py`` has the table); a role grants several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class AccessRole(StrEnum):
    """What somebody is here."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    PLUGIN = "plugin"
    BACKEND = "backend"
    EXCHANGE = "exchange"
    """A RIS, a platform, a quality system: posts reports and quality data."""


class Right(StrEnum):
    """What a route needs."""

    OPEN = "open"
    """Nothing: it names no patient and changes nothing."""
    METRICS = "metrics"
    """Numbers without names."""
    SEE = "see"
    """Studies, logs, settings."""
    WORK = "work"
    """Manual work: pulls, priorities, dead letters, repair."""
    ADMINISTER = "administer"
    """Rules in force, settings from a probe."""
    NOTIFY = "notify"
    """What the plugins post."""
    RESULT = "result"
    """What the backend posts."""
    EXCHANGE = "exchange"
    """Reports with their texts, and quality data: posted and read."""


GRANTS: Mapping[AccessRole, frozenset[Right]] = {
    AccessRole.VIEWER: frozenset({Right.METRICS, Right.SEE}),
    AccessRole.OPERATOR: frozenset({Right.METRICS, Right.SEE, Right.WORK, Right.EXCHANGE}),
    AccessRole.ADMIN: frozenset({Right.METRICS, Right.SEE, Right.WORK, Right.ADMINISTER, Right.EXCHANGE}),
    AccessRole.PLUGIN: frozenset({Right.METRICS, Right.NOTIFY}),
    AccessRole.BACKEND: frozenset({Right.METRICS, Right.RESULT}),
    AccessRole.EXCHANGE: frozenset({Right.METRICS, Right.EXCHANGE}),
}
MACHINES = frozenset({AccessRole.PLUGIN, AccessRole.BACKEND, AccessRole.EXCHANGE})
PEOPLE = frozenset(AccessRole) - MACHINES


class Way(StrEnum):
    """How somebody showed who he is."""

    NOBODY = "nobody"
    LOOPBACK = "loopback"
    SHARED_KEY = "shared key"
    CONSOLE = "console"
    KEY = "key"
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a word of OpenID Connect


@dataclass(frozen=True)
class Caller:
    """
    Who asks.

    ``name`` is empty where nobody can tell: the shared key is no person's. ``key_id`` names the key of the
    store that he showed, now or when he signed in.
    """

    name: str = ""
    roles: frozenset[AccessRole] = frozenset()
    way: Way = Way.NOBODY
    key_id: str = ""

    def may(self, right: Right) -> bool:
        """Whether one of his roles grants it."""
        return right is Right.OPEN or any(right in GRANTS[role] for role in self.roles)

    @property
    def known_name(self) -> bool:
        """Whether the name was proved, and is not what somebody says of himself."""
        return bool(self.name) and self.way in (Way.KEY, Way.SESSION, Way.TOKEN)


NOBODY = Caller()


def roles_for(right: Right) -> tuple[AccessRole, ...]:
    """The roles that grant a right, for a refusal that helps."""
    return tuple(role for role in AccessRole if right in GRANTS[role])


def roles_named(names: Iterable[str]) -> frozenset[AccessRole]:
    """The roles among these texts; others are nobody's business here."""
    known = {role.value: role for role in AccessRole}
    return frozenset(known[name] for name in names if name in known)
