"""
``pacs-module compare``: a simulated PACS, a real Orthanc as ours, and a folder, with and without missing
images.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hospital_sim.pacs import SimPacs
from hospital_sim.sending.scu import Pacs
from pacs_module.cli.app import app
from pacs_module.domain.errors import MessageError
from pacs_module.domain.reconcile.image_diff import SeriesDifference, compare
from stack.ports import LOOPBACK, free_ports
from stack.run_folder import RunFolder
from stack.servers.orthanc import HospitalPacs, OrthancPorts
from tests.fakes.sim_settings import sim_settings
from tests.support.images.dicom_maker import CHEST_CT, CHEST_DX, Study, store


def run(settings: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare", *arguments, "--settings", str(settings)])


def differences(settings: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run(settings, *arguments, "--json")
    told: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == (
        0 if told and not any(one["only_left"] or one["only_right"] for one in told) else 1
    )
    return told


@pytest.mark.server("orthanc")
def test_the_pacs_against_our_orthanc_and_a_folder(run_folder: RunFolder, tmp_path: Path) -> None:
    study = Study("one", "20200618")
    thin, thick = study.add_series(5, CHEST_CT), study.add_series(3, CHEST_CT)
    ours = HospitalPacs(run_folder, OrthancPorts(*free_ports(2)), receiver_port=1)
    ours.start()
    with SimPacs() as pacs:
        settings = sim_settings(tmp_path, pacs, url=ours.url, username=ours.user, password=ours.password)
        store(Pacs(LOOPBACK, pacs.port, pacs.ae_title), study.images)
        store(Pacs(LOOPBACK, ours.ports.dicom, ours.aet), study.images[:-1])
        assert differences(settings, study.uid, "SIM") == [
            {"series_uid": thin, "both": 5, "only_left": [], "only_right": []},
            {
                "series_uid": thick,
                "both": 2,
                "only_left": [study.images[-1].SOPInstanceUID],
                "only_right": [],
            },
        ]
        store(Pacs(LOOPBACK, ours.ports.dicom, ours.aet), study.images[-1:])
        assert [one["both"] for one in differences(settings, study.uid, "SIM")] == [5, 3]
        folder = tmp_path / "handed over"
        folder.mkdir()
        (folder / "notes.txt").write_text("no DICOM")
        other = Study("two", "20200618")
        other.add_series(1, CHEST_DX)
        for number, image in enumerate([*study.images[:5], *other.images]):
            image.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        assert [len(one["only_right"]) for one in differences(settings, study.uid, str(folder), "ours")] == [
            0,
            3,
        ]
        table = run(settings, study.uid, "SIM", str(folder))
        assert table.exit_code == 1
        assert thick in table.output
        assert run(settings, "1.2.3", "SIM").exit_code == 1, "nobody has it"
        unknown = run(settings, study.uid, "NOWHERE")
        assert isinstance(unknown.exception, MessageError)
        assert "ours, SIM or a folder" in str(unknown.exception)


def test_series_by_series() -> None:
    left = {"1": frozenset({"a", "b"}), "2": frozenset({"c"})}
    assert compare(left, left) == (SeriesDifference("1", 2, (), ()), SeriesDifference("2", 1, (), ()))
    right = {"1": frozenset({"b", "d"}), "3": frozenset({"e"})}
    assert compare(left, right) == (
        SeriesDifference("1", 1, ("a",), ("d",)),
        SeriesDifference("2", 0, ("c",), ()),
        SeriesDifference("3", 0, (), ("e",)),
    )
    assert compare({}, {}) == ()
