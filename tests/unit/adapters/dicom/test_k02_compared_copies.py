"""Two copies that are compared by hand: what is no image of the study is in neither of them (K2)."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pacs_module.adapters.dicom.instance_uids import of_folder, of_pacs
from pacs_module.cli.app import app
from pacs_module.domain.errors import MessageError
from tests.fakes.plugin_stack import ct_series
from tests.fakes.world import FakePacs


def test_a_folder_of_odd_files(tmp_path: Path) -> None:
    good, other = ct_series("1.2.3", 2, series_uid="1.2.3.1"), ct_series("1.2.4", 1)
    nameless = ct_series("1.2.3", 1)[0]
    del nameless.SeriesInstanceUID
    for number, image in enumerate([*good, *other, nameless]):
        image.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    whole = (tmp_path / "0.dcm").read_bytes()
    (tmp_path / "half.dcm").write_bytes(whole[:300])
    (tmp_path / "head.dcm").write_bytes(whole[:132])
    (tmp_path / "junk.dcm").write_bytes(whole[:132] + b"\xff" * 500)
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no DICOM")
    assert of_folder(tmp_path, "1.2.3") == {"1.2.3.1": frozenset(str(one.SOPInstanceUID) for one in good)}


def test_answers_that_are_no_images_of_the_series() -> None:
    pacs = FakePacs("A")
    pacs.series["A"] = [{"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1"}]
    row = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.1"}
    pacs.images["A"] = [{**row, "SOPInstanceUID": uid} for uid in ("1.7", "1.7\0", "*", "", "../..", "1.8 ")]
    assert of_pacs(pacs, "A", "1.2.3") == {"1.2.3.1": {"1.7", "1.8"}}


@pytest.mark.parametrize("study", ["1.2.*", "*", "1.2.3\\1.2.4", "../..", "chest", "1." * 40])
def test_a_study_that_is_none_is_refused(tmp_path: Path, study: str) -> None:
    result = CliRunner().invoke(app, ["compare", study, str(tmp_path)])
    assert isinstance(result.exception, MessageError), result.output
