"""
kill -9 and full disks in the middle of a copy without names and of the archive: both are whole in the end,
nothing half is left.

With anonymisation and archive switched on. The auditor compares UIDs that the backend never sees here; so
this judges by the documents, by the files that the backend read, and by those in the archive. It does not
prove that no header names anybody: tests/unit/adapters/files/test_deidentify.py does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pydicom
import pytest

from stack.settings_file import merged
from tests.chaos.audit.auditor import folders_in, open_rows, read_documents, read_record, unfinished
from tests.chaos.rig.harness import SETTINGS, Rig, full
from tests.chaos.rig.small_day import Day, small_day
from tests.chaos.rig.small_disk import small_disk
from tests.support.images.dicom_maker import Study

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

PLACES = ("to_copy", "copying", "copied", "to_archive", "archiving", "archived")
_numbers = count(1)


@dataclass
class Ward:
    """
    A rig whose backend gets no names and whose computed series are kept, both folders on small disks where
    one may mount.
    """

    rig: Rig
    copies: Path
    archive: Path
    read: Path
    """What the backend has read."""
    can_be_full: bool

    def send_ct(self) -> Day:
        """
        One CT and nothing beside it, so that it is the one that gets to a place: twelve images, one after the
        other.
        """
        day = small_day(f"{next(_numbers)}", self.rig.stack.time_zone)
        return self.rig.send(Day(day.studies[:1], day.wanted[:1]))

    def begin_at(self, place: str) -> tuple[Day, Path]:
        """A CT that stands at a place until the file is gone."""
        waits = self.rig.faults / "waits"
        self.rig.arm(place, str(waits))
        day = self.send_ct()
        self.rig.wait(waits.exists, f"pacs_module waits at {place}")
        return day, waits

    def document(self, study: Study) -> dict[str, Any]:
        return read_documents(self.rig.store).get(study.uid, {})

    def all_put_away(self, day: Day) -> bool:
        """Whether every wanted study is computed, archived and let go."""
        return all(self._is_put_away(study) for study in wanted(day)) and not open_rows(
            self.rig.sources().journal
        )

    def _is_put_away(self, study: Study) -> bool:
        document = self.document(study)
        items = document.get("handovers", [])
        return not unfinished(document) and bool(items) and all(item.get("releasedAt") for item in items)


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("ward")
    copies, archive, read = (folder / name for name in ("copies", "archive", "read"))
    settings = merged(
        dict(SETTINGS),
        {
            "anonymise": {"folder": str(copies), "key": "a secret of the site"},
            "archive": {"folder": str(archive)},
        },
    )
    with ExitStack() as stack:
        mounted = [stack.enter_context(small_disk(path)) for path in (copies, archive)]
        rig = Rig(folder / "rig", {"settings": settings, "backend_environment": {"BACKEND_KEEPS": str(read)}})
        yield Ward(stack.enter_context(rig), copies, archive, read, all(mounted))


def wanted(day: Day) -> list[Study]:
    uids = {one.study_uid for one in day.wanted}
    return [study for study in day.studies if study.uid in uids]


def pixels(files: list[Path]) -> list[bytes]:
    return sorted(pydicom.dcmread(file).pixel_array.tobytes() for file in files)


def names_of(study: Study) -> set[bytes]:
    keywords = (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "AccessionNumber",
        "PatientID",
        "PatientName",
    )
    return {str(image[keyword].value).encode() for image in study.images for keyword in keywords}


def judge(ward: Ward, day: Day) -> None:
    """
    Every study: computed and archived from whole copies without a name; nothing half, and no copy, is left.
    """
    ward.rig.wait(lambda: ward.all_put_away(day), "all is computed, archived and let go")
    record = [entry for entry in read_record(ward.rig.sources().record) if entry["event"] == "computed"]
    series = {one.study_uid: one.series_uids for one in day.wanted}
    for study in wanted(day):
        originals = [image for image in study.images if image.SeriesInstanceUID in series[study.uid]]
        document = ward.document(study)
        assert document["state"] == "completed"
        computed = [entry for entry in record if entry["studyUID"] == document["pseudonymUID"]]
        assert [len(entry["sopInstanceUIDs"]) for entry in computed] == [len(originals)]
        key = computed[0]["idempotencyKey"]
        (kept,) = ward.archive.glob(f"*/{key}")
        for folder in (ward.read / key, kept):
            files = sorted(folder.rglob("*.dcm"))
            assert pixels(files) == sorted(image.PixelData for image in originals)
            assert [name for file in files for name in names_of(study) if name in file.read_bytes()] == []
    assert list(folders_in(ward.copies)) == []
    assert [path.name for path in ward.archive.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("place", PLACES)
def test_killed_there(ward: Ward, place: str) -> None:
    ward.rig.arm(place, "kill")
    day = ward.send_ct()
    ward.rig.wait_reached(place)
    ward.rig.wait_dead(ward.rig.process("pacs_module"))
    ward.rig.servers["pacs_module"].kill()
    ward.rig.servers["pacs_module"].start()
    judge(ward, day)


@pytest.mark.parametrize("place", ["copying", "copied"])
def test_the_ram_disk_is_emptied_there(ward: Ward, place: str) -> None:
    day, waits = ward.begin_at(place)
    ward.rig.empty_ram_disk()
    waits.unlink()
    ward.rig.stack.receiver.start()
    judge(ward, day)


@pytest.mark.parametrize("place", ["copying", "archiving"])
def test_the_disk_is_full_there(ward: Ward, place: str) -> None:
    if not ward.can_be_full:
        pytest.skip("no right to mount a small disk")
    day, waits = ward.begin_at(place)
    disk = ward.copies if place == "copying" else ward.archive
    with full(disk):
        waits.unlink()
        ward.rig.wait(lambda: not any(disk.glob(".tmp-*")), "what was half is removed")
    judge(ward, day)


def test_a_power_cut_there(ward: Ward) -> None:
    """The RAM disk goes with the process: half a copy of what is lost."""
    ward.rig.arm("copying", "kill")
    day = ward.rig.send_day(f"{next(_numbers)}")
    ward.rig.wait_dead(ward.rig.process("pacs_module"))
    ward.rig.servers["pacs_module"].kill()
    ward.rig.empty_ram_disk()
    for name in ("Orthanc", "pacs_module"):
        ward.rig.servers[name].start()
    judge(ward, day)
