r"""
K11: a study that was found is pulled, whatever text its PACS writes into its answers.

The real Orthanc 1.10.1 with the plugins, and the simulated PACS with each text habit: a C-FIND through this
Orthanc answers HTTP 400 to some of them, which the test shows first. Not proved here: the finding itself
(test_charsets.py, find matrix).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.wire.text import HABITUAL
from stack.ports import free_ports
from tests.fakes.plugin_stack import PACS, PluginStack

pytestmark = [
    pytest.mark.server("orthanc", "orthanc-python"),
    # pynetdicom leaves the sockets of associations that were cut to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

DAY = plan_busy_day(dt.date(2026, 11, 21), 60, max_slices=20, matrix=16)
CHINESE = next(
    one for one in DAY.new_studies if one.planned.description == "胸部CT平扫" and "CT" in one.modalities
)
REFUSED = ("escapes-second", "escapes-after-ir6", "gb2312-declared")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PluginStack, SimPacs]]:
    (port,) = free_ports(1)
    environment = {"HOSPITAL_PACS_PORT": str(port), "HOSPITAL_PACS_AET": "SIMPACS"}
    with (
        PluginStack(tmp_path_factory.mktemp("plugins"), "STABLE_AGE = 3.0\n", environment) as stack,
        SimPacs(DAY, port=port, destinations={"AIPULL": ("127.0.0.1", stack.receiver.ports.dicom)}) as pacs,
    ):
        yield stack, pacs


def answers_400(stack: PluginStack) -> bool:
    """Whether a C-FIND that asks for text is lost in this Orthanc."""
    query = {"StudyInstanceUID": CHINESE.uid, "StudyDescription": ""}
    made = stack.post(f"/modalities/{PACS}/query", {"Level": "Study", "Query": query, "Normalize": False})
    return (
        stack.get(f"/queries/{made.json()['ID']}/answers?expand&simplify") if made.ok else made
    ).status_code == 400


@pytest.mark.parametrize("habit", HABITUAL)
def test_a_study_is_pulled_whatever_its_text_is(run: tuple[PluginStack, SimPacs], habit: str) -> None:
    stack, pacs = run
    pacs.habits = [habit]
    assert answers_400(stack) == (habit in REFUSED)
    expected = CHINESE.planned.instances
    report = stack.report_of(stack.pull(CHINESE.uid, expected=expected, forced=True))
    assert (report["outcome"], report["completeness"], report.get("failure")) == (
        "received",
        "COMPLETE",
        None,
    )


@pytest.mark.parametrize("habit", REFUSED)
@pytest.mark.parametrize("repair", ["STUDY", "SERIES", "IMAGE"])
def test_what_lacks_is_pulled_again_all_the_same(
    run: tuple[PluginStack, SimPacs], habit: str, repair: str
) -> None:
    stack, pacs = run
    pacs.habits = [habit, "move-drops-nth=5x*"]
    stack.gone(CHINESE.uid)
    expected = CHINESE.planned.instances
    series = {one.uid: one.visible(pacs.clock.now()) for one in pacs.archive.study(CHINESE.uid).series}  # type: ignore[union-attr]
    values = {"expected": expected, "expectedSeries": series, "repair": repair}
    first = stack.report_of(stack.pull(CHINESE.uid, **values, forced=True))
    pacs.habits = [habit]
    second = stack.report_of(stack.pull(CHINESE.uid, **values, forced=True))
    assert first["outcome"] == "short"
    assert (second["outcome"], second["completeness"], second.get("failure")) == (
        "received",
        "COMPLETE",
        None,
    )
