"""A second PACS for the storm, a simulated one, that lies in its answers and has poisoned studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from hospital_sim.pacs import SimPacs
from hospital_sim.sending.scu import Pacs
from hospital_sim.sending.stranger import of_datasets, poisoned, push
from stack.servers.orthanc import RECEIVER_AET
from tests.chaos.audit.identity import Poisoned
from tests.chaos.rig.small_day import SLICES, Day
from tests.support.images.dicom_maker import CHEST_CT, Study

NAME, AE_TITLE = "LIAR-PACS", "LIARPACS"
HABITS = (
    "bad-uid-answers", "foreign-answers=2", "answers-shuffled", "flapping-rows=2", "flapping-text=2",
    "patient-id-blanks",
    "corrected-patient=3", "move-other-title=NODE2", "move-no-originator",
)  # fmt: skip


@dataclass
class Liar:
    """
    Runs in this process, so that no disaster touches it: what its studies cost is its lies' doing alone.

    Attributes:
        poisoned: Its studies that kill whoever reads them.
    """

    habits: Sequence[str] = HABITS
    poisoned: list[Poisoned] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pacs = SimPacs(habits=self.habits, ae_title=AE_TITLE)

    def __enter__(self) -> Self:
        self.pacs.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pacs.stop()

    def options(self) -> dict[str, Any]:
        """What the stack must know of it beside the settings."""
        return {"more_pacs": {NAME: (AE_TITLE, self.pacs.port)}}

    def sends_to(self, port: int) -> None:
        """The receiving Orthanc's DICOM port."""
        self.pacs.destinations[RECEIVER_AET] = ("127.0.0.1", port)

    @property
    def address(self) -> Pacs:
        """For a device that sends to it."""
        return Pacs(self.pacs.host, self.pacs.port, AE_TITLE)

    def take(self, day: Day) -> None:
        """A day's studies are in it from now on."""
        day.send(self.address)

    def poison(self, name: str, date: str) -> Poisoned:
        """A chest CT whose last image has sequences inside each other, deeper than anybody reads."""
        study = Study(name, date)
        study.add_series(SLICES, CHEST_CT)
        images = of_datasets(study.images)
        push([*images, poisoned(images[-1])], self.address, "CT1")
        self.poisoned.append(Poisoned(study.uid, name))
        return self.poisoned[-1]

    def images(self) -> Mapping[str, frozenset[str]]:
        """SOPInstanceUIDs by SeriesInstanceUID."""
        found: dict[str, frozenset[str]] = {}
        for study in self.pacs.archive:
            found |= {
                series: frozenset(uids) for series, uids in study.sop_instance_uids(self.pacs.now).items()
            }
        return found
