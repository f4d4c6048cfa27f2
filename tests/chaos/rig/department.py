"""
Sends small days, late in part and pushed, while everything around breaks; what it could not send it sends
again.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

import requests

from hospital_sim.sending.scu import Pacs, StoreError
from hospital_sim.sending.stranger import STRANGER
from tests.chaos.rig.harness import Rig
from tests.chaos.rig.liar import Liar
from tests.chaos.rig.small_day import Part, nasty_parts, small_day
from tests.support.images.dicom_maker import store

HEAVY_SLICES = (160, 480)
"""Of the one heavy study of every other day or so: 20 to 60 MB."""
OTHER_PACS = 0.35
"""Of the days."""
_AGAIN_S = 1.0
_REST_S = 20.0
_LOOK_S = 0.2


@dataclass(frozen=True)
class _ToSend:
    """``at``: of ``time.monotonic``."""

    at: float
    part: Part


@dataclass
class Department:
    """
    A thread; a day every ``every_s`` seconds or so, until it is told to stop.

    A server that is not there keeps the others' images waiting no longer than one try; a device gives up
    nothing.
    """

    rig: Rig
    chance: random.Random
    every_s: float = 12.0
    liar: Liar | None = None
    """A second PACS; with it strangers push, and PatientIDs are corrected."""
    poisoned: int = 0
    """So many studies of that PACS are poisoned, one on each of the first days."""
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
        """
        Begin no more days; every image of those that were begun is where it belongs then, late ones too.
        """
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
        parts = nasty_parts(day, self.chance, lies=self.liar is not None)
        self._to_send += [_ToSend(now + part.after_s, part) for part in parts]
        if self.liar is not None:
            self._lie(self.liar)

    def _lie(self, liar: Liar) -> None:
        """Every third day or so the other PACS gets studies, too."""
        if self.days > self.poisoned and self.chance.random() > OTHER_PACS:
            return
        day = small_day(f"{self.days}-LIAR", self.rig.stack.time_zone)
        self.rig.wanted += day.wanted
        liar.take(day)
        if self.days <= self.poisoned:
            liar.poison(f"{self.days}-POISON", day.studies[0].date)

    def _send_what_is_due(self) -> None:
        now = time.monotonic()
        due = [one for one in self._to_send if one.at <= now]
        for one in due:
            if self._is_too_early(one.part):
                continue
            self._to_send.remove(one)
            try:
                self._send(one.part)
            except (StoreError, OSError):  # C-STORE of an image that is there already changes nothing
                self._to_send.append(_ToSend(time.monotonic() + _AGAIN_S, one.part))

    def _is_too_early(self, part: Part) -> bool:
        """
        Whether a stranger's images would come before the PACS has the study, because it is down.

        Of a study that no PACS knows nobody can say that its images are another patient's: they are computed
        as UNVERIFIED (M8a), and replaced later.
        """
        study = part.images[0].StudyInstanceUID
        others = (one.part for one in self._to_send if one.part is not part)
        return part.calling == STRANGER and any(
            not other.pushed and other.images[0].StudyInstanceUID == study for other in others
        )

    def _send(self, part: Part) -> None:
        server = self.rig.stack.receiver if part.pushed else self.rig.stack.hospital
        if part.replaces:
            self._delete(str(part.images[0].StudyInstanceUID))
        store(Pacs("127.0.0.1", server.ports.dicom, server.aet), part.images, part.calling)

    def _delete(self, study_uid: str) -> None:
        """What the PACS has of a study; its REST API's errors are OSErrors."""
        hospital = self.rig.stack.hospital
        with requests.Session() as session:
            session.auth = (hospital.user, hospital.password)
            found = session.post(f"{hospital.url}/tools/lookup", data=study_uid, timeout=_REST_S)
            found.raise_for_status()
            for one in found.json():
                if one["Type"] == "Study":
                    session.delete(f"{hospital.url}{one['Path']}", timeout=_REST_S).raise_for_status()
