"""Which devices made a study: asked at SERIES level, else for one image (M26)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...domain.dicom.attributes import Attributes, clean_uid
from ...domain.dicom.device import DEVICE_ATTRIBUTES, NO_IMAGES, Device, device_of
from ...domain.errors import PipelineError, RetriableError
from ...domain.find.traits import TraitsByPacs, traits_of
from ...domain.reconcile.report_line import ReportLine
from ...ports import EventLog, PacsFinder

_SERIES_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", *DEVICE_ATTRIBUTES)
_IMAGE_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", *DEVICE_ATTRIBUTES)


@dataclass
class AskDevices:
    """
    One query a study, a second one only where the first told nothing; a PACS that fails once is not asked
    again in this run.

    Make a new one for each run.
    """

    finder: PacsFinder
    log: EventLog
    traits: TraitsByPacs
    _silent: set[str] = field(default_factory=set)

    def __call__(self, line: ReportLine) -> tuple[Device, ...]:
        """The devices of a study, each once; nothing told where no PACS says anything of them."""
        if not line.study_uid or line.study_uid.startswith("unpullable:"):
            return (Device(),)
        for pacs in line.pacs:
            try:
                found = self._at(pacs, line)
            except RetriableError as error:
                self._silent.add(pacs)
                self.log.event(
                    "reconcile_devices_skipped",
                    "reconcile: devices not asked for any more",
                    "WARNING",
                    pacs=pacs,
                    error=str(error),
                )
                continue
            if found:
                return found
        return (Device(),)

    def _at(self, pacs: str, line: ReportLine) -> tuple[Device, ...]:
        if pacs in self._silent:
            return ()
        answers = self._find(pacs, "SERIES", {"StudyInstanceUID": line.study_uid}, _SERIES_KEYS)
        return _devices(answers, line) or _devices(self._one_image(pacs, line, answers), line)

    def _one_image(self, pacs: str, line: ReportLine, series: Sequence[Attributes]) -> list[Attributes]:
        """
        Some tell at IMAGE level what they do not tell at SERIES level; one image is asked for, not a whole
        series.
        """
        uids = [uid for answer in series if (uid := clean_uid(answer.get("SeriesInstanceUID", "")))]
        if not uids:
            return []
        query = {"StudyInstanceUID": line.study_uid, "SeriesInstanceUID": uids[0], "InstanceNumber": "1"}
        return self._find(pacs, "IMAGE", query, _IMAGE_KEYS)

    def _find(self, pacs: str, level: str, query: dict[str, str], keys: Sequence[str]) -> list[Attributes]:
        """Nothing from a PACS that refuses the level; that is no fault."""
        if not traits_of(self.traits, pacs).series_level:
            return []
        try:
            return self.finder.find(pacs, level, query, keys)
        except RetriableError:
            raise
        except PipelineError:
            return []


def _devices(answers: Iterable[Attributes], line: ReportLine) -> tuple[Device, ...]:
    """Of the answers about this study, those of images first: a report's device is the workstation."""
    right = [each for each in answers if clean_uid(each.get("StudyInstanceUID", "")) in ("", line.study_uid)]
    images = [each for each in right if each.get("Modality", "").strip().upper() not in NO_IMAGES]
    told = dict.fromkeys(device_of(each) for each in images or right)
    told.pop(Device(), None)
    return tuple(told)
