"""
K12: lists that a PACS cuts, with a word and without, asked by both finders at the simulated PACS.

A number that nobody told is no number, and a list is called complete only when it is. Does not prove how real
PACS cut lists; docs/field-notes.md says what was seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import ManualClock, SimPacs
from hospital_sim.pacs.find import service as find_service
from pacs_module.adapters.dicom.direct_fallback import DirectFallback
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.probe import DicomProbe
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.find.windows import Window
from pacs_module.domain.probe import profile_settings
from pacs_module.ports import PacsFinder
from pacs_module.settings import PacsSettings
from pacs_module.use_cases.find.ask_window import Answers, AskWindow
from pacs_module.use_cases.find.find_studies import STUDY_KEYS
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.probe.probe_pacs import ProbePacs
from tests.fakes.world import FakeLog
from tests.support.pacs.asked_pacs import FINDERS, PACS, Finders, both_finders

pytestmark = pytest.mark.server("orthanc")

DATE = dt.date(2026, 11, 21)
EVENING = dt.datetime.combine(DATE, dt.time(23, 59))
WINDOW = Window(DATE)


@pytest.fixture(scope="module")
def thousand() -> BusyDay:
    return plan_busy_day(DATE, 1_400, max_slices=12)


@pytest.fixture(scope="module")
def busy() -> BusyDay:
    return plan_busy_day(DATE, 400, max_slices=12)


@pytest.fixture(scope="module")
def finders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finders]:
    with both_finders(tmp_path_factory.mktemp("k12")) as made:
        yield made


@pytest.fixture(params=FINDERS)
def finder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def of_the_day(pacs: SimPacs) -> set[str]:
    now, date = pacs.now, f"{DATE:%Y%m%d}"
    return {
        study.uid for study in pacs.archive.visible(now) if study.attributes_at(now).get("StudyDate") == date
    }


class Asking:
    """Rounds of finds."""

    def __init__(self, finder: PacsFinder, traits: PacsTraits | None = None) -> None:
        self.log = FakeLog()
        self.matched = MatchedFinder(finder, self.log, {PACS: traits or PacsTraits()})
        self.ask = AskWindow(self.matched, self.log, ("CT", "DX", "DR", "CR"))

    def round(self) -> Answers:
        return self.ask(PACS, WINDOW, STUDY_KEYS)

    @property
    def parts(self) -> int:
        return len(self.ask.memory[PACS].parts[WINDOW])


def uids(answers: Answers) -> set[str]:
    return {study.study_uid for study in answers.studies}


@pytest.mark.parametrize("profile", ["none", "the probe's"])
def test_a_pacs_that_ends_long_lists_with_a700(
    finders: Finders, thousand: BusyDay, finder: str, profile: str
) -> None:
    with finders.pacs(thousand, EVENING, "cap-a700=100") as pacs:
        asking = Asking(finders.of(finder), probed(finders.peer) if profile != "none" else None)
        first = asking.round()
        assert uids(first) == of_the_day(pacs)
        assert len(uids(first)) >= 1_000
        assert (first.complete, first.proof) == (True, True)
        assert first.queries <= 2 * asking.parts
        assert 0 not in asking.matched.learned(PACS).caps
        second = asking.round()
        assert (uids(second), second.queries) == (uids(first), asking.parts), "its parts are known now"


@pytest.mark.parametrize("status", [0xC000, 0xC001, 0xA900, 0xB000])
def test_a_pacs_that_ends_long_lists_with_another_failure(
    finders: Finders, busy: BusyDay, finder: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_service, "OUT_OF_RESOURCES", status)
    with finders.pacs(busy, EVENING, "cap-a700=100") as pacs:
        log = FakeLog()
        direct = finders.of("pynetdicom")
        through = finders.of(finder)
        asking = Asking(DirectFallback(through, lambda: direct, log) if finder == "orthanc" else through)
        first = asking.round()
        assert uids(first) == of_the_day(pacs)
        assert (first.complete, first.proof) == (True, True)
        assert first.queries <= 2 * asking.parts
        assert asking.matched.learned(PACS).caps == set(), "no number is proved by a failure"
        assert log.keys == (["asked_directly"] if finder == "orthanc" else [])


@pytest.mark.parametrize("status", [0xC000, 0xC001, 0xA900])
def test_another_failure_through_orthanc_alone(
    finders: Finders, busy: BusyDay, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether answers came before it; half of the day brings some."""
    monkeypatch.setattr(find_service, "OUT_OF_RESOURCES", status)
    with finders.pacs(busy, EVENING, "cap-a700=250") as pacs:
        first = Asking(finders.of("orthanc")).round()
        assert (uids(first), first.complete) == (of_the_day(pacs), True)


def probed(peer: Peer) -> PacsTraits:
    """What the probe recommends for this PACS, but for the finder, which is ours to choose here."""
    asker = DicomProbe(peer, 30.0)
    found = ProbePacs(asker, lambda: None, lambda: 0.0)(DATE, DATE)
    settings: dict[str, Any] = dict(profile_settings(found.recommendations))
    assert settings["caps"] == (100,)
    settings.pop("finder", None)
    return PacsSettings(name=PACS, **settings).traits


@pytest.mark.parametrize("cap", [130, 87, 211, 25])
def test_a_silent_cap_of_any_number_is_found_out(
    finders: Finders, busy: BusyDay, finder: str, cap: int
) -> None:
    with finders.pacs(busy, EVENING, f"cap={cap}") as pacs:
        asking = Asking(finders.of(finder))
        answers = asking.round()
        assert uids(answers) == of_the_day(pacs), "the first list is the longest ever: it is controlled"
        assert (answers.complete, answers.proof) == (True, True)
        assert cap in asking.matched.learned(PACS).caps


def test_a_list_that_reaches_its_cap_during_the_day_is_found_out_when_it_stays(
    finders: Finders, busy: BusyDay
) -> None:
    with finders.pacs(busy, EVENING, "cap=130") as pacs:
        clock = pacs.clock
        assert isinstance(clock, ManualClock)
        asking = Asking(finders.of("pynetdicom"))
        before = -1
        for minute in range(6 * 60, 24 * 60, 20):
            clock.set(dt.datetime.combine(DATE, dt.time(minute // 60, minute % 60)))
            answers = asking.round()
            if len(answers.studies) < len(of_the_day(pacs)):
                assert not answers.proof, "nothing may be called gone from a list that may be cut"
                assert len(answers.studies) != before, (
                    "a list that stays at its greatest length is controlled"
                )
            before = len(answers.studies)
        assert uids(answers) == of_the_day(pacs)
        assert 130 in asking.matched.learned(PACS).caps


def test_without_a_cap_the_control_proves_the_list_once_a_day(
    finders: Finders, busy: BusyDay, finder: str
) -> None:
    with finders.pacs(busy, EVENING) as pacs:
        asking = Asking(finders.of(finder))
        rounds = [asking.round() for _ in range(12)]
        assert all(uids(answers) == of_the_day(pacs) for answers in rounds)
        assert rounds[0].proof
        assert sum(answers.queries for answers in rounds) <= 12 + 2 * 2
        assert asking.matched.learned(PACS).caps == set()
