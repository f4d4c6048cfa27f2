"""
One whole run, as `make demo` makes it: a simulated day, and (where the checkout lies beside it) the real
study of a Philips CT.

The verdict is the demo's own: the PACS's content against the backend's record. That this verdict can fail is
shown in tests/unit/demo. Proves nothing of speed.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from pydicom import dcmread
from rich.console import Console

from demo.run import DemoOptions, run_demo
from demo.truth import read_record
from stack.whole import StackPorts

pytestmark = [pytest.mark.server, pytest.mark.e2e]

REAL_STUDY = Path(__file__).resolve().parents[4] / "shared" / "data" / "ct_head_philips"


def run(options: DemoOptions) -> tuple[bool, str]:
    console = Console(file=io.StringIO(), width=200)
    good = run_demo(options, console)
    output = console.file
    assert isinstance(output, io.StringIO)
    return good, output.getvalue()


@pytest.mark.parametrize("use_series", [False, True], ids=["STUDY level", "FIND_PACS_USE_SERIES"])
def test_every_wanted_study_of_a_small_day_is_computed_and_nothing_else(
    tmp_path: Path, use_series: bool
) -> None:
    options = DemoOptions(
        run_folder=tmp_path,
        day="small",
        send_s=10.0,
        use_series=use_series,
        ports=StackPorts.free(),
        deadline_s=500,
    )
    good, output = run(options)
    assert good, output
    assert "every wanted study was computed" in output
    computed = Counter(
        (one.study_uid, one.instances) for one in read_record(tmp_path / "backend-record.jsonl")
    )
    assert set(computed.values()) == {1}, "the same images were computed twice"


@pytest.mark.skipif(
    not REAL_STUDY.is_dir(), reason="the real study lies beside the checkout only where it was developed"
)
@pytest.mark.parametrize(("kernel", "folder"), [("UB", "S2020"), ("YA", "S2030")])
def test_the_preferred_kernel_of_the_real_study_arrives_at_the_backend(
    tmp_path: Path, kernel: str, folder: str
) -> None:
    options = DemoOptions(
        run_folder=tmp_path,
        dicom_dir=REAL_STUDY,
        keywords=("head", "brain"),
        kernels=(kernel,),
        ports=StackPorts.free(),
    )
    good, output = run(options)
    assert good, output
    computed = read_record(tmp_path / "backend-record.jsonl")
    wanted = {
        str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        for path in (REAL_STUDY / folder).glob("*.dcm")
    }
    assert [set(done.instances) for done in computed] == [wanted]
