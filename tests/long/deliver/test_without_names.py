"""
Anonymisation and archive through a real stack: the backend computes copies without names, its results find
their studies, and what is kept afterwards has the same pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pydicom
import pytest

from stack.whole import Stack
from tests.e2e.conftest import QUICK, Pipeline, options
from tests.support.images.dicom_maker import CHEST_CT, CHEST_DX, Study, store
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]
NOW = datetime.now(ZoneInfo("Asia/Shanghai"))
KEY = "a secret of the site"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tmp_path_factory.mktemp("copies"), tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, folders: tuple[Path, Path]) -> Iterator[Pipeline]:
    settings = {
        **QUICK,
        "find_dates": [NOW.date().isoformat()],
        "backend": {"first_pause_s": 0.5, "retention_s": 0.5},
        "anonymise": {"folder": str(folders[0]), "key": KEY},
        "archive": {"folder": str(folders[1])},
    }
    made = options(settings=settings, orthanc_environment={"AIPULL_COPIES_FOLDER": str(folders[0])})
    with Stack(tmp_path_factory.mktemp("stack"), made) as stack:
        yield Pipeline(stack)


@pytest.mark.parametrize("template", [CHEST_CT, CHEST_DX], ids=["CT", "DX"])
def test_a_study_is_computed_without_names_and_kept_with_its_pixels(
    pipeline: Pipeline, folders: tuple[Path, Path], template: dict[str, object]
) -> None:
    modality = str(template["Modality"])
    study = Study(f"SECRET{modality}", NOW.strftime("%Y%m%d"))
    for _ in range(1 if modality == "CT" else 2):
        study.add_series(12 if modality == "CT" else 1, dict(template))
    store(pipeline.hospital, study.images)
    wait_for(
        lambda: pipeline.state(study.uid) == "completed", 240, what=f"a result: {pipeline.study(study.uid)}"
    )
    story = pipeline.study(study.uid)
    assert story is not None
    (handover,) = story["handovers"]
    names = {str(image[keyword].value) for image in study.images for keyword in (
        "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber", "PatientID"
    )}  # fmt: skip
    record = pipeline.stack.backend.record.read_text(encoding="utf-8")
    assert story["pseudonymUID"] in record
    assert [name for name in names if name in record or name in json.dumps(handover["message"])] == []

    wait_for(
        lambda: (pipeline.study(study.uid) or {})["handovers"][0].get("archivedAt"), 240, what="the archive"
    )
    (kept,) = folders[1].glob(f"*/{handover['handoverID']}")
    files = sorted(path for path in kept.rglob("*.dcm"))
    assert len(files) == len(study.images)
    assert not [name for file in files for name in names if name.encode() in file.read_bytes()]
    before = sorted(image.PixelData for image in study.images)
    assert (
        sorted(np.ascontiguousarray(pydicom.dcmread(file).pixel_array).tobytes() for file in files) == before
    )
    wait_for(lambda: not list(folders[0].iterdir()), 240, what="the copies to be let go")
