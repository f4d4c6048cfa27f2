"""
What pacs_module relies on of the plugins: the fake of the unit tests, and the adapter before a real receiving
Orthanc.

Does not prove that images come; tests/integration/receive/test_plugins_reception.py does.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest
from pydicom.uid import generate_uid

from pacs_module.adapters.http.plugins import MoveDestination, OrthancPuller
from pacs_module.domain.errors import PermanentError, PipelineError, RetriableError
from pacs_module.domain.json_messages.messages import PullReport, PullRequest
from pacs_module.ports import PluginLog, PluginMemory, PluginRecordsKept, Puller
from stack.ports import free_ports
from stack.servers.orthanc import RECEIVER_AET
from tests.fakes.plugin_stack import PACS, PluginStack
from tests.fakes.world import FakePlugins
from tests.support.waiting import wait_for

UNKNOWN_PACS = "NOBODY"


class Plugins(Puller, PluginLog, PluginRecordsKept, PluginMemory, Protocol):
    """All that pacs_module asks of them."""


@dataclass
class Case:
    """A way to the plugins, a way to nobody, and the PACS pulls that they were asked for by id."""

    plugins: Plugins
    nobody: Plugins
    lets_it_end: Callable[[str], None]


@pytest.fixture(
    scope="module",
    params=["fake", pytest.param("real", marks=pytest.mark.server("orthanc", "orthanc-python"))],
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    if request.param == "fake":
        yield of_fakes()
        return
    with PluginStack(tmp_path_factory.mktemp("plugins")) as stack:
        receiver = stack.receiver
        (closed_port,) = free_ports(1)
        yield Case(
            OrthancPuller(receiver.url, receiver.user, receiver.password, 10.0),
            OrthancPuller(f"http://127.0.0.1:{closed_port}", "", "", 1.0),
            lambda pull_id: None,
        )


def of_fakes() -> Case:
    plugins, nobody = FakePlugins(), FakePlugins()
    plugins.refuse = lambda request: PermanentError("unknown") if request.pacs == UNKNOWN_PACS else None
    nobody.deaf = RetriableError("nobody there")

    def ends(pull_id: str) -> None:
        study_uid = next(one.study_uid for one in plugins.asked if one.pull_id == pull_id)
        plugins.reports[pull_id] = PullReport("R", pull_id, study_uid, "failed")

    return Case(plugins, nobody, ends)


def a_pull(pacs: str = PACS) -> PullRequest:
    return PullRequest(uuid.uuid4().hex, generate_uid(), pacs, expected=3)


def test_a_pull_is_known_by_its_id_and_ends_with_a_report(case: Case) -> None:
    request = a_pull()
    assert case.plugins.report_of(request.pull_id) is None
    case.plugins.ask(request)
    case.plugins.ask(request)
    assert case.plugins.report_of(request.pull_id) is not None
    case.lets_it_end(request.pull_id)
    report = wait_for(
        lambda: isinstance(one := case.plugins.report_of(request.pull_id), PullReport) and one,
        what="the report of the pull",
    )
    assert isinstance(report, PullReport)
    assert (report.pull_id, report.study_uid, report.outcome) == (
        request.pull_id,
        request.study_uid,
        "failed",
    )


def test_an_unknown_pacs_is_refused_for_good(case: Case) -> None:
    request = a_pull(UNKNOWN_PACS)
    with pytest.raises(PermanentError):
        case.plugins.ask(request)
    assert case.plugins.report_of(request.pull_id) is None


def test_nobody_there_is_an_error_that_passes(case: Case) -> None:
    calls: list[Callable[[], object]] = [
        lambda: case.nobody.ask(a_pull()), lambda: case.nobody.report_of("p"),
        lambda: case.nobody.write_verdicts(["a line"]),
        lambda: case.nobody.release("a" * 32), case.nobody.room,
        case.nobody.log_level, lambda: case.nobody.set_log_level("DEBUG", 60),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(RetriableError):
            call()


def test_lines_and_releases_are_taken_and_what_is_unknown_is_no_error(case: Case) -> None:
    case.plugins.write_verdicts(["A1 P1 1.2 1.2.3 filter because SliceThickness 8"])
    case.plugins.write_verdicts([])
    case.plugins.release("a" * 32)


def test_the_ram_disk_is_told_in_bytes(case: Case) -> None:
    room = case.plugins.room()
    assert room["totalBytes"] >= room["freeBytes"] > 0
    assert (room["pullsWaiting"], room["alarm"]) == (0, False)


def test_another_log_level_is_taken_and_told(case: Case) -> None:
    case.plugins.set_log_level("DEBUG", 60)
    assert case.plugins.log_level()["level"] == "DEBUG"
    with pytest.raises(PipelineError):
        case.plugins.set_log_level("TRACE", 60)
    case.plugins.set_log_level("INFO", 60)
    assert case.plugins.log_level() == {"level": "INFO", "seconds": None}


def test_orthanc_says_how_the_pacs_have_to_know_it(case: Case) -> None:
    if not isinstance(case.plugins, OrthancPuller) or not isinstance(case.nobody, OrthancPuller):
        return  # the fake world has no DICOM
    us = MoveDestination(case.plugins, "10.1.2.3")()
    assert (us.ae_title, us.host) == (RECEIVER_AET, "10.1.2.3")
    assert us.port > 0
    assert str(MoveDestination(case.plugins, "10.1.2.3", 11112)()) == f"{RECEIVER_AET} at 10.1.2.3:11112"
    assert MoveDestination(case.nobody)().port == 0, "not known yet, and nothing is made up"


def test_what_is_older_than_its_age_goes_and_is_counted(case: Case) -> None:
    now = 4_000_000_000_000  # in 2096: nothing is younger, but what runs is no record that may go
    assert set(case.plugins.remove_old(now, 30, 0)) == {"journalRows", "strayFolders", "logFiles"}
    assert case.plugins.remove_old(now, 30, 0)["journalRows"] == 0
    with pytest.raises(PipelineError):
        case.nobody.remove_old(now, 30, 0)


def test_what_is_not_in_flight_is_forgotten_and_nobody_else_is_needed(case: Case) -> None:
    unknown = generate_uid()
    assert case.plugins.forget([unknown], [unknown], True)["inFlight"] == {}
    assert case.plugins.forget([unknown], [unknown], False)["inFlight"] == {}
    with pytest.raises(PipelineError):
        case.nobody.forget([unknown], [unknown], False)
