"""Sends small days, late in part and pushed, while everything around breaks; what it could not send it sends again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from hospital_sim.scu import Pacs, StoreError
from tests.chaos.harness import Rig
from tests.chaos.small_day import Part, nasty_parts, small_day
from tests.support.dicom_maker import store

HEAVY_SLICES = (160, 480)
"""Of the one heavy study of every other day or so: 20 to 60 MB."""
_AGAIN_S = 1.0
_LOOK_S = 0.2


@dataclass(frozen=True)
class _ToSend:
    """``at``: of ``time.monotonic``."""

    at: float
    images: Sequence[Dataset]
    pushed: bool


@dataclass
class Department:
    """
    A thread; a day every ``every_s`` seconds or so, until it is told to stop.

    A server that is not there keeps the others' images waiting no longer than one try; a device gives up nothing.
    """

    rig: Rig
    chance: random.Random
    every_s: float = 12.0
    days: int = 0
    heavy: set[str] = field(default_factory=set)
    """StudyInstanceUIDs."""
    error: BaseException | None = None
    _to_send: list[_ToSend] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="department", daemon=True)
        self._thread.start()

    def stop(self, within_s: float = 900.0) -> None:
        """Begin no more days; every image of those that were begun is where it belongs then, late ones too."""
        self._stop.set()
        self._thread.join(within_s)
        if self._thread.is_alive():
            raise TimeoutError(f"the department could not send its last images within {within_s:g} s")
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        next_day = time.monotonic()
        try:
            while self._to_send or not self._stop.is_set():
                if time.monotonic() >= next_day and not self._stop.is_set():
                    self._begin_day()
                    next_day = time.monotonic() + self.chance.uniform(0.3, 1.7) * self.every_s
                self._send_what_is_due()
                time.sleep(_LOOK_S)
        except BaseException as error:
            self.error = error

    def _begin_day(self) -> None:
        self.days += 1
        heavy = self.chance.choice((0, self.chance.randint(*HEAVY_SLICES)))
        day = small_day(f"{self.days}", self.rig.stack.time_zone, cts=self.chance.randint(1, 3), heavy=heavy)
        self.heavy |= {day.studies[0].uid} if heavy else set()
        self.rig.wanted += day.wanted
        now = time.monotonic()
        self._to_send += [self._part(part, now) for part in nasty_parts(day, self.chance)]

    def _part(self, part: Part, now: float) -> _ToSend:
        return _ToSend(now + part.after_s, part.images, part.pushed)

    def _send_what_is_due(self) -> None:
        now = time.monotonic()
        due = [one for one in self._to_send if one.at <= now]
        for one in due:
            self._to_send.remove(one)
            server = self.rig.stack.receiver if one.pushed else self.rig.stack.hospital
            try:
                store(Pacs("127.0.0.1", server.ports.dicom, server.aet), one.images)
            except (StoreError, OSError):  # C-STORE of an image that is there already changes nothing
                self._to_send.append(_ToSend(time.monotonic() + _AGAIN_S, one.images, one.pushed))
