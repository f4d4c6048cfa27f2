"""API keys of people and machines: made, listed, revoked, looked up; and sessions that were ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ...domain.access.keys import NAME, ApiKey, digest_of, from_memo, opens, parts_of, text_of
from ...domain.access.roles import AccessRole
from ...domain.errors import MessageError, RetriableError
from ...domain.instants import iso
from ...ports import Clock, EventLog
from ...ports.leases import Leases, Memo

T = TypeVar("T")
KEYS = "api keys"
"""The memo beside the studies that has them, by id."""
ENDED = "ended sessions"
"""
The memo of sessions that were signed out before they were over: id to the end of the session, epoch seconds.
"""
SECRET_BYTES = 32


@dataclass
class ManageKeys:
    """
    The keys in the store.

    While the store does not answer the keys are those that were read last: plugins and people keep their
    access, and a key that is revoked meanwhile counts until the store is back.
    """

    leases: Leases
    clock: Clock
    log: EventLog
    _last: dict[str, ApiKey] = field(default_factory=dict)
    _last_ended: Memo = field(default_factory=dict)

    def make(self, name: str, role: AccessRole, by: str) -> tuple[ApiKey, str]:
        """
        Make a key.

        Returns:
            The key as it is kept, and its text: nobody will ever be able to read it again.

        Raises:
            MessageError: The name cannot be used, or a key that counts has it.
        """
        _check_name(name)
        key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(SECRET_BYTES)
        made = ApiKey(key_id, name, role, digest_of(secret), iso(self.clock.now()), by)
        self.leases.edit(KEYS, partial(_with_key, made))
        self.log.event("key_made", "an API key was made", keyID=key_id, name=name, role=role.value, by=by)
        return made, text_of(key_id, secret)

    def revoke(self, key_id: str, by: str) -> ApiKey:
        """
        End a key; one that has ended stays as it is.

        Raises:
            MessageError: There is no such key.
        """
        at = iso(self.clock.now())

        def end(memo: Memo) -> Memo:
            key = _read(memo).get(key_id)
            if key is None:
                raise MessageError("key", key_id, "the id of a key: `pacs-module key list`")
            return {**memo, key_id: key.revoked(at).to_memo()}

        ended = _read(self.leases.edit(KEYS, end))[key_id]
        self.log.event(
            "key_revoked", "an API key was revoked", "WARNING", keyID=key_id, name=ended.name, by=by
        )
        return ended

    def all(self) -> list[ApiKey]:
        """All keys that there ever were, the oldest first."""
        return sorted(self._kept().values(), key=lambda key: (key.made_at, key.key_id))

    def of_text(self, given: str) -> ApiKey | None:
        """The key that a text is, when it counts."""
        parts = parts_of(given)
        if parts is None:
            return None
        key = self._kept().get(parts[0])
        return key if key is not None and opens(key, parts[1]) else None

    def of_id(self, key_id: str) -> ApiKey | None:
        """The key with this id, when it counts."""
        key = self._kept().get(key_id)
        return key if key is not None and key.counts else None

    def has_admin(self) -> bool:
        """Whether somebody has a key of his own with the role admin."""
        return any(key.counts and key.role is AccessRole.ADMIN for key in self._kept().values())

    def end_session(self, session: str, until: float, now: float) -> None:
        """A session is over before its time: its cookie opens nothing more. In epoch seconds."""

        def end(memo: Memo) -> Memo:
            lasting = {name: over for name, over in memo.items() if _number(over) > now}
            return {**lasting, session: until}

        self.leases.edit(ENDED, end)

    def has_ended(self, session: str) -> bool:
        """Whether a session was ended."""
        self._last_ended = self._read_or(lambda: self.leases.memo(ENDED), self._last_ended)
        return session in self._last_ended

    def _kept(self) -> dict[str, ApiKey]:
        self._last = self._read_or(lambda: _read(self.leases.memo(KEYS)), self._last)
        return self._last

    def _read_or(self, read: Callable[[], T], last: T) -> T:
        try:
            return read()
        except RetriableError:
            return last


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _read(memo: Mapping[str, object]) -> dict[str, ApiKey]:
    found = ((key_id, from_memo(key_id, told)) for key_id, told in memo.items())
    return {key_id: key for key_id, key in found if key is not None}


def _check_name(name: str) -> None:
    if not NAME.match(name) or name != name.strip():
        raise MessageError("name", name, "1 to 60 letters, digits, blanks and . @ _ -")


def _with_key(made: ApiKey, memo: Memo) -> Memo:
    if any(one.counts and one.name == made.name for one in _read(memo).values()):
        raise MessageError("name", made.name, "a name that no key has that still counts")
    return {**memo, made.key_id: made.to_memo()}
