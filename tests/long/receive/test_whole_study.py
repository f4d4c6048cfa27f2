"""
A destination that wants whole studies, through a real stack: it gets every series, the backend its own alone;
what the platform loses later is found by its own list and sent again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hospital_sim.platform.store import LIST, PlatformStore, serve
from pacs_module.adapters.upload.http import HttpPlace, HttpUploader
from pacs_module.domain.upload.files import ImagePlace
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from pacs_module.shared.http import HttpLink
from stack.whole import Stack
from tests.e2e.conftest import QUICK, Pipeline, options
from tests.support.images.dicom_maker import CHEST_CT, Study, store
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]
NOW = datetime.now(ZoneInfo("Asia/Shanghai"))
THICK = {**CHEST_CT, "SliceThickness": "8", "SeriesDescription": "Chest 8.0"}
DOSE = {"Modality": "SR", "SeriesDescription": "Dose report"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlatformStore, str]]:
    made = PlatformStore(tmp_path_factory.mktemp("platform"))
    with serve(made) as server:
        yield made, server.url


@pytest.fixture(scope="module")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, platform: tuple[PlatformStore, str]
) -> Iterator[Pipeline]:
    url = platform[1]
    region = {
        "name": "region", "kind": "http", "hospital": "H1", "what": "study", "url": url, "list_url": url + LIST,
    }  # fmt: skip
    settings = {
        **QUICK,
        "find_dates": [NOW.date().isoformat()],
        "backend": {"first_pause_s": 0.5, "retention_s": 0.5},
        "destination": [region],
    }
    with Stack(tmp_path_factory.mktemp("stack"), options(settings=settings)) as stack:
        yield Pipeline(stack)


def there(made: PlatformStore, study: Study) -> set[str]:
    """SOPInstanceUIDs of the study at the platform."""
    return {Path(name).stem for name in made.names() if study.uid in name}


def test_the_platform_gets_every_series_and_the_backend_its_own(
    pipeline: Pipeline, platform: tuple[PlatformStore, str]
) -> None:
    made, url = platform
    study = Study("WHOLE", NOW.strftime("%Y%m%d"))
    for number, template in ((12, CHEST_CT), (4, THICK), (1, DOSE)):
        study.add_series(number, dict(template))
    store(pipeline.hospital, study.images)
    everything = {str(one.SOPInstanceUID) for one in study.images}
    wait_for(lambda: there(made, study) == everything, 240, what=f"images: {pipeline.study(study.uid)}")
    wait_for(lambda: pipeline.state(study.uid) == "completed", 240, what=str(pipeline.study(study.uid)))
    story = pipeline.study(study.uid)
    assert story is not None
    chosen, others = story["handovers"]
    assert (chosen["destinations"], others["destinations"]) == ([], ["region"])
    assert (chosen["numberReceived"], others["numberReceived"]) == (12, 5)
    assert (chosen["completeness"], others["completeness"]) == ("COMPLETE", "COMPLETE")
    record = pipeline.stack.backend.record.read_text(encoding="utf-8")
    assert others["handoverID"] not in record
    assert made.half_seen == []

    listed = HttpUploader(HttpPlace(url, list_url=url + LIST), HttpLink("region", keep=True)).list_images(
        ImagePlace(study.uid, (), (), StoragePath(DEFAULT))
    )
    assert listed == frozenset(everything)
