"""
What the end of a C-MOVE says of its cause. Not proved here: that Orthanc tells the status
(tests/integration/pull).
"""

from typing import Any

import pytest

from pacs_module.domain.errors import MessageError
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import PullReport, read_pull_report
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure, kind_of_status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0xA801, FailureKind.NO_DESTINATION),
        (0xA700, FailureKind.NO_RESOURCES),
        (0xA701, FailureKind.NO_RESOURCES),
        (0xA702, FailureKind.NO_SUB_OPERATIONS),
        (0xA900, FailureKind.BAD_IDENTIFIER),
        (0x0122, FailureKind.NOT_SUPPORTED),
        (0x0124, FailureKind.NOT_AUTHORISED),
        (0x0110, FailureKind.UNABLE_TO_PROCESS),
        (0xC000, FailureKind.UNABLE_TO_PROCESS),
        (0xC0FF, FailureKind.UNABLE_TO_PROCESS),
        (0xCFFF, FailureKind.UNABLE_TO_PROCESS),
        (0xB000, FailureKind.SOME_FAILED),
        (0xFE00, FailureKind.CANCELLED),
        (0xA802, FailureKind.UNABLE_TO_PROCESS),
        (0x0211, FailureKind.NOT_SUPPORTED),
        (0x0118, FailureKind.NOT_SUPPORTED),
        (0xA800, FailureKind.NOT_SUPPORTED),
        (0x0213, FailureKind.NO_RESOURCES),
        (0xA7FF, FailureKind.NO_RESOURCES),
        (0xA9FF, FailureKind.BAD_IDENTIFIER),
        (0x0120, FailureKind.BAD_IDENTIFIER),
        (0xB007, FailureKind.SOME_FAILED),
        (0xFE01, FailureKind.CANCELLED),
        (0xFF00, FailureKind.ABORTED),
        (0xFFFF, FailureKind.ABORTED),
        (0x0001, FailureKind.UNABLE_TO_PROCESS),
        (0x0112, FailureKind.UNABLE_TO_PROCESS),
        (0x1234, FailureKind.UNABLE_TO_PROCESS),
        (0xE000, FailureKind.UNABLE_TO_PROCESS),
        (0x0000, FailureKind.OTHER),
    ],
)
def test_a_status_has_its_kind(status: int, kind: FailureKind) -> None:
    assert kind_of_status(status) is kind


def test_a_failure_crosses_the_seam() -> None:
    failure = PullFailure(FailureKind.NO_DESTINATION, "A801", "C-MOVE: Move Destination unknown")
    report = PullReport("R", "P", "1.2.3", "failed", failure=failure)
    document = to_document(report)
    assert document["failure"] == {"kind": "no_destination", "status": "A801", "words": failure.words}
    assert read_pull_report(document) == report
    assert read_pull_report(to_document(PullReport("R", "P", "1.2.3", "failed"))).failure is None


@pytest.mark.parametrize(
    "failure",
    [
        "no_destination",
        {"kind": 5},
        {"kind": "other", "status": 43009},
        {"kind": "other", "failed": "2"},
        {},
        [],
        5,
    ],
)
def test_a_failure_that_cannot_be_read_is_refused(failure: Any) -> None:
    with pytest.raises(MessageError):
        read_pull_report(
            {"reportID": "R", "pullID": "P", "studyUID": "1", "outcome": "failed", "failure": failure}
        )


def test_a_kind_of_a_newer_version_is_still_read() -> None:
    told = {"kind": "flooded", "words": "the cellar is under water"}
    report = read_pull_report(
        {"reportID": "R", "pullID": "P", "studyUID": "1", "outcome": "failed", "failure": told}
    )
    assert report.failure == PullFailure(FailureKind.OTHER, words="the cellar is under water")
