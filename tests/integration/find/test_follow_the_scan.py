"""
A day of growing CT studies at the simulated PACS, second by second on one virtual clock: what is pulled ahead, how often
that was too early, and that each study ends with the series that the whole of it decides.

Real DICOM over loopback; the plugins are played: what was asked for has come, as far as the PACS has it at that moment.
Not proved: how fast it is (benchmarks/follow_the_scan.py), and the plugins' part.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from hospital_sim.busy_day.day import BusyDay, BusyStudy, SeriesArrival
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.devices import SOFT_KERNELS
from hospital_sim.pacs import ManualClock, SimPacs
from hospital_sim.pacs.content.planned import archive_of
from hospital_sim.pacs.content.studies import Images
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.rules.switches import Switches
from tests.fakes.pipeline import Pipeline

DATE = dt.date(2026, 11, 21)
SWITCHES = Switches(kernel_preferred=SOFT_KERNELS)
FIND_S = 10
STUDIES = 6
TOLD_EARLIER = dt.datetime.combine(DATE, dt.time(9))


class Burst:
    """Images that the PACS shows only every so many seconds."""

    def __init__(self, images: Images, every_s: float) -> None:
        self._images, self._every = images, every_s

    def __getattr__(self, name: str) -> object:
        return getattr(self._images, name)

    def visible(self, now: dt.datetime) -> int:
        since = (now - TOLD_EARLIER).total_seconds()
        return self._images.visible(TOLD_EARLIER + dt.timedelta(seconds=since // self._every * self._every))


@dataclass
class Hospital:
    """The PACS, and pacs_module on its clock."""

    pacs: SimPacs
    clock: ManualClock
    world: Pipeline
    day: BusyDay

    def pass_second(self) -> None:
        self.clock.advance(1.0)
        self.world.clock.at = int(self.clock.now().replace(tzinfo=dt.UTC).timestamp() * 1000)
        second = round((self.clock.now() - TOLD_EARLIER).total_seconds())
        if second % FIND_S == 0:
            self.world.find("A", DATE)
        self.world.follow("A")
        while self.world.pull():
            for request in self.world.plugins.asked:
                self._receive(request)
            self.world.plugins.asked.clear()

    def _receive(self, request: PullRequest) -> None:
        """All that was asked for has come; the best of it is handed over, by the resend rule."""
        study = self.pacs.archive[request.study_uid]
        asked = request.series_uids or tuple(one.uid for one in study.series)
        here = {one.uid: one.visible(self.clock.now()) for one in study.series if one.uid in asked}
        truth = next(one for one in self.day.studies if one.uid == request.study_uid)
        best = best_of(truth, [uid for uid, count in here.items() if count])
        reports = [
            {"seriesUID": uid, "taken": True, "rule": "all", "because": "", "received": count, "inPacs": count,
             "outcome": "handed_over" if uid == best else "kept_back"}
            for uid, count in here.items() if count
        ]  # fmt: skip
        last = self.world.study(request.study_uid).last_handover
        total = sum(here.values())
        if last is not None and not request.forced and here[best] <= last.number_received:
            self.world.report(request, "nothing_new", "COMPLETE", uid=request.study_uid, received=total)
            return
        message = self.world.message(
            request, here[best], studyUID=request.study_uid, seriesUID=best, seriesReports=reports
        )
        assert self.world.accept(message)
        self.world.report(request, "received", "COMPLETE", uid=request.study_uid, received=total)

    def until_quiet(self) -> None:
        last = max(one.ends_at for study in self.day.studies for one in study.arrivals)
        while self.clock.now() < last + dt.timedelta(seconds=5 * FIND_S):
            self.pass_second()

    def assert_all_ended_right(self) -> None:
        for study in self.day.studies:
            last = self.world.study(study.uid).last_handover
            assert last is not None, study.planned.label
            (chosen,) = study.expected_series
            count = next(one.instances for one in study.planned.series if one.uid == chosen)
            assert (last.series_uid, last.number_received) == (chosen, count), study.planned.label
            assert self.world.study(study.uid).state == "pull_data_end"


def best_of(study: BusyStudy, here: list[str]) -> str:
    """As the plan orders them: the expected series, else the thinnest."""
    expected = [uid for uid in study.expected_series if uid in here]
    series = {one.uid: one for one in study.planned.series}
    thick = [uid for uid in here if series[uid].modality == "CT" and series[uid].instances >= 10]
    return expected[0] if expected else min(thick, key=lambda uid: series[uid].thickness_mm or 99.0)


def retimed(study: BusyStudy, at: dt.datetime, pause_s: float) -> BusyStudy:
    arrivals = []
    for one in study.arrivals:
        end = at + dt.timedelta(seconds=max(1.0, one.planned.instances / 40))
        arrivals.append(SeriesArrival(one.planned, at, end))
        at = end + dt.timedelta(seconds=pause_s)
    return replace(study, arrivals=tuple(arrivals))


def opened(pause_s: float, burst_s: float = 0.0, habits: tuple[str, ...] = ()) -> Iterator[Hospital]:
    planned = plan_busy_day(DATE, 400, seed=3)
    plain = [one for one in planned.new_studies if one.chest and not one.oddities and "CT" in one.modalities]
    found = [one for one in plain if len(one.arrivals) > 3 and one.planned.started_at.date() == DATE]
    device = found[0].planned.device
    of_device = [one for one in found if one.planned.device == device][:STUDIES]
    begins = [TOLD_EARLIER + dt.timedelta(seconds=5 + 40 * place) for place in range(len(of_device))]
    studies = [retimed(one, at, pause_s) for one, at in zip(of_device, begins, strict=True)]
    day = BusyDay(DATE, 3, planned.begins_at, planned.ends_at, tuple(studies))
    archive = archive_of(day)
    for study in archive:
        for series in study.series if burst_s else ():
            series.images = Burst(series.images, burst_s)  # type: ignore[assignment] # the rest is the images' own
    clock = ManualClock(TOLD_EARLIER)
    with SimPacs(archive, clock=clock, habits=habits) as pacs:
        world = Pipeline(switches=SWITCHES)
        world.finder.finder = PynetdicomFinder(Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL"), 30.0)
        world.following()
        yield Hospital(pacs, clock, world, day)


@pytest.mark.parametrize("habits", [(), ("duplicate-answers", "answers-shuffled"), ("move-announces-more",)])
def test_each_study_ends_with_its_series_and_most_by_an_early_pull(habits: tuple[str, ...]) -> None:
    for hospital in opened(pause_s=4.0, habits=habits):
        hospital.until_quiet()
        hospital.assert_all_ended_right()
        guesses = hospital.world.knowledge.of("A").guesses
        if "move-announces-more" in habits:
            return  # its studies count more than their series: such a list may be cut, and waits for the find
        ended = [hospital.world.study(study.uid) for study in hospital.day.studies]
        assert guesses == {"early": len(ended), "grew": 0, "beaten": 0}, "the thick series is taken of none"
        assert [len(study.handovers) for study in ended] == [1] * len(ended)
        assert hospital.pacs.ledger.queries("SERIES") <= 12 * len(ended)


def test_a_pacs_that_shows_images_in_bursts_is_learned() -> None:
    """Every six seconds: too early at first, then waited for."""
    for hospital in opened(pause_s=2.0, burst_s=6.0):
        hospital.until_quiet()
        hospital.assert_all_ended_right()
        known = hospital.world.knowledge.of("A")
        assert max(one.longest for one in known.pauses.by_device.values()) >= 4_000
        assert known.guesses["grew"] <= 3, known.guesses


@pytest.mark.parametrize("habit", ["no-counts", "no-series-level"])
def test_a_pacs_that_tells_too_little_is_pulled_as_without_following(habit: str) -> None:
    for hospital in opened(pause_s=4.0, habits=(habit,)):
        for _ in range(150):
            hospital.pass_second()
        assert hospital.world.knowledge.of("A").guesses["early"] == 0


@pytest.mark.parametrize("habit", ["cap=10", "cap-a700=4", "flapping-rows=2"])
def test_a_list_of_series_that_is_cut_or_flaps_loses_nothing(habit: str) -> None:
    for hospital in opened(pause_s=4.0, habits=(habit,)):
        hospital.until_quiet()
        hospital.assert_all_ended_right()
