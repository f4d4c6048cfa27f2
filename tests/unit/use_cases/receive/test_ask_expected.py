"""What the PACS has of a study that was pushed, and what becomes of one that it has more of (M8a)."""

from __future__ import annotations

import pytest

from pacs_module.domain.errors import RetriableError
from pacs_module.domain.json_messages.messages import IMAGES
from pacs_module.domain.json_messages.notification import Notification
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL
from pacs_module.use_cases.receive.ask_expected import AskExpected
from tests.fakes.pipeline import H1, THIN, UID, Pipeline, answer, series_answer
from tests.fakes.world import DAY


def announce(world: Pipeline, *pacs: str) -> AskExpected:
    return AskExpected(world.pacs, world.pull.prepare, world.log, pacs or ("A",), world.store)


def test_the_pacs_with_most_of_it_is_counted_against() -> None:
    world = Pipeline(pacs=("A", "B", "C"))
    world.pacs.studies = {"A": [answer(count=80)], "B": [answer(count=100)], "C": []}
    world.pacs.series["B"] = [series_answer(THIN, 100)]
    world.pacs.errors["C", "STUDY"] = RetriableError("down")
    request = announce(world, "A", "B", "C")(UID)
    assert request is not None
    assert (request.pull_id, request.pacs, request.level, request.expected) == ("", "B", "STUDY", 100)
    assert request.expected_series == {THIN: 100}
    assert request.announced[THIN]["SliceThickness"] == "1.0"
    assert world.plugins.verdicts == []


def test_a_study_that_no_pacs_knows() -> None:
    world = Pipeline()
    world.pacs.studies["A"] = [answer(UID + ".9")]
    assert announce(world)(UID) is None


def test_a_pacs_that_cannot_be_asked_has_not_said_that_it_does_not_know_the_study() -> None:
    """K12."""
    world = Pipeline(pacs=("A", "B"))
    world.pacs.studies = {"A": [], "B": [answer()]}
    world.pacs.errors["B", "STUDY"] = RetriableError("down")
    with pytest.raises(RetriableError, match="B could not be asked"):
        announce(world, "A", "B")(UID)


def test_what_it_told_in_a_find_counts_where_it_cannot_be_asked_now() -> None:
    world = Pipeline(with_series=())
    world.pacs.studies["A"] = [answer(count=80)]
    world.find("A", DAY)
    world.pacs.errors["A", "STUDY"] = RetriableError("down")
    request = announce(world)(UID)
    assert request is not None
    assert (request.pacs, request.expected, request.patient_id) == ("A", 80, world.study().patient_id)
    assert request.patient_id
    with pytest.raises(RetriableError):  # what it has at this moment nobody else can say
        announce(world)(UID, "A")


def test_the_patient_id_of_a_push_is_no_word_of_the_pacs() -> None:
    world = Pipeline(with_series=())
    world.accept(pushed("COMPLETE", {"pacs": "A", "expected": 80}) | {"identity": {"PatientID": "STRANGER"}})
    world.pacs.errors["A", "STUDY"] = RetriableError("down")
    with pytest.raises(RetriableError):
        announce(world)(UID)
    world.pacs.errors.clear()
    world.pacs.studies["A"] = [answer(count=80)]
    world.find("A", DAY)
    world.pacs.errors["A", "STUDY"] = RetriableError("down")
    request = announce(world)(UID)
    assert request is not None
    assert request.patient_id not in ("", "STRANGER")


def pushed(completeness: str, announced: dict[str, object] | None) -> dict[str, object]:
    made = Notification(
        study_uid=UID, series_uid=THIN, number_received=80, filepath="/store_image/x", calling_ae_title="CT1",
        calling_address="10.0.0.1", series_count=1, received_seconds="3.0", priority=0, is_push=1,
        last_update_time="20200618T080626", handover_id=H1, completeness=completeness,
        announced=announced or {},
        statecode=IMAGES,
    )  # fmt: skip
    return made.to_message()


def test_the_rest_of_a_short_pushed_study_is_pulled_from_the_pacs_that_has_it() -> None:
    world = Pipeline()
    assert world.accept(pushed("SHORT 80 of 100", {"pacs": "A", "expected": 100}))
    study = world.study()
    assert (study.state, study.due[PULL], len(study.handovers)) == (State.META_ONLY, world.clock.now(), 1)
    assert world.pull() == 1
    assert (world.plugins.asked[0].pacs, world.plugins.asked[0].expected) == ("A", 100)


@pytest.mark.parametrize(
    ("completeness", "announced"),
    [
        ("COMPLETE", {"pacs": "A", "expected": 80}),
        ("UNVERIFIED", None),
        ("SHORT 80 of 100", None),
        ("SHORT 80 of 100", {"pacs": "", "expected": 100}),
    ],
)
def test_else_nothing_more_is_pulled(completeness: str, announced: dict[str, object] | None) -> None:
    world = Pipeline()
    world.accept(pushed(completeness, announced))
    assert (world.study().state, PULL in world.study().due) == (State.PULL_DATA_END, False)


@pytest.mark.parametrize("counts", [(300, 2), (2, 300)])
def test_of_several_rows_of_a_study_the_largest_count_is_announced(counts: tuple[int, int]) -> None:
    """K7."""
    world = Pipeline(with_series=())
    world.pacs.studies["A"] = [answer(UID, count) for count in counts]
    request = announce(world)(UID)
    assert request is not None
    assert request.expected == 300
