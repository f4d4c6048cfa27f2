"""
The quarantine on disk: what comes in, goes out, is decided, and what a crash or a full disk leaves.

Orthanc is a stand-in here; ``tests/integration/receive/test_quarantine.py`` has the real one.
"""

from __future__ import annotations

import errno
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from aipull.image_validation.quarantine import Failed, Quarantine, digest_of
from aipull.image_validation.quarantine_upkeep import QuarantineWorker
from aipull.image_validation.validations import ValidationRows
from aipull.image_validation.validator import Counts
from aipull.journal.journal import Journal
from aipull.quarantine_api import QuarantineApi
from aipull.server.orthanc_client import OrthancClient
from pacs_module.domain.errors import InvalidTransition, MessageError, Refused, RetriableError
from pacs_module.domain.image_validation.image import Origin
from pacs_module.domain.image_validation.policy import Policy
from pacs_module.domain.image_validation.quarantine import HeldEvent, HeldState, QuarantineLimits, WhenFull
from pacs_module.domain.image_validation.rates import Arrivals, Tally
from pacs_module.domain.image_validation.validate_image import Failure, Test
from pacs_module.domain.receive.image_origin import Sender
from pacs_module.shared.logs import ContractLog

LIMITS = QuarantineLimits(files=3, size=1000, age_ms=0, when_full=WhenFull.DROP_OLDEST)
STUDY = "1.2.3"


class FakeOrthanc(OrthancClient):
    """Takes what is put back, or says why not."""

    def __init__(self) -> None:
        self.origins = {}
        self.taken: list[bytes] = []
        self.error: Exception | None = None

    def post_bytes(self, path: str, content: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(content)


def failed(name: str, is_push: bool = True, size: int = 100, study: str = STUDY) -> Failed:
    content = name.encode().ljust(size, b".")
    failure = Failure(Test.PIXELS, "PixelData", "has 1 of 2 bytes")
    origin = Origin(Sender("CT1", "10.0.0.1"), "GATE")
    return Failed(
        study, f"1.2.{name}", f"orthanc-{name}", digest_of(content), origin, is_push, (failure,),
        {"PatientID": "王"}, content,
    )  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> ContractLog:
    return ContractLog(tmp_path / "logs", "orthanc-python")


@pytest.fixture
def kept(tmp_path: Path, journal: Journal, log: ContractLog) -> Quarantine:
    return Quarantine(tmp_path / "quarantine", journal, LIMITS, log)


def test_clearing_up_takes_no_file_whose_row_is_being_written(
    kept: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, cleaning = kept._add, threading.Thread(target=kept.clean)

    def clean_and_add(image: Failed, size: int) -> None:
        cleaning.start()
        cleaning.join(0.3)  # it has to wait; without a lock it is at its end by then
        add(image, size)

    monkeypatch.setattr(kept, "_add", clean_and_add)
    assert kept.take(failed("a"))
    cleaning.join(10)
    (held,) = kept.in_state(HeldState.HELD)
    assert kept.path(held).exists()


@pytest.fixture
def orthanc() -> FakeOrthanc:
    return FakeOrthanc()


@pytest.fixture
def worker(kept: Quarantine, journal: Journal, orthanc: FakeOrthanc, log: ContractLog) -> QuarantineWorker:
    rows = ValidationRows(journal)
    return QuarantineWorker(kept, rows, Counts(), orthanc, log)


@pytest.fixture
def api(kept: Quarantine, journal: Journal, worker: QuarantineWorker) -> QuarantineApi:
    return QuarantineApi(
        Policy(), LIMITS, kept, ValidationRows(journal), Arrivals(), worker.write_counts, worker.wake,
    )  # fmt: skip


def files(kept: Quarantine) -> list[str]:
    return sorted(one.name for one in kept._folder.iterdir())


def states(kept: Quarantine) -> dict[str, HeldState]:
    return {one.sop_uid.removeprefix("1.2."): one.state for one in kept.in_state(*HeldState)}


def test_an_image_is_kept_whole_with_its_reason(kept: Quarantine) -> None:
    one = failed("a")
    assert kept.take(one)
    (held,) = kept.in_state(HeldState.HELD)
    assert kept.path(held).read_bytes() == one.content
    assert (held.words, held.origin, held.header) == (
        "pixels: PixelData has 1 of 2 bytes", one.origin, {"PatientID": "王"},
    )  # fmt: skip
    assert (kept.path(held).stat().st_mode & 0o777, kept._folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert kept.find(one.sop_uid, one.digest) == held


def test_the_oldest_make_way_and_their_rows_stay(kept: Quarantine) -> None:
    for name in "abcd":
        assert kept.take(failed(name))
    expired, held = HeldState.EXPIRED, HeldState.HELD
    assert states(kept) == {"a": expired, "b": held, "c": held, "d": held}
    assert len(files(kept)) == 3


def test_a_full_quarantine_keeps_the_reason_of_a_new_one_only(
    tmp_path: Path, journal: Journal, log: ContractLog
) -> None:
    kept = Quarantine(tmp_path / "q", journal, replace(LIMITS, files=1, when_full=WhenFull.DROP_NEW), log)
    assert kept.take(failed("a"))
    assert kept.take(failed("b"))
    assert states(kept) == {"a": HeldState.HELD, "b": HeldState.EXPIRED}
    assert kept.in_state(HeldState.EXPIRED)[0].why == "the quarantine is full: its file was not kept"


def test_a_full_quarantine_lets_pass_where_the_site_wants_that(
    tmp_path: Path, journal: Journal, log: ContractLog
) -> None:
    kept = Quarantine(tmp_path / "q", journal, replace(LIMITS, size=50, when_full=WhenFull.PASS_ON), log)
    assert not kept.take(failed("a"))
    assert states(kept) == {}


def test_on_a_full_disk_nothing_is_written_down_and_no_half_file_stays(
    kept: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("aipull.image_validation.quarantine.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept.take(failed("a"))
    assert (states(kept), files(kept)) == ({}, [])


def test_cleaning_tells_what_is_gone_and_removes_what_nobody_knows(kept: Quarantine) -> None:
    kept.take(failed("a"))
    kept.take(failed("b"))
    (kept._folder / "half.part").write_bytes(b"x")
    (kept._folder / "stranger.dcm").write_bytes(b"x")
    first = next(one for one in kept.in_state(HeldState.HELD) if one.sop_uid == "1.2.a")
    kept.path(first).unlink()
    kept.clean()
    assert states(kept) == {"a": HeldState.LOST, "b": HeldState.HELD}
    assert len(files(kept)) == 1


def test_what_is_kept_too_long_expires(tmp_path: Path, journal: Journal, log: ContractLog) -> None:
    kept = Quarantine(tmp_path / "q", journal, replace(LIMITS, age_ms=1), log)
    kept.take(failed("a"))
    journal.write("UPDATE quarantine SET at = at - 10")
    kept.clean()
    assert (states(kept), files(kept)) == ({"a": HeldState.EXPIRED}, [])


def test_a_person_drops_one_and_it_stays_away(kept: Quarantine, api: QuarantineApi) -> None:
    kept.take(failed("a"))
    (held,) = kept.in_state(HeldState.HELD)
    body = {"numbers": [held.number], "action": "drop", "by": "anna", "why": "a test image"}
    assert api.decide(body).body["decided"] == [held.number]
    assert files(kept) == []
    dropped = kept.get(held.number)
    assert dropped is not None
    assert (dropped.state, dropped.decided_by, dropped.why) == (HeldState.DROPPED, "anna", "a test image")
    assert api.decide({**body, "action": "release"}).body["refused"][0]["number"] == held.number


def test_a_released_push_goes_back_to_orthanc_under_its_own_sender(
    kept: Quarantine, api: QuarantineApi, worker: QuarantineWorker, orthanc: FakeOrthanc
) -> None:
    one = failed("a")
    kept.take(one)
    answer = api.decide({"studyUID": STUDY, "action": "release", "by": "anna", "why": "it is good"})
    assert answer.body == {"decided": [1], "refused": [], "studies": [STUDY], "pullAgain": []}
    orthanc.error = RetriableError("away")
    with pytest.raises(RetriableError):
        worker.step()
    assert states(kept) == {"a": HeldState.RELEASING}, "nothing is lost while Orthanc is away"
    orthanc.error = None
    worker.step()
    assert orthanc.taken == [one.content]
    assert orthanc.origins == {"orthanc-a": ("CT1", "10.0.0.1")}
    assert (states(kept), files(kept)) == ({"a": HeldState.RELEASED}, [])


def test_what_orthanc_refuses_is_held_again_with_its_words(
    kept: Quarantine, worker: QuarantineWorker, orthanc: FakeOrthanc
) -> None:
    kept.take(failed("a"))
    (held,) = kept.in_state(HeldState.HELD)
    kept.decide(held, HeldEvent.RELEASE, "anna", "try")
    orthanc.error = Refused("Orthanc", 400, "Bad file format")
    worker.step()
    (again,) = kept.in_state(HeldState.HELD)
    assert "Bad file format" in again.why
    assert len(files(kept)) == 1


def test_a_released_image_of_a_pulled_study_is_to_be_pulled_again(
    kept: Quarantine, api: QuarantineApi, worker: QuarantineWorker, orthanc: FakeOrthanc
) -> None:
    kept.take(failed("a", is_push=False))
    answer = api.decide({"numbers": [1], "action": "release", "by": "anna", "why": "good"})
    assert answer.body["pullAgain"] == [STUDY]
    worker.step()
    assert (orthanc.taken, states(kept)) == ([], {"a": HeldState.RELEASED})


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"action": "burn"}, "action"),
        ({"action": "drop", "by": "", "why": "x"}, "by"),
        ({"action": "drop", "by": "a"}, "why"),
        ({"action": "drop", "by": "a", "why": "x" * 301}, "why"),
        ({"action": "drop", "by": "a", "why": "x"}, "numbers"),
        ({"action": "drop", "by": "a", "why": "x", "numbers": ["1"]}, "numbers"),
        ({"action": "drop", "by": "a", "why": "x", "numbers": [True]}, "numbers"),
        ({"action": "drop", "by": "a", "why": "x", "numbers": [99]}, "numbers"),
        ({"action": "drop", "by": "a", "why": "x", "numbers": [1] * 1001}, "numbers"),
    ],
)
def test_a_decision_without_all_its_parts_is_refused(
    api: QuarantineApi, body: dict[str, object], key: str
) -> None:
    with pytest.raises(MessageError) as error:
        api.decide(body)
    assert error.value.key == key


def test_the_list_goes_on_from_a_number(kept: Quarantine, api: QuarantineApi) -> None:
    for name in "abc":
        kept.take(failed(name))
    numbers = [one["number"] for one in api.listed({"limit": 2}).body["images"]]
    assert numbers == [3, 2]
    assert [one["number"] for one in api.listed({"before": 2}).body["images"]] == [1]
    assert api.listed({"states": ["dropped"]}).body["images"] == []
    with pytest.raises(MessageError):
        api.listed({"states": ["burnt"]})


def test_rates_by_sender_stand_in_the_journal(
    api: QuarantineApi, worker: QuarantineWorker, journal: Journal
) -> None:
    for number in range(20):
        worker._counts.add("CT1", passed=number % 4 != 0)
    api.arrivals.add({"CT1": 20}, 0)
    (sender,) = api.validation().body["senders"]
    assert sender["window"] == {"passed": 15, "failed": 5, "failureRate": 0.25, "beyond": True}
    assert api.validation().body["senders"][0]["window"]["failed"] == 5, "counted once"
    again = ValidationRows(journal).since(0)
    assert [one.tally for one in again] == [Tally(15, 5)]


def test_two_decisions_at_once_are_one(kept: Quarantine) -> None:
    kept.take(failed("a"))
    (held,) = kept.in_state(HeldState.HELD)
    kept.decide(held, HeldEvent.DROP, "anna", "x")
    with pytest.raises(InvalidTransition):
        kept.decide(held, HeldEvent.RELEASE, "bert", "y")
