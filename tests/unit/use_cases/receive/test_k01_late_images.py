"""What comes after the report of a pull belongs to it: more than announced never stays COMPLETE (K1)."""

from __future__ import annotations

import pytest

from pacs_module.domain.json_messages.documents import from_document
from pacs_module.domain.json_messages.messages import PullReport, ReceptionNote
from pacs_module.domain.study.history import Note
from tests.fakes.pipeline import UID, Pipeline

MORE = "MORE 12 of 11"
NOTE = ReceptionNote("more_than_announced", f"the PACS was asked again and has not so many: {MORE}")


def pulled(world: Pipeline) -> str:
    """Eleven images were announced, came and were reported; the pull's id."""
    request = world.until_asked(11)
    world.accept(world.message(request, 11, completeness="COMPLETE"))
    world.report(request, "received", "COMPLETE", received=11)
    return request.pull_id


def late(after: str, completeness: str = MORE, received: int = 12) -> PullReport:
    return PullReport(
        "R-late", "", UID, "nothing_new", completeness, received, notes=(NOTE,), after_pull=after
    )


def test_the_verdict_of_the_pull_is_corrected_and_told_once(world: Pipeline) -> None:
    report = late(pulled(world))
    for _ in range(3):
        assert world.ends.accept_report(report)
    study = world.study()
    assert study.pull is not None
    assert (study.pull.completeness, study.pull.received) == (MORE, 12)
    assert [entry.why for entry in study.history if entry.tells(Note.IMAGES)] == [NOTE.words]


@pytest.mark.parametrize("after", ["", "another-pull"])
def test_images_that_are_not_of_the_last_pull_correct_nothing(world: Pipeline, after: str) -> None:
    pulled(world)
    assert world.ends.accept_report(late(after))
    study = world.study()
    assert study.pull is not None
    assert (study.pull.completeness, study.pull.received) == ("COMPLETE", 11)


def test_a_report_of_an_earlier_version_corrects_nothing(world: Pipeline) -> None:
    pulled(world)
    document = {"reportID": "R", "pullID": "", "studyUID": UID, "outcome": "received", "completeness": "MORE"}
    assert world.ends.accept_report(from_document(PullReport, document))
    assert world.study().pull.completeness == "COMPLETE"  # type: ignore[union-attr]
