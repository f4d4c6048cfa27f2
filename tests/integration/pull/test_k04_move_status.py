"""
K4: what the end of a C-MOVE says reaches the pull report as a value, through the real Orthanc 1.10.1.

Does not prove what pacs_module makes of it (tests/unit/use_cases/pull).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom.uid import generate_uid

from stack.ports import free_ports
from tests.fakes.plugin_stack import PluginStack
from tests.support.pacs.raw_pacs import RawPacs

pytestmark = [
    pytest.mark.server("orthanc", "orthanc-python"),
    # pynetdicom leaves the sockets of associations that were cut to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PluginStack, RawPacs]]:
    (port,) = free_ports(1)
    environment = {
        "HOSPITAL_PACS_PORT": str(port),
        "HOSPITAL_PACS_AET": "RAWPACS",
        "ORTHANC_SCU_TIMEOUT": "4",
    }
    with (
        PluginStack(tmp_path_factory.mktemp("plugins"), "STABLE_AGE = 3.0\n", environment) as stack,
        RawPacs(stack.receiver.ports.dicom, port=port) as pacs,
    ):
        yield stack, pacs


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0xA801, "no_destination"),
        (0xA702, "no_sub_operations"),
        (0xA701, "no_resources"),
        (0xA700, "no_resources"),
        (0xA900, "bad_identifier"),
        (0x0122, "not_supported"),
        (0x0124, "not_authorised"),
        (0x0110, "unable_to_process"),
        (0xC000, "unable_to_process"),
        (0xC512, "unable_to_process"),
        (0xFE00, "cancelled"),
        (0xB000, "some_failed"),
    ],
)
def test_a_status_is_a_value_of_the_report(run: tuple[PluginStack, RawPacs], status: int, kind: str) -> None:
    stack, pacs = run
    study = generate_uid()
    pacs.statuses = {study: status}
    report = stack.report_of(stack.pull(study, expected=3))
    failure = report["failure"]
    assert (failure["kind"], failure["status"]) == (kind, f"{status:04X}")
    assert failure["words"]
    assert report["outcome"] == "failed"


def test_silence_an_end_without_a_word_and_nobody_there_are_told_apart(
    run: tuple[PluginStack, RawPacs],
) -> None:
    stack, pacs = run
    kinds = []
    for how in ("silent", "abort", "down"):
        study = generate_uid()
        pacs.behaviour = {study: how}
        if how == "down":
            pacs.stop()
        kinds.append(stack.report_of(stack.pull(study, expected=3))["failure"]["kind"])
    assert kinds == ["timeout", "aborted", "unreachable"]
