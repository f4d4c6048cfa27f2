"""Sends small days to the PACS while everything around it breaks; what it could not send it sends again."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

from hospital_sim.scu import Pacs, StoreError
from tests.chaos.harness import Rig
from tests.chaos.small_day import small_day

_AGAIN_S = 1.0


@dataclass
class Department:
    """A thread; a day every ``every_s`` seconds or so, until it is told to stop. ``sent`` days are in the PACS whole."""

    rig: Rig
    chance: random.Random
    every_s: float = 12.0
    sent: int = 0
    begun: int = 0
    error: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to send."""
        self._thread = threading.Thread(target=self._run, name="department", daemon=True)
        self._thread.start()

    def stop(self, within_s: float = 300.0) -> None:
        """Finish the day that is being sent; every study that was begun is in the PACS then."""
        self._stop.set()
        self._thread.join(within_s)
        if self._thread.is_alive():
            raise TimeoutError(f"the department could not send its last day within {within_s:g} s")
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._one_day()
                self._stop.wait(self.chance.uniform(0.3, 1.7) * self.every_s)
        except BaseException as error:
            self.error = error

    def _one_day(self) -> None:
        self.begun += 1
        day = small_day(f"{self.begun}", self.rig.stack.time_zone, cts=self.chance.randint(1, 3))
        self.rig.wanted += day.wanted
        hospital = self.rig.stack.hospital
        pacs = Pacs("127.0.0.1", hospital.ports.dicom, hospital.aet)
        while True:
            try:
                day.send(pacs)
            except (StoreError, OSError):
                self._stop.wait(_AGAIN_S)  # C-STORE of an image that is there already changes nothing
            else:
                self.sent += 1
                return
