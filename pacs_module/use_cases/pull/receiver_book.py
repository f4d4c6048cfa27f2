"""
What is known of the receiving Orthancs now, and to which of them a study is pulled.

In memory: whoever starts anew has asked them all within seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ...domain.instants import milliseconds
from ...domain.pull.ram_disk import CT_BYTES
from ...domain.pull.receivers import Receiver, ReceiverChoice, Wanted, choose_receiver
from ...domain.pull.source_pacs import failed_last_at
from ...domain.study.study import Study
from ...ports import Clock, EventLog

MANY_IMAGES = 300
"""Reckoned with for a study that nobody counted, until its receiver tells what it promised."""
MOST_TOO_LARGE = 1000


@dataclass
class ReceiverBook:
    """
    Told by whoever asks them; thread-safe.

    Args:
        names: As in the settings, at least one.
        clock: Its steady one: a wall clock that is set forward takes nobody's pulls away.
        log: For a receiver that is away, and its return.
        away_after: From then on the pulls of one that does not answer go to another.
    """

    names: Sequence[str]
    clock: Clock
    log: EventLog
    away_after: timedelta = timedelta(minutes=1)
    _known: dict[str, Receiver] = field(default_factory=dict)
    _away_since: dict[str, int] = field(default_factory=dict)
    _full_until: dict[str, int] = field(default_factory=dict)
    _too_small: dict[str, set[str]] = field(default_factory=dict)
    """Receivers by StudyInstanceUID."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Nothing is known of any of them."""
        self._known = {name: Receiver(name) for name in self.names}

    @property
    def several(self) -> bool:
        """Whether there is a choice at all."""
        return len(self.names) > 1

    def choose(self, study: Study) -> ReceiverChoice:
        """Choose where a study is pulled to."""
        with self._lock:
            too_small = frozenset(self._too_small.get(study.study_uid, ()))
            wanted = Wanted(self._last_at(study), self._failed_at(study), too_small)
            return choose_receiver([self._now(name) for name in self.names], wanted)

    def gave(self, name: str, study: Study) -> None:
        """A pull is asked for there: its bytes are promised before the receiver itself tells so."""
        images = study.count or MANY_IMAGES
        with self._lock:
            one = self._known[name]
            promised = one.promised + images * CT_BYTES
            self._known[name] = replace(one, pulls=one.pulls + 1, promised=promised)

    def told(self, name: str, state: Mapping[str, Any]) -> None:
        """One has told of its RAM disk."""
        called = state.get("receiver") or name
        away = "" if called == name or not self.several else f"what answers there is called {called}"
        with self._lock:
            self._known[name] = Receiver(
                name, state.get("totalBytes", 0), state.get("freeBytes", 0), state.get("reserveBytes", 0),
                state.get("promisedBytes", 0), state.get("pullsRunning", 0), away,
            )  # fmt: skip
        self._is_there(name, away)

    def lost(self, name: str, why: str) -> None:
        """One does not answer."""
        name = self._named(name)
        with self._lock:
            new = name not in self._away_since
            self._away_since.setdefault(name, self.clock.steady())
            self._known[name] = replace(self._known[name], away=why)
        if new and self.several:
            words = f"the receiver {name} is away: nothing is pulled to it"
            self.log.event("receiver_away", words, "WARNING", receiver=name, why=why)

    def no_room(self, name: str, pause: timedelta) -> None:
        """One has refused a pull for want of room."""
        with self._lock:
            self._full_until[self._named(name)] = self.clock.steady() + milliseconds(pause)

    def too_small(self, name: str, study_uid: str) -> bool:
        """The whole disk of one is too small for a study; whether another may be larger."""
        with self._lock:
            if study_uid not in self._too_small and len(self._too_small) >= MOST_TOO_LARGE:
                self._too_small.clear()  # it is only learned again
            refused = self._too_small.setdefault(study_uid, set())
            refused.add(self._named(name))
            return len(refused) < len(self.names)

    def gone(self, name: str) -> str:
        """Why the pulls of one go to another, in words; empty: they stay."""
        with self._lock:
            since = self._away_since.get(self._named(name))
            if not self.several or since is None:
                return ""
            away = timedelta(milliseconds=self.clock.steady() - since)
            if away < self.away_after:
                return ""
            return f"the receiver {self._named(name)} has not answered for {away.seconds} s"

    def is_away(self, name: str) -> bool:
        """Whether one of several does not answer now; of one alone whoever asks it finds out."""
        return self.several and self._named(name) in self._away_since

    def has_room(self) -> bool:
        """Whether any of them may take a pull now."""
        with self._lock:
            known = [self._now(name) for name in self.names]
        return any(not one.away and not one.full for one in known)

    def shown(self) -> dict[str, dict[str, Any]]:
        """Each for health and pages; empty where there is only one."""
        if not self.several:
            return {}
        with self._lock:
            known = [self._now(name) for name in self.names]
        return {
            one.name: {
                "totalBytes": one.total,
                "freeBytes": one.free,
                "roomBytes": one.room,
                "pulls": one.pulls,
                "away": one.away,
                "full": one.full,
            }
            for one in known
        }

    def _is_there(self, name: str, away: str) -> None:
        if away:
            self.lost(name, away)
            return
        with self._lock:
            back = self._away_since.pop(name, None) is not None
        if back and self.several:
            words = f"the receiver {name} is back"
            self.log.event("receiver_back", words, "WARNING", receiver=name)

    def _now(self, name: str) -> Receiver:
        full = self._full_until.get(name, 0) > self.clock.steady()
        return replace(self._known[name], full="it had no room a moment ago" if full else "")

    def _named(self, name: str) -> str:
        """As it is known here; what was pulled before there were several is at the first one."""
        return name if name in self._known else self.names[0]

    def _last_at(self, study: Study) -> str:
        """Where it was pulled to last; empty: nowhere."""
        return self._named(study.pull.request.receiver) if study.pull is not None else ""

    def _failed_at(self, study: Study) -> str:
        """Where its last pull failed; not where it was only taken away from there."""
        if study.pull is None or failed_last_at(study) is None:
            return ""
        return self._last_at(study)
