"""
The series of a folder of DICOM files as the rules would be given them after reception: by the images that
agree, for an engineer who tunes before anything is connected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...domain.dicom.attributes import SeriesFacts, dashed_date
from ...domain.dicom.images import ImageFacts, image_facts
from ...domain.errors import ConfigurationError
from ...domain.rehearse.record import RECEPTION, JudgedStudy, header
from ...domain.rules.attribute_rules import wants_image
from ...domain.rules.filters import judge_series
from ...domain.rules.switches import Switches
from ...domain.series_agreement.agreement import agree, agreed_facts
from ...shared.dicom_header import Header, read_facts, read_header


@dataclass
class _Series:
    """The header of its first image, and what all of them have in common."""

    first: Header
    images: dict[str, ImageFacts] = field(default_factory=dict)


def read_folder(folder: Path, switches: Switches) -> Iterator[JudgedStudy]:
    """
    Read every DICOM file below a folder; other files, and what cannot be read, are passed over.

    Args:
        folder: Looked through with all folders in it; links are not followed.
        switches: Say which images of a series are wanted.

    Yields:
        The studies, in order of StudyInstanceUID.

    Raises:
        ConfigurationError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigurationError("folder", str(folder), "a folder with DICOM files")
    studies: dict[str, dict[str, _Series]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            _take(file, studies)
    for study_uid in sorted(studies):
        yield _study(study_uid, studies[study_uid], switches)


def _study(study_uid: str, series: dict[str, _Series], switches: Switches) -> JudgedStudy:
    day = dashed_date(next(iter(series.values())).first.text("StudyDate"))
    headers = [_judged(uid, one, switches) for uid, one in sorted(series.items())]
    return JudgedStudy(study_uid, day, "").with_headers(
        header(facts, judge_series(facts, switches), RECEPTION) for facts in headers
    )


def _take(file: Path, studies: dict[str, dict[str, _Series]]) -> None:
    try:
        with file.open("rb") as opened:
            read = read_header(opened)
    except OSError:
        return
    if not isinstance(read, Header) or not read.text("SeriesInstanceUID"):
        return
    series = studies.setdefault(read.text("StudyInstanceUID"), {})
    one = series.setdefault(read.text("SeriesInstanceUID"), _Series(read))
    facts = image_facts(read.tags)
    one.images[facts.sop_uid] = facts


def _judged(uid: str, one: _Series, switches: Switches) -> SeriesFacts:
    facts = read_facts(one.first, uid, len(one.images))
    if facts.modality in switches.dx_modalities:
        return facts
    least = switches.min_instances_ct if switches.filter_min_instances else 1
    agreement = agree(one.images.values(), lambda image: wants_image(image, switches), least)
    return facts if agreement is None else agreed_facts(facts, agreement, final=True)
