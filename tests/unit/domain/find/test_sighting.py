"""What one more C-FIND answer means (M1, M2, M11, M12, M20; field cases 11 and 17)."""

from datetime import timedelta

import pytest

from pacs_module.domain.dicom.attributes import FoundStudy
from pacs_module.domain.find.sighting import new_study, see
from pacs_module.domain.find.stability import FIXED_DELAY, StabilityPolicy
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import MOST_SIGHTINGS, PULL, PacsCopy, Study

SITE = Switches()
COUNT = StabilityPolicy()
SECOND = 1_000


def found(count: int | None = 300, pacs: str = "A", modalities: tuple[str, ...] = ("CT",)) -> FoundStudy:
    return FoundStudy(pacs, "1.2.3", "2020-06-12", "101500", "ACC", "PID", "Thorax", modalities, count)


def watched(*answers: FoundStudy, policy: StabilityPolicy = COUNT, every: int = 3 * SECOND) -> Study:
    study = new_study(answers[0], 0, SITE)
    for number, answer in enumerate(answers):
        see(study, answer, number * every, policy, SITE)
    return study


def settled(state: State, baseline: int | None) -> Study:
    study = new_study(found(baseline), 0, SITE)
    study.state, study.pacs, study.baseline, study.attempts = state, {"A": PacsCopy(baseline)}, baseline, 3
    study.found_at = study.first_seen_at
    return study


def is_due(study: Study, at: int) -> bool:
    """Whether it is pulled now; a study that is still being counted may be due later."""
    return PULL in study.due and study.due[PULL] <= at


def test_a_wanted_study() -> None:
    study = new_study(found(), 0, SITE)
    assert (study.state, study.study_date, study.accession_number) == (State.META_ONLY, "2020-06-12", "ACC")
    assert study.history[0].why == "A: ModalitiesInStudy CT"


def test_a_study_that_is_not_wanted_is_kept_without_a_state() -> None:
    study = watched(found(modalities=("MR",)), found(modalities=("MR",)))
    assert study.state is None
    assert "state" not in study.to_document()
    assert PULL not in study.due


def test_a_study_becomes_wanted_when_a_ct_series_is_added() -> None:
    study = watched(found(modalities=("SR",)), found(modalities=("SR", "CT")))
    assert study.state is State.META_ONLY
    assert study.modality == ["SR", "CT"]


def test_it_is_pulled_when_the_count_of_two_finds_is_the_same() -> None:
    assert not is_due(watched(found(300)), 0)
    assert not is_due(watched(found(290), found(300)), 3 * SECOND)
    assert watched(found(290), found(300), found(300)).due == {PULL: 6 * SECOND}


def test_field_case_17_dx_is_pulled_when_found() -> None:
    assert watched(found(1, modalities=("DX",))).due == {PULL: 0}


@pytest.mark.parametrize("number", [2, 6, 12])
def test_two_finds_are_compared_at_the_same_pacs_however_many_there_are(number: int) -> None:
    names = [f"PACS-{letter}" for letter in range(number)]
    end = 2 * number * 3 * SECOND
    assert is_due(watched(*(found(300, name) for name in names * 2)), end)
    assert not is_due(watched(*(found(300 + n, name) for n, name in enumerate(names))), end)


@pytest.mark.parametrize(
    ("policy", "count"), [(StabilityPolicy(FIXED_DELAY, timedelta(minutes=10)), 300), (COUNT, None)]
)
def test_the_fixed_delay_comes_to_its_end_however_often_the_study_is_found(
    policy: StabilityPolicy, count: int | None
) -> None:
    waiting = watched(*[found(count)] * 200, policy=policy)  # 200 finds, 3 s apart: 597 s
    assert not is_due(waiting, 597 * SECOND)
    assert len(waiting.sightings) <= MOST_SIGHTINGS
    assert watched(*[found(count)] * 201, policy=policy).due == {PULL: 600 * SECOND}


SETTLED = [
    State.PULL_DATA_END,
    State.UNSUPPORTED_SERIES,
    State.COMPLETED,
    State.PULL_FAILED,
    State.DEAD_LETTER,
]


@pytest.mark.parametrize("state", SETTLED)
def test_field_case_11_growth_leads_back_from_every_settled_state(state: State) -> None:
    study = settled(state, 300)
    assert not see(study, found(300), 0, COUNT, SITE).changed
    assert see(study, found(310), SECOND, COUNT, SITE).changed
    assert (study.state, study.attempts) == (State.META_ONLY, 0)
    assert not is_due(study, SECOND)
    assert see(study, found(310), 2 * SECOND, COUNT, SITE).stable
    assert study.due == {PULL: 2 * SECOND}


@pytest.mark.parametrize("state", SETTLED)
@pytest.mark.parametrize("count", [299, None])
def test_a_count_that_fell_or_is_gone_is_no_growth(state: State, count: int | None) -> None:
    study = settled(state, 300)
    see(study, found(count), 0, COUNT, SITE)
    assert study.state is state


def test_a_study_that_is_being_pulled_is_left_alone() -> None:
    study = settled(State.PULL_DATA, 300)
    assert not see(study, found(400), 0, COUNT, SITE).stable
    assert study.state is State.PULL_DATA
    assert study.count == 400


def test_a_quiet_find_of_a_settled_study_writes_nothing() -> None:
    study = settled(State.COMPLETED, 300)
    before = study.to_document()
    assert not see(study, found(300), 99 * SECOND, COUNT, SITE).changed
    assert study.to_document() == before


def test_a_study_that_waits_for_its_pull_is_not_judged_again() -> None:
    study = watched(found(300), found(300))
    due = dict(study.due)
    assert not see(study, found(300), 99 * SECOND, COUNT, SITE).stable
    assert study.due == due
