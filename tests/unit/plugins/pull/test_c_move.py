"""Pulls in DICOM's terms against scripted answers; the real C-MOVEs are in the integration tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aipull.journal.journal import Journal
from aipull.journal.pulls import ENDED, NEW, SUBMITTED, Pull, PullRows
from aipull.journal.receptions import ReceptionRows
from aipull.journal.rules import Rules
from aipull.pull import pull_worker as submit
from aipull.pull.c_move import CMoves, Move
from aipull.pull.missing_images import Lacking, MissingImages
from aipull.pull.pull_worker import PullWorker
from aipull.server.orthanc_client import OrthancClient, Unreachable
from pacs_module.domain.errors import PipelineError, Refused, RetriableError
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.json_messages.pull_failure import FailureKind
from pacs_module.domain.receive.reception_state import ReceptionEvent
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.rules_in_force import RulesInForce
from tests.support.waiting import wait_for

STUDY = PullRequest("p1", "1.2", "PACS", priority=2)
SERIES = PullRequest("p1", "1.2", "PACS", level="SERIES", series_uids=("1.2.1", "1.2.2", "1.2.1"))
A801 = RetriableError(
    'Orthanc: POST /modalities/PACS/move: 500 C-MOVE SCU to AET "P" has failed with DIMSE status 0xA801'
)


class ScriptedRest(OrthancClient):
    """
    ``images`` at the PACS by series; ``moves`` in their order; each C-MOVE waits for ``go`` where that is
    set.
    """

    def __init__(self) -> None:
        self.images: dict[str, tuple[str, ...]] = {}
        self.queries: list[tuple[dict[str, Any], float]] = []
        self.moves: list[dict[str, Any]] = []
        self.has_study = True
        self.fails: dict[str, Exception] = {}
        self.go: threading.Semaphore | None = None

    def post(self, path: str, body: Any, answer_s: float = 60) -> Any:
        kind = path.rpartition("/")[2]
        if kind == "query":
            self.queries.append((body, answer_s))
        else:
            self.moves.append({"path": path, **body})
            if self.go is not None:
                assert self.go.acquire(timeout=30)
        if kind in self.fails:
            raise self.fails[kind]
        return {"ID": str(len(self.queries) - 1)} if kind == "query" else {}

    def get(self, path: str) -> Any:
        query = self.queries[int(path.split("/")[2])][0]["Query"]
        if "SeriesInstanceUID" not in query:
            return [{}] if self.has_study else []
        return [
            {"0008,0018": {"Value": f"{uid} "}} for uid in self.images.get(query["SeriesInstanceUID"], ())
        ]


def test_a_study_is_one_move_by_its_uid_and_nothing_is_asked() -> None:
    rest = ScriptedRest()
    retrieve = CMoves(rest, "AIPULL")
    moved = retrieve.carry_out(STUDY, retrieve.plan(STUDY))
    assert rest.moves == [
        {
            "path": "/modalities/PACS/move",
            "Level": "Study",
            "Resources": [{"StudyInstanceUID": "1.2"}],
            "TargetAet": "AIPULL",
        }
    ]
    assert (rest.queries, moved.failures, moved.error) == ([], [], "")


def test_each_series_is_a_move_of_its_own_and_a_failed_one_does_not_keep_the_next_from_being_tried() -> None:
    rest = ScriptedRest()
    rest.fails["move"] = A801
    retrieve = CMoves(rest, "AIPULL")
    moved = retrieve.carry_out(SERIES, retrieve.plan(SERIES))
    assert [move["Resources"] for move in rest.moves] == [
        [{"StudyInstanceUID": "1.2", "SeriesInstanceUID": uid}] for uid in ("1.2.1", "1.2.2")
    ]
    assert [(one.kind, one.status) for one in moved.failures] == [(FailureKind.NO_DESTINATION, "A801")] * 2
    assert moved.error == str(A801)


C000 = Refused("Orthanc", 422, 'C-MOVE SCU to AET "P" has failed with DIMSE status 0xC000')


@pytest.mark.parametrize(
    ("there", "error", "kind"),
    [
        (False, None, FailureKind.NOT_THERE),
        (True, None, FailureKind.UNABLE_TO_PROCESS),
        (False, Refused("Orthanc", 400, "charset"), FailureKind.UNABLE_TO_PROCESS),
    ],
)
def test_a_pacs_that_cannot_process_a_move_is_asked_whether_it_has_the_study(
    there: bool, error: PipelineError | None, kind: FailureKind
) -> None:
    rest = ScriptedRest()
    rest.fails["move"] = C000
    rest.has_study = there
    if error is not None:
        rest.fails["query"] = error
    retrieve = CMoves(rest, "AIPULL")
    (failure,) = retrieve.carry_out(STUDY, retrieve.plan(STUDY)).failures
    assert (failure.kind, failure.status) == (kind, "C000")
    assert ("does not have study 1.2" in failure.words) == (kind is FailureKind.NOT_THERE)


# --- a study that came short: only what lacks ---

SHORT = PullRequest("p1", "1.2", "PACS", repair="IMAGE")


def plan(rest: ScriptedRest, lacking: Lacking, request: PullRequest = SHORT) -> tuple[Move, ...]:
    return CMoves(rest, "AIPULL").plan(request, lacking)


def images(*uids: str) -> tuple[Move, ...]:
    keys = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.1"}
    return (Move("Instance", tuple({**keys, "SOPInstanceUID": uid} for uid in uids)),)


def test_only_the_missing_images_are_moved() -> None:
    rest = ScriptedRest()
    rest.images = {"1.2.1": ("1.7.1", "1.7.2", "1.7.3", "1.7.4")}
    lacking = Lacking({"1.2.1": frozenset({"1.7.1", "1.7.3"})}, by_image=True)
    assert plan(rest, lacking) == images("1.7.2", "1.7.4")


@pytest.mark.parametrize(("told", "within"), [(7.5, 7.5), (None, 120.0)])
def test_the_one_c_find_has_the_deadline_of_finds(told: float | None, within: float) -> None:
    rest = ScriptedRest()
    rest.images = {"1.2.1": ("a", "b")}
    request = PullRequest("p1", "1.2", "PACS", repair="IMAGE", find_timeout_s=told)
    plan(rest, Lacking({"1.2.1": frozenset("a")}, by_image=True), request)
    ((body, answer_s),) = rest.queries
    assert (answer_s, body["Timeout"]) == (within, int(within))


def test_known_images_are_not_asked_for() -> None:
    rest = ScriptedRest()
    known = PullRequest("p1", "1.2", "PACS", repair="IMAGE", expected_instances={"1.2.1": ("a", "b")})
    assert plan(rest, Lacking({"1.2.1": frozenset("a")}, by_image=True), known) == images("b")
    assert rest.queries == []


@pytest.mark.parametrize("error", [Refused("Orthanc", 400, "charset"), RetriableError("no answer"), None])
@pytest.mark.parametrize(
    ("there", "here", "by_image"),
    [
        ((), "a", True),  # IMAGE level gives no answers
        (("a", "b"), "a", False),
        (("a", "b"), "", True),  # nothing of it came: the series as it is
        (tuple(str(number) for number in range(200)), "1", True),  # too many
    ],
)
def test_else_the_series_that_lacks_images_and_no_other(
    there: tuple[str, ...], here: str, by_image: bool, error: PipelineError | None
) -> None:
    rest = ScriptedRest()
    rest.images = {"1.2.1": there}
    if error is not None:
        rest.fails["query"] = error
    moves = plan(rest, Lacking({"1.2.1": frozenset(here)}, by_image))
    assert moves == (Move("Series", ({"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.1"},)),)


def test_nothing_lacks_any_more() -> None:
    assert plan(ScriptedRest(), Lacking({}, by_image=True)) == ()


# --- the worker ---


class Bench:
    def __init__(self, tmp_path: Path, journal: Journal, at_once: int = 2) -> None:
        self.rest = ScriptedRest()
        self.rows = PullRows(journal)
        self.receptions = ReceptionRows(journal)
        self.log = ContractLog(tmp_path, "orthanc-python")
        self.repair = MissingImages(self.rest, self.receptions, Rules(RulesInForce(Switches()), journal))
        self.file = tmp_path / "orthanc-python.log"
        self.ended = 0
        self.worker = PullWorker(
            self.rest, self.rows, self.receptions, "AIPULL", at_once, self.repair, self.log,
            on_end=self._on_end
        )  # fmt: skip

    def _on_end(self) -> None:
        self.ended += 1

    def add(self, *names: str, priority: int = 0) -> None:
        for name in names:
            self.rows.add(PullRequest(name, f"1.2.{name[1:]}", "PACS", priority=priority), 1)

    def pull(self, name: str = "p1") -> Pull:
        found = self.rows.get(name)
        assert found is not None
        return found

    def step(self) -> str:
        """One step, and the end of every C-MOVE that does not wait; the state of the first pull."""
        self.worker.step()
        self.wait_for_moves(0.0 if self.rest.go is not None else 30.0)
        return self.pull().job_state.value

    def wait_for_moves(self, seconds: float) -> None:
        """Wait for the C-MOVEs that run, for so long each."""
        for thread in tuple(self.worker._moving.values()):
            thread.join(seconds)

    def moving(self) -> list[str]:
        """Pulls that move now, once all that began have come to their C-MOVE."""

        def submitted() -> list[str]:
            return sorted(one.request.pull_id for one in self.rows.unreported() if one.job_state is SUBMITTED)

        wait_for(lambda: len(self.worker._moving) == len(submitted()), 30)
        return submitted()


@pytest.fixture
def bench(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(submit, "_AWAY_S", 0.0)
    made = Bench(tmp_path, journal)
    yield made
    if made.rest.go is not None:
        made.rest.go.release(100)
    made.wait_for_moves(30)


def test_a_pull_is_journaled_as_moving_before_it_moves_and_ends_with_its_line(bench: Bench) -> None:
    bench.add("p1")
    bench.rest.go = threading.Semaphore(0)
    bench.worker.step()
    assert bench.moving() == ["p1"]
    assert bench.pull().moves == 1
    bench.rest.go.release()
    bench.wait_for_moves(30)
    assert (bench.pull().job_state, bench.pull().error, bench.pull().failure, bench.ended) == (
        ENDED,
        "",
        None,
        1,
    )
    assert bench.file.read_text().startswith("move: 1.2.1 from PACS takes: ")
    bench.step()
    assert len(bench.rest.moves) == 1


def test_a_failed_move_is_an_end_with_its_failure_and_its_line(bench: Bench) -> None:
    bench.add("p1")
    bench.rest.fails["move"] = A801
    assert bench.step() == ENDED
    failure = bench.pull().failure
    assert failure is not None
    assert (failure.kind, failure.status) == (FailureKind.NO_DESTINATION, "A801")
    assert bench.pull().error == str(A801)
    assert bench.file.read_text().startswith("move: 1.2.1 from PACS takes: ")


def test_a_pacs_that_never_had_the_request_leaves_no_line(bench: Bench) -> None:
    bench.add("p1")
    bench.rest.fails["move"] = RetriableError(
        'DicomAssociation - connecting to AET "P": TCP Initialization Error: refused'
    )
    assert bench.step() == ENDED
    assert (bench.file.read_text(), bench.pull().move_seconds) == ("", None)


def test_orthanc_that_stops_is_no_end(bench: Bench) -> None:
    bench.add("p1")
    bench.rest.fails["move"] = Unreachable("stopping")
    assert bench.step() == NEW
    del bench.rest.fails["move"]
    assert bench.step() == ENDED


def test_whatever_goes_wrong_ends_the_pull(bench: Bench) -> None:
    bench.add("p1")
    bench.rest.fails["move"] = ZeroDivisionError("of ours")
    assert bench.step() == ENDED
    failure = bench.pull().failure
    assert failure is not None
    assert (failure.kind, failure.words) == (FailureKind.OURSELVES, "ZeroDivisionError: of ours")


def test_a_pull_waits_for_the_deletion_of_its_study(bench: Bench) -> None:
    bench.add("p1")
    reception = bench.receptions.open("1.2.1", {"a"}, False, 1)
    bench.receptions.move(reception, ReceptionEvent.CONCLUDE, 2)
    bench.receptions.delete(reception, {"i"}, 2)
    assert bench.step() == NEW
    bench.receptions.deleted(reception, 3)
    assert bench.step() == ENDED


def test_the_second_pull_of_a_study_waits_for_the_first(bench: Bench) -> None:
    bench.add("p1")
    bench.rows.add(PullRequest("p2", "1.2.1", "PACS"), 2)
    bench.rest.go = threading.Semaphore(0)
    bench.worker.step()
    bench.worker.step()
    assert bench.moving() == ["p1"]


def test_as_many_at_once_as_allowed_urgent_ones_first(bench: Bench) -> None:
    bench.rest.go = threading.Semaphore(0)
    bench.add("p1", "p2", "p3")
    bench.add("p4", priority=4)
    bench.worker.step()
    assert bench.moving() == ["p1", "p4"]
    bench.worker.step()
    assert bench.moving() == ["p1", "p4"]


def test_suspects_move_alone_and_the_others_wait_until_all_are_cleared(bench: Bench) -> None:
    bench.add("p1", "p2", "p3")
    bench.rows.again("p2", suspect=True)
    bench.rows.again("p3", suspect=True)
    bench.rest.go = threading.Semaphore(0)
    seen = []
    for _ in range(2):
        bench.worker.step()
        seen.append(bench.moving())
        bench.rest.go.release()
        bench.wait_for_moves(30)
    assert seen == [["p2"], ["p3"]]
    bench.add("p4")
    bench.worker.step()
    assert bench.moving() == ["p1", "p4"]
