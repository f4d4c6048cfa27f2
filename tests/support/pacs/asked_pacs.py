"""Both finders at one simulated PACS whose habits change from test to test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.pacs import ManualClock, SimPacs
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.orthanc_finder import OrthancFinder
from pacs_module.ports import EventLog, PacsFinder
from pacs_module.service.finders import finder_by_pacs
from pacs_module.settings import PacsSettings
from stack.ports import LOOPBACK, free_ports
from stack.run_folder import RunFolder
from tests.support.pacs.real_pacs import AskingOrthanc

PACS = "SIM"
AE_TITLE = "HOSPITAL-PACS"
FINDERS = ("orthanc", "pynetdicom")
DEADLINE_S = 60.0


@dataclass(frozen=True)
class Finders:
    """Both ways to ask the PACS that listens at ``port``."""

    port: int
    orthanc: OrthancFinder

    @property
    def peer(self) -> Peer:
        """The PACS."""
        return Peer(LOOPBACK, self.port, AE_TITLE, "AIPULL")

    def of(self, name: str, log: EventLog | None = None) -> PacsFinder:
        """One of FINDERS; with a log Orthanc's falls back on asking the PACS directly, as in the service."""
        settings = PacsSettings(name=PACS) if name == "orthanc" else self._direct()
        return finder_by_pacs([settings], lambda _: self.orthanc, DEADLINE_S, log)

    def _direct(self) -> PacsSettings:
        peer = self.peer
        return PacsSettings(
            name=PACS, finder="pynetdicom", host=peer.host, port=peer.port, ae_title=peer.ae_title
        )

    def pacs(self, day: BusyDay, now: dt.datetime, *habits: str) -> SimPacs:
        """The PACS at a moment of the day, to be entered."""
        return SimPacs(day, habits=habits, clock=ManualClock(now), port=self.port, ae_title=AE_TITLE)


@contextmanager
def both_finders(folder: Path) -> Iterator[Finders]:
    """With a real Orthanc that asks."""
    port = free_ports(1)[0]
    with RunFolder(folder / "run") as run:
        asking = AskingOrthanc(
            run, {PACS: Peer(LOOPBACK, port, AE_TITLE, "AIPULL")}, timeout=60, encoding="Utf8"
        )
        asking.start()
        orthanc = OrthancFinder(asking.url, asking.user, asking.password, DEADLINE_S)
        yield Finders(port, orthanc)
        orthanc.close()
        asking.kill()
