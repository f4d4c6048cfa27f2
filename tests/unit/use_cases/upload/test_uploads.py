"""
Hand-overs at destinations beside the backend: routed, sent, verified, repeated, given up (N2, E3, E5).

The platform is a fake; that real ones are spoken to as they want is tests/contract/upload/test_upload_contract.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.domain.circuit import CircuitPolicy
from pacs_module.domain.errors import Busy, MessageError, PermanentError, Refused, RetriableError, Unreachable
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.study.study import RELEASE, ROUTE, UPLOAD_STUCK, upload_work
from pacs_module.domain.upload.cache_limits import CacheLimits, WhenFull
from pacs_module.domain.upload.destination import DestinationRule
from pacs_module.domain.upload.files import Lacking, UploadFile
from pacs_module.shared import crash_points
from pacs_module.use_cases.operate.manual_work import Who
from pacs_module.use_cases.upload import route as route_module
from pacs_module.use_cases.upload import send as send_module
from pacs_module.use_cases.upload.retire import RetireDestinations
from pacs_module.use_cases.upload.upload_policy import UploadOrder
from tests.fakes.pipeline import UID, Pipeline
from tests.fakes.platform import IMAGES, Edge, FakePlatform

WHO = Who("Li", "the platform was rebuilt")


class Killed(BaseException):
    """SIGKILL, as far as one process can play it."""


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


# --- routing ---


def test_without_destinations_nothing_is_routed(tmp_path: Path) -> None:
    world = Pipeline()
    world.until_handed_over()
    study = world.study()
    assert study.uploads == []
    assert not [work for work in study.due if work == ROUTE or work.startswith("upload")]
    assert study.handovers[0].routed_at is None


def test_a_handover_goes_where_the_rules_say_with_the_reason(tmp_path: Path) -> None:
    edge = Edge(
        tmp_path, {"ct": DestinationRule(modalities=("CT",)), "dx": DestinationRule(modalities=("DX",))}
    )
    edge.hand_over()
    assert edge.route()
    study = edge.world.study()
    assert [(one.destination, one.because) for one in study.uploads] == [("ct", "modality: Modality CT")]
    assert study.history[-1].why == "ct yes (modality: Modality CT); dx no (modality: Modality CT)"
    assert ROUTE not in study.due


def test_pulled_and_pushed_are_told_apart(tmp_path: Path) -> None:
    edge = Edge(tmp_path, {"a": DestinationRule(pacs=("A",)), "b": DestinationRule(pacs=("B",))})
    edge.hand_over()
    edge.route()
    assert [one.destination for one in edge.world.study().uploads] == ["a"]


def test_what_a_person_has_cancelled_goes_nowhere(edge: Edge) -> None:
    edge.hand_over()
    edge.world.work.cancel(UID, WHO)
    edge.route()
    assert edge.world.study().uploads == []


def test_what_is_cancelled_while_it_waits_is_not_sent_and_what_is_there_stays(tmp_path: Path) -> None:
    edge = Edge(tmp_path, {"slow": DestinationRule(), "quick": DestinationRule()})
    handover = edge.hand_over()
    edge.route()
    edge.send("quick")
    edge.world.work.cancel(UID, WHO)
    assert not edge.send("slow")
    assert (edge.upload(handover, "slow").state, edge.upload(handover, "quick").state) == (
        "dropped",
        "verified",
    )
    edge.clock.pass_seconds(700)
    edge.world.release()
    assert edge.world.plugins.released == [handover]


def test_images_that_are_gone_before_they_are_routed_are_pulled_again_by_the_delivery(edge: Edge) -> None:
    handover = edge.hand_over()
    _remove(edge.folder / "store" / handover)
    assert edge.route()
    assert edge.world.study().uploads == []
    assert ROUTE not in edge.world.study().due


# --- sending ---


def test_sent_verified_and_only_then_the_folder_goes(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.computed(handover)
    edge.world.release()
    # its result is in and its retention over, but the platform has not got it
    assert edge.world.plugins.released == []
    assert edge.send()
    upload = edge.upload(handover)
    assert (upload.state, upload.files) == ("verified", IMAGES)
    assert edge.is_there(handover)
    assert edge.world.release()
    assert edge.world.plugins.released == [handover]


def test_a_folder_stays_until_the_result_is_in_although_the_platform_has_it(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.send()
    assert RELEASE not in edge.world.study().due
    edge.computed(handover)
    assert edge.world.release()


def test_a_dead_destination_delays_no_other(tmp_path: Path) -> None:
    edge = Edge(tmp_path, {"dead": DestinationRule(), "well": DestinationRule()})
    edge.platforms["dead"].errors = [Unreachable("nobody")] * 9
    handover = edge.hand_over()
    edge.route()
    for name in ("dead", "well"):
        edge.send(name)
    assert edge.upload(handover, "well").state == "verified"
    assert edge.upload(handover, "dead").state == "queued"
    edge.computed(handover)
    edge.world.release()
    assert edge.world.plugins.released == []  # the last one has not got it


def test_who_is_away_costs_no_attempt_however_long(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.platforms["centre"].errors = [Unreachable("nobody"), Busy("not now"), Refused("it", 401, "key")] * 4
    for _ in range(12):
        assert edge.send()
        edge.clock.pass_seconds(61)
    upload = edge.upload(handover)
    assert (upload.state, upload.attempts, upload.tries[-1].outcome) == ("queued", 0, "away")
    edge.send()
    assert edge.upload(handover).state == "verified"
    assert edge.upload(handover).reason == ""


def test_while_the_circuit_is_open_nothing_is_claimed(edge: Edge) -> None:
    edge.hand_over()
    edge.route()
    edge.platforms["centre"].errors = [Unreachable("nobody")]
    assert edge.send()
    edge.clock.pass_seconds(1)
    assert not edge.send()


def test_failures_pause_longer_and_longer_then_it_waits_for_a_person(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.platforms["centre"].errors = [RetriableError("500")] * 3
    pauses = []
    for _ in range(3):
        assert edge.send()
        pauses.append((edge.upload(handover).next_at - edge.clock.now()) / 1000)
        edge.clock.pass_seconds(600)
    upload = edge.upload(handover)
    assert pauses[:2] == [30, 60]
    assert upload.state == "dead"
    assert upload.reason == "500; attempt 3 was the last"
    assert UPLOAD_STUCK in edge.world.study().due
    assert not edge.send()
    assert edge.by_hand.retry(UID, "centre", WHO) is not None
    assert UPLOAD_STUCK not in edge.world.study().due
    edge.send()
    assert edge.upload(handover).state == "verified"
    assert any(
        one.by == "Li" and one.why == "centre: the platform was rebuilt" for one in edge.world.study().history
    )


def test_a_destination_that_fails_all_costs_none_of_them_its_attempts(edge: Edge) -> None:
    studies = [f"{UID}.{number}" for number in range(1, 4)]
    handovers = [edge.hand_over(1, pushed=True, study=uid) for uid in studies]
    while edge.route():
        pass
    plan = replace(edge.plans[0], retry=RetryPolicy(8, timedelta(seconds=30), timedelta(minutes=5)))
    edge.plans[0] = plan
    edge.platforms["centre"].errors = [RetriableError("500")] * 200
    for _ in range(200):
        edge.send()
        edge.clock.pass_seconds(61)
    uploads = [edge.upload(one, study=uid) for one, uid in zip(handovers, studies, strict=True)]
    assert {one.state for one in uploads} == {"queued"}
    assert sum(one.attempts for one in uploads) == CircuitPolicy().failures - 1
    edge.platforms["centre"].errors = []
    for _ in range(3):
        edge.send()
        edge.clock.pass_seconds(61)
    states = [edge.upload(one, study=uid).state for one, uid in zip(handovers, studies, strict=True)]
    assert set(states) == {"verified"}


def test_one_that_fails_while_others_do_not_is_given_up(edge: Edge) -> None:
    class Picky(FakePlatform):
        """Breaks at one study's images, whatever is tried."""

        def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
            if any(file.sop_uid.startswith(f"{UID}.1.") for file in files):
                raise RetriableError("500")
            return super().put(files)

    edge.platforms["centre"] = Picky()
    bad = edge.hand_over(1, pushed=True, study=f"{UID}.1")
    for number in range(2, 40):
        edge.hand_over(1, pushed=True, study=f"{UID}.{number}")
        while edge.route():
            pass
        for _ in range(2):
            edge.send()
        edge.clock.pass_seconds(301)
    upload = edge.upload(bad, study=f"{UID}.1")
    assert (upload.state, upload.attempts) == ("dead", 3)


def test_a_refused_image_costs_only_itself(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.platforms["centre"].refuses = {f"{UID}.1.2"}
    edge.send()
    upload = edge.upload(handover)
    assert upload.state == "dead"
    assert upload.reason == f"refused: 1 of 3 images: not wanted ({UID}.1.2)"
    assert len(edge.platforms["centre"].objects) == IMAGES - 1


def test_a_platform_that_stores_half_is_found_out_and_gets_only_what_lacks(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.platforms["centre"].lies = 1
    edge.send()
    upload = edge.upload(handover)
    assert upload.state == "queued"
    assert "not at centre: 1 of 3 images" in upload.reason
    edge.clock.pass_seconds(31)
    edge.platforms["centre"].puts.clear()
    edge.send()
    assert edge.upload(handover).state == "verified"
    assert len(edge.platforms["centre"].puts) == 1
    assert edge.is_there(handover)


def test_a_permanent_fault_of_a_file_is_told(edge: Edge) -> None:
    handover = edge.hand_over()
    (edge.folder / "store" / handover / "00002.dcm").write_bytes(b"none")
    edge.route()
    edge.send()
    assert edge.upload(handover).state == "dead"
    assert "00002.dcm is no readable DICOM file" in edge.upload(handover).reason


def test_nothing_is_sent_in_closed_hours(edge: Edge) -> None:
    edge.hand_over()
    edge.route()
    sender = edge.sender()
    sender.closed = lambda: "nothing is sent from 08:00 to 18:00"
    assert not sender()
    sender.closed = str
    assert sender()


@pytest.mark.parametrize(("order", "first"), [(UploadOrder.OLDEST, 0), (UploadOrder.NEWEST, 2)])
def test_the_chosen_order(tmp_path: Path, order: UploadOrder, first: int) -> None:
    edge = Edge(tmp_path, order=order)
    studies = [f"1.2.{number}" for number in (5, 3, 4)]
    for uid in studies:
        edge.hand_over(pushed=True, study=uid)
        edge.route()
        edge.clock.pass_seconds(5)
    edge.send()
    sent = [uid for uid in studies if any(uid in name for name in edge.platforms["centre"].objects)]
    assert sent == [studies[first]]


def test_a_second_handover_of_the_study_goes_too(edge: Edge) -> None:
    first = edge.hand_over()
    edge.route()
    second = edge.hand_over(pushed=True)
    edge.route()
    edge.send()
    edge.send()
    assert [edge.upload(one).state for one in (first, second)] == ["verified", "verified"]
    assert not edge.send()


# --- deaths ---


def test_a_worker_that_dies_anywhere_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("routed", "to_upload", "uploading", "uploaded", "upload_verified"):
        edge = Edge(tmp_path / place)
        handover = edge.hand_over()

        def reach(at: str, place: str = place) -> None:
            if at == place:
                raise Killed

        with monkeypatch.context() as killing:
            for module in (route_module, send_module):
                killing.setattr(module, "reach", reach)
            with pytest.raises(Killed):  # noqa: PT012 - one of the two steps dies
                edge.route()
                edge.send()
        for _ in range(3):  # the claims of a dead process are freed, here by the end of their leases
            edge.clock.pass_seconds(1000)
            edge.route()
            edge.send()
        assert edge.upload(handover).state == "verified", place
        assert edge.is_there(handover), place
        assert edge.upload(handover).attempts == 0, place


def test_what_was_there_before_a_death_is_not_sent_again(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.platforms["centre"].meanwhile = _dies_after(2)
    with pytest.raises(Killed):
        edge.send()
    edge.platforms["centre"].puts.clear()
    edge.clock.pass_seconds(1000)
    edge.send()
    assert len(edge.platforms["centre"].puts) == IMAGES - 2
    assert edge.upload(handover).state == "verified"


def test_an_upload_over_which_workers_die_is_given_up(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    for _ in range(3):
        edge.platforms["centre"].errors = [Killed()]
        with pytest.raises(Killed):
            edge.send()
        edge.clock.pass_seconds(1000)
    edge.send()
    assert edge.upload(handover).reason == "3 workers died while they sent it"


def test_a_worker_that_was_taken_for_dead_changes_nothing(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()

    def another() -> None:
        edge.platforms["centre"].meanwhile = lambda: None
        edge.clock.pass_seconds(1000)  # the first one's claim is over
        assert edge.sender(owner="another")()

    edge.platforms["centre"].meanwhile = another
    assert edge.send()
    assert edge.upload(handover).state == "verified"
    assert [one.event for one in edge.world.study().history].count("impossible") == 0
    assert [one.outcome for one in edge.upload(handover).tries] == ["verified"]
    assert upload_work("centre") not in edge.world.study().due


def test_files_that_the_ram_disk_lost_are_pulled_again_and_sent(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.computed(handover)
    _remove(edge.folder / "store" / handover)
    edge.send()
    assert edge.upload(handover).state == "dropped"
    study = edge.world.study()
    assert (study.state, study.forced) == ("meta_only", True)
    assert edge.world.pull() == 1


def test_lost_files_that_no_pacs_has_wait_for_a_person(edge: Edge) -> None:
    handover = edge.hand_over(pushed=True)
    edge.route()
    _remove(edge.folder / "store" / handover)
    edge.send()
    assert edge.upload(handover).state == "dead"
    assert "no PACS to pull them from" in edge.upload(handover).reason


# --- by hand ---


def test_a_person_drops_an_upload_and_the_folder_is_kept_no_more(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.computed(handover)
    edge.by_hand.drop(UID, "centre", WHO)
    assert edge.upload(handover).state == "dropped"
    assert edge.world.release()


def test_what_cannot_be_done_by_hand_is_said(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.send()
    assert edge.by_hand.retry("1.2.99", "centre", WHO) is None
    with pytest.raises(MessageError, match="destination"):
        edge.by_hand.retry(UID, "centre", WHO)  # verified
    with pytest.raises(MessageError, match="why"):
        edge.by_hand.drop(UID, "centre", Who("Li", " "))
    assert edge.upload(handover).state == "verified"


def test_what_was_given_up_and_let_go_is_not_queued_again(edge: Edge) -> None:
    handover = edge.hand_over()
    edge.route()
    edge.platforms["centre"].errors = [PermanentError("no")]
    edge.send()
    edge.computed(handover)
    assert edge.world.release()
    with pytest.raises(MessageError, match="redo the study"):
        edge.by_hand.retry(UID, "centre", WHO)


# --- the offline cache ---


def test_the_cache_lets_the_ram_disk_go_and_is_emptied_when_all_have_it(tmp_path: Path) -> None:
    edge = Edge(tmp_path, limits=CacheLimits(100, 10**9))
    handover = edge.hand_over()
    edge.route()
    edge.computed(handover)
    assert edge.world.release()
    held = edge.folder / "held"
    (edge.folder / "store" / handover).rename(held)
    assert edge.send()
    assert edge.upload(handover).state == "verified"
    assert sorted(edge.platforms["centre"].objects.values()) == sorted(
        one.read_bytes() for one in held.iterdir()
    )
    assert edge.cache is not None
    assert edge.fill is not None
    edge.fill.tend()
    assert list(edge.cache.all()) == []
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_full_cache_takes_nothing_in_tells_it_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    edge = Edge(tmp_path, limits=CacheLimits(4, 10**9))
    first = edge.hand_over()
    edge.route()
    second = edge.hand_over(pushed=True, study="1.2.9")
    edge.route()
    study = edge.store.get("1.2.9")
    assert study is not None
    assert study.uploads == []
    assert ROUTE in study.due
    assert edge.route.waits_for_room == {"1.2.9": "the cache is full: 4 files"}
    assert "cache_full" in edge.log.keys
    edge.send()
    assert edge.fill is not None
    edge.fill.tend()
    edge.clock.pass_seconds(16)
    edge.route()
    edge.send()
    assert edge.upload(first).state == edge.upload(second, study="1.2.9").state == "verified"


def test_where_the_site_says_so_the_oldest_is_dropped_by_name(tmp_path: Path) -> None:
    edge = Edge(tmp_path, limits=CacheLimits(4, 10**9, when_full=WhenFull.DROP_OLDEST))
    first = edge.hand_over()
    edge.route()
    second = edge.hand_over(pushed=True, study="1.2.9")
    edge.route()
    assert edge.upload(first).state == "dropped"
    assert edge.upload(first).reason == "dropped from the cache: the cache is full: 4 files"
    assert edge.upload(second, study="1.2.9").state == "queued"


def test_age_is_told_or_dropped(tmp_path: Path) -> None:
    for when, state in ((WhenFull.WAIT, "queued"), (WhenFull.DROP_OLDEST, "dropped")):
        limits = CacheLimits(100, 10**9, age=timedelta(hours=1), when_old=when)
        edge = Edge(tmp_path / when.value, limits=limits)
        handover = edge.hand_over()
        edge.route()
        edge.clock.pass_seconds(4000)
        assert edge.fill is not None
        edge.fill.tend()
        assert edge.upload(handover).state == state
        assert ("cache_too_old" in edge.log.keys) == (when is WhenFull.WAIT)


def test_what_was_given_up_stays_in_the_cache_for_a_person(tmp_path: Path) -> None:
    edge = Edge(tmp_path, limits=CacheLimits(100, 10**9))
    handover = edge.hand_over()
    edge.route()
    edge.platforms["centre"].errors = [PermanentError("no")]
    edge.send()
    edge.computed(handover)
    edge.world.release()
    assert edge.fill is not None
    edge.fill.tend()
    edge.by_hand.retry(UID, "centre", WHO)
    edge.send()
    assert edge.upload(handover).state == "verified"


# --- a destination that is taken out of the settings ---


def test_nothing_waits_for_a_destination_that_is_gone_and_its_folder_goes(tmp_path: Path) -> None:
    edge, leases = Edge(tmp_path, {"old": DestinationRule(), "centre": DestinationRule()}), MemoryLeases()
    retire = RetireDestinations(edge.store, leases, ["old", "centre"], edge.clock, edge.log)
    handover = edge.hand_over()
    edge.route()
    retire()
    assert edge.upload(handover, "old").state == "queued"
    edge.send("centre")
    edge.computed(handover)
    edge.world.release()
    assert edge.world.plugins.released == []
    RetireDestinations(edge.store, leases, ["centre"], edge.clock, edge.log)()
    assert edge.upload(handover, "old").state == "dropped"
    assert edge.world.release()
    assert edge.world.plugins.released == [handover]


def test_without_any_destination_left_nothing_waits_to_be_routed(tmp_path: Path) -> None:
    edge, leases = Edge(tmp_path), MemoryLeases()
    RetireDestinations(edge.store, leases, ["centre"], edge.clock, edge.log)()
    handover = edge.hand_over()
    edge.computed(handover)
    RetireDestinations(edge.store, leases, [], edge.clock, edge.log)()
    assert ROUTE not in edge.world.study().due
    assert edge.world.release()
    assert edge.world.plugins.released == [handover]


def test_crash_points_of_this_way_are_known() -> None:
    wanted = {"cached", "routed", "to_upload", "uploading", "uploaded", "upload_verified"}
    assert wanted <= set(crash_points.STEPS)


def _dies_after(number: int) -> Callable[[], None]:
    left = [number]

    def die() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    return die


def _remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
