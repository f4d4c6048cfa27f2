"""Pulls in Orthanc's terms against scripted answers; the real jobs are in the integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aipull.journal.journal import Journal
from aipull.journal.pulls import ENDED, NEW, SUBMITTED, PullRows
from aipull.journal.receptions import ReceptionRows
from aipull.pull.missing_images import Lacking, Repair
from aipull.pull.retrieve import Retrieve
from aipull.pull.submit import Pulls
from aipull.server.rest import OrthancRest, Unreachable
from pacs_module.domain.errors import PermanentError, Refused, RetriableError
from pacs_module.domain.receive.reception_state import ReceptionEvent
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.wire.messages import PullRequest
from pacs_module.shared.logs import ContractLog

STUDY = PullRequest("p1", "1.2", "PACS", priority=2)
SERIES = PullRequest("p1", "1.2", "PACS", level="SERIES", series_uids=("1.2.1", "1.2.2"))


class ScriptedRest(OrthancRest):
    """``matches_lists`` False: the PACS takes a list of UIDs for one UID. ``has``: series of study 1.2 at the PACS."""

    def __init__(self, has: tuple[str, ...] = ("1.2.1", "1.2.2", "1.2.3"), matches_lists: bool = True) -> None:
        self.has = has
        self.matches_lists = matches_lists
        self.images: dict[str, tuple[str, ...]] = {}
        self.jobs: list[dict[str, Any]] = []
        self.queries: list[dict[str, Any]] = []
        self.retrieved: list[tuple[str, dict[str, Any]]] = []
        self.fails: Exception | None = None

    def post(self, path: str, body: Any, answer_s: float = 60) -> Any:
        if self.fails:
            raise self.fails
        if path.endswith("/query"):
            self.queries.append(body)
            return {"ID": str(len(self.queries) - 1)}
        self.retrieved.append((path, body))
        return {"ID": f"job{len(self.retrieved)}"}

    def get(self, path: str) -> Any:
        if path == "/jobs?expand":
            return self.jobs
        if path.startswith("/jobs/"):
            found = [job for job in self.jobs if path.endswith(job["ID"])]
            if not found:
                raise Refused("Orthanc", 404, path)
            return found[0]
        query = self.queries[int(path.split("/")[2])]["Query"]
        if "SOPInstanceUID" in query:
            wanted = [uid for uid in query["SOPInstanceUID"].split("\\") if uid]
            images = [uid for uid in self.images.get(query["SeriesInstanceUID"], ()) if uid in wanted or not wanted]
            every = self.images.get(query["SeriesInstanceUID"], ())
            return [{"0008,0018": {"Value": uid}} for uid in (images if self.matches_lists else every)]
        if "SeriesInstanceUID" not in query:
            return [{"0020,000d": {"Value": query["StudyInstanceUID"]}}] * 2 if self.has else []
        asked = query["SeriesInstanceUID"].split("\\")
        if not self.matches_lists and len(asked) > 1:
            return []
        return [{"0020,000e": {"Value": f"{uid} "}} for uid in self.has if uid in asked]


def test_study_is_one_job_also_for_duplicate_answers() -> None:
    rest = ScriptedRest()
    assert Retrieve(rest, "AIPULL").submit(STUDY, None) == ("job1",)
    assert rest.retrieved == [("/queries/0/answers/0/retrieve", {"TargetAet": "AIPULL", "Asynchronous": True, "Priority": 2})]


def test_no_answer_is_a_permanent_error() -> None:
    with pytest.raises(PermanentError, match=r"PACS does not have study 1\.2"):
        Retrieve(ScriptedRest(has=()), "AIPULL").submit(STUDY, None)


@pytest.mark.parametrize(("matches_lists", "queries"), [(True, 1), (False, 3)])
def test_only_the_wanted_series_are_moved(matches_lists: bool, queries: int) -> None:
    rest = ScriptedRest(matches_lists=matches_lists)
    assert len(Retrieve(rest, "AIPULL").submit(SERIES, None)) == 2
    assert len(rest.queries) == queries


def job(name: str, state: str = "Running", created: str = "20261121T120000.5", **content: str) -> dict[str, Any]:
    return {
        "ID": name, "Type": "DicomMoveScu", "CreationTime": created, "State": state, "EffectiveRuntime": 2.5,
        "ErrorDescription": "Error in the network protocol" if state == "Failure" else "Success",
        "Content": {"Query": [{"0008,0052": "STUDY", "0020,000d": "1.2", **content}]},
    }  # fmt: skip


# --- a study that came short: only what lacks ---

SHORT = PullRequest("p1", "1.2", "PACS", repair="IMAGE")


def test_only_the_missing_images_are_moved_by_one_job() -> None:
    rest = ScriptedRest()
    rest.images = {"1.2.1": ("a", "b", "c", "d")}
    lacking = Lacking({"1.2.1": frozenset({"a", "c"})}, by_image=True)
    assert Retrieve(rest, "AIPULL").submit(SHORT, None, lacking) == ("job1",)
    assert [query["Query"]["SOPInstanceUID"] for query in rest.queries] == ["", "b\\d"]
    assert [path for path, _ in rest.retrieved] == ["/queries/1/retrieve"]


def test_a_pacs_that_does_not_match_a_list_of_images_is_asked_for_each_answer() -> None:
    rest = ScriptedRest(matches_lists=False)
    rest.images = {"1.2.1": ("a", "b", "c", "d")}
    lacking = Lacking({"1.2.1": frozenset({"a", "c"})}, by_image=True)
    assert len(Retrieve(rest, "AIPULL").submit(SHORT, None, lacking)) == 2
    assert [path for path, _ in rest.retrieved] == ["/queries/1/answers/1/retrieve", "/queries/1/answers/3/retrieve"]


def test_known_images_are_not_asked_for_again() -> None:
    rest = ScriptedRest()
    rest.images = {"1.2.1": ("a", "b")}
    known = PullRequest("p1", "1.2", "PACS", repair="IMAGE", expected_instances={"1.2.1": ("a", "b")})
    Retrieve(rest, "AIPULL").submit(known, None, Lacking({"1.2.1": frozenset("a")}, by_image=True))
    assert [query["Query"]["SOPInstanceUID"] for query in rest.queries] == ["b"]


@pytest.mark.parametrize(
    ("images", "here", "by_image"),
    [
        ({}, "a", True),  # IMAGE level gives no answers
        ({"1.2.1": ("a", "b")}, "a", False),
        ({"1.2.1": ("a", "b")}, "", True),  # nothing of it came: the series as it is
        ({"1.2.1": tuple(str(number) for number in range(200))}, "1", True),  # too many for a list
    ],
)
def test_else_the_series_that_lacks_images_and_no_other(images: dict[str, tuple[str, ...]], here: str, by_image: bool) -> None:
    rest = ScriptedRest()
    rest.images = images
    lacking = Lacking({"1.2.1": frozenset(here)}, by_image)
    assert Retrieve(rest, "AIPULL").submit(SHORT, None, lacking) == ("job1",)
    assert rest.queries[-1]["Query"]["SeriesInstanceUID"] == "1.2.1"
    assert rest.retrieved[-1][0].endswith("/answers/0/retrieve")


def test_nothing_lacks_any_more() -> None:
    rest = ScriptedRest()
    assert Retrieve(rest, "AIPULL").submit(SHORT, None, Lacking({}, by_image=True)) == ()
    assert rest.queries == []


def test_job_of_a_repair_from_before_the_crash_is_taken_over() -> None:
    rest = ScriptedRest()
    rest.jobs = [job("mine", **{"0020,000e": "1.2.1"}), job("study")]
    lacking = Lacking({"1.2.1": frozenset("a")}, by_image=False)
    assert Retrieve(rest, "AIPULL").submit(SHORT, AT, lacking) == ("mine",)


AT = 1795262400_000  # 2026-11-21T12:00:00Z


def test_job_of_before_the_crash_is_taken_over_and_older_or_other_ones_are_not() -> None:
    rest = ScriptedRest()
    rest.jobs = [
        job("old", created="20261121T115500"),
        job("series", **{"0020,000e": "1.2.9"}),
        {**job("archive"), "Type": "Archive"},
        job("mine"),
    ]
    assert Retrieve(rest, "AIPULL").submit(STUDY, AT) == ("mine",)
    assert rest.queries == []


def test_only_the_series_without_a_job_are_submitted_again() -> None:
    rest = ScriptedRest()
    rest.jobs = [job("one", **{"0020,000e": "1.2.1"})]
    assert Retrieve(rest, "AIPULL").submit(SERIES, AT) == ("one", "job1")
    assert rest.queries[0]["Query"]["SeriesInstanceUID"] == "1.2.2"


class Bench:
    def __init__(self, tmp_path: Path, journal: Journal) -> None:
        self.rest = ScriptedRest()
        self.rows = PullRows(journal)
        self.receptions = ReceptionRows(journal)
        self.log = ContractLog(tmp_path, "orthanc-python")
        self.repair = Repair(self.rest, self.receptions, Switches())
        self.file = tmp_path / "orthanc-python.log"
        self.worker = Pulls(self.rest, self.rows, self.receptions, "AIPULL", self.repair, self.log)
        self.rows.add(STUDY, 2**50)

    def step(self) -> str:
        self.worker.step()
        self.worker._pool.submit(lambda: None).result()
        while self.worker._submitting:
            pass
        pull = self.rows.get("p1")
        assert pull is not None
        return pull.job_state


@pytest.fixture
def bench(tmp_path: Path, journal: Journal) -> Iterator[Bench]:
    made = Bench(tmp_path, journal)
    yield made
    made.worker._pool.shutdown()


def test_pull_is_submitted_watched_and_ended_with_its_line(bench: Bench) -> None:
    assert bench.step() == SUBMITTED
    bench.rest.jobs = [job("job1")]
    assert bench.step() == SUBMITTED
    bench.rest.jobs = [job("job1", "Success")]
    assert bench.step() == ENDED
    assert bench.file.read_text() == "move: 1.2 from PACS takes: 2.50\n"


def test_failed_job_is_an_end_with_its_error(bench: Bench) -> None:
    bench.step()
    bench.rest.jobs = [job("job1", "Failure")]
    bench.step()
    pull = bench.rows.get("p1")
    assert pull is not None
    assert pull.error == "Error in the network protocol"


def test_job_that_orthanc_lost_is_submitted_again(bench: Bench) -> None:
    bench.step()
    assert bench.step() == NEW
    assert bench.step() == SUBMITTED


@pytest.mark.parametrize(("error", "state"), [(Unreachable("stopping"), NEW), (RetriableError("no answer"), ENDED)])
def test_pacs_that_does_not_answer_ends_the_pull_and_orthanc_that_stops_does_not(
    bench: Bench, error: Exception, state: str
) -> None:
    bench.rest.fails = error
    assert bench.step() == state
    assert not bench.file.read_text()


def test_pull_waits_for_the_deletion_of_its_study(bench: Bench) -> None:
    reception = bench.receptions.open("1.2", {"a"}, False, 1)
    bench.receptions.move(reception, ReceptionEvent.CONCLUDE, 2)
    bench.receptions.delete(reception, {"i"}, 2)
    assert bench.step() == NEW
    bench.receptions.deleted(reception, 3)
    assert bench.step() == SUBMITTED


def test_second_pull_of_a_study_waits_for_the_first(bench: Bench) -> None:
    bench.rows.add(PullRequest("p2", "1.2", "PACS"), 2**50)
    bench.step()
    second = bench.rows.get("p2")
    assert second is not None
    assert second.job_state == NEW
