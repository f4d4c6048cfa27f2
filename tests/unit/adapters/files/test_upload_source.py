"""The files of a hand-over as they are sent: named, in order, and a foreign one told."""

from pathlib import Path

import pytest

from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.domain.errors import FilesGone, PermanentError
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from tests.support.images.ct_files import ct_file

RULE = StoragePath(DEFAULT)


def test_images_have_names_and_facts_by_series(tmp_path: Path) -> None:
    for series in ("1", "2"):
        (tmp_path / series).mkdir()
        ct_file(tmp_path / series / "00001.dcm", "1.2", f"1.2.{series}", 1, BodyPartExamined=f"PART{series}")
    source = FolderSource()
    names = [one.name for one in source.images(str(tmp_path), RULE, "H1")]
    assert names == ["H1/20200618/1.2/1.2.1/1.2.1.1.dcm", "H1/20200618/1.2/1.2.2/1.2.2.1.dcm"]
    assert [one["BodyPartExamined"] for one in source.facts(str(tmp_path))] == ["PART1", "PART2"]


def test_links_are_not_sent(tmp_path: Path) -> None:
    ct_file(tmp_path / "00001.dcm", "1.2", "1.2.1", 1)
    (tmp_path / "00002.dcm").symlink_to(tmp_path / "00001.dcm")
    assert len(FolderSource().images(str(tmp_path), RULE, "H1")) == 1


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("00001.dcm", "00002.dcm"):
        ct_file(tmp_path / name, "1.2", "1.2.1", 1)
    with pytest.raises(PermanentError, match="one name"):
        FolderSource().images(str(tmp_path), RULE, "H1")


def test_a_hostile_value_stays_in_its_part(tmp_path: Path) -> None:
    ct_file(tmp_path / "00001.dcm", "1.2", "1.2.1", 1, PatientID="../../etc")
    rule = StoragePath("{PatientID}/{SOPInstanceUID}.dcm")
    assert FolderSource().images(str(tmp_path), rule, "")[0].name == "~2E.~2F..~2Fetc/1.2.1.1.dcm"


def test_a_folder_that_is_gone_or_not_ours(tmp_path: Path) -> None:
    with pytest.raises(FilesGone):
        FolderSource().images(str(tmp_path / "none"), RULE, "H1")
    with pytest.raises(FilesGone):
        FolderSource(lambda path: False).facts(str(tmp_path))
