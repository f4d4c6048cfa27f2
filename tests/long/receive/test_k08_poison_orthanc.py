"""
K8 in the receiving Orthanc: an object that ends the process costs only its own study.

Orthanc is started again as a supervisor would, whenever it is dead. Does not prove anything about objects
that are pushed again and again: Orthanc 1.10.1 has no way to refuse a sender that it does not know.
"""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE

from stack.errors import StackError
from stack.ports import free_ports
from tests.fakes.plugin_stack import PluginStack, until
from tests.support.images.poison import CT, dataset, nested
from tests.support.pacs.raw_pacs import RawPacs, store_raw

pytestmark = [
    pytest.mark.server("orthanc", "orthanc-python"),
    # pynetdicom leaves the sockets of associations whose peer has died to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEYWORDS = {"AcquisitionNumber": "1"}


class Supervised:
    """A receiving Orthanc and a PACS of raw objects; ``deaths`` are counted while something is waited for."""

    def __init__(self, stack: PluginStack, pacs: RawPacs) -> None:
        self.stack = stack
        self.pacs = pacs
        self.deaths = 0
        self.before_start: Callable[[], None] = lambda: None
        """What else is broken when it has died."""

    def wait(self, condition: Callable[[], object], within_s: float = 120) -> None:
        def looked() -> bool:
            if not self.stack.receiver.process.is_alive():
                self.before_start()
                try:
                    self.stack.receiver.start()
                except StackError:  # its ports are still being closed, or it has died again while it started
                    return False
                self.deaths += 1
            return bool(condition())

        until(looked, within_s, "the reports", self.stack)

    def reports(self, *pulls: str) -> list[dict[str, object]]:
        self.wait(lambda: all(self.stack._reports(pull) for pull in pulls))
        return [self.stack.report_of(pull) for pull in pulls]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Supervised]:
    (pacs_port,) = free_ports(1)
    site = (
        "STABLE_AGE = 3.0\nFILTER_MIN_INSTANCES = False\nFILTER_BODY_PART = False\nFILTER_IMAGE_TYPE = "
        "False\n"
    )
    environment = {"HOSPITAL_PACS_PORT": str(pacs_port), "HOSPITAL_PACS_AET": "RAWPACS"}
    with (
        PluginStack(tmp_path, site, environment) as stack,
        RawPacs(stack.receiver.ports.dicom, port=pacs_port) as pacs,
    ):
        yield Supervised(stack, pacs)


def uid() -> str:
    """Short enough for a series UID that is made of it."""
    return f"2.25.{uuid.uuid4().int}"


def good(study: str, number: int = 3) -> list[tuple[str, bytes]]:
    uids = [uid() for _ in range(number)]
    return [(uid, dataset(study, uid, patient_id="GOOD")) for uid in uids]


def studies_of(run: Supervised, poison: bytes, number: int = 3) -> tuple[list[str], str]:
    well = [uid() for _ in range(number)]
    bad, sop = uid(), uid()
    run.pacs.studies = {study: good(study) for study in well}
    run.pacs.studies[bad] = [*good(bad, 2), (sop, dataset(bad, sop, poison))]
    return well, bad


DEEP = nested(20_000)


@pytest.mark.parametrize(
    "poison", [DEEP, nested(50_000), nested(20_000, defined=True)], ids=["deep", "deeper", "defined"]
)
def test_poison_alone_is_set_aside_after_two_deaths_and_the_others_are_pulled(
    run: Supervised, poison: bytes
) -> None:
    well, bad = studies_of(run, poison)
    first = run.stack.pull(bad, expected=3)
    pulls = [run.stack.pull(study, expected=3) for study in well]
    (report, *others) = run.reports(first, *pulls)
    assert report["outcome"] in ("failed", "short")
    assert report["failure"] == {
        "kind": "poison", "status": "", "words": "killed Orthanc twice while it was received"
    }  # fmt: skip
    assert [one["outcome"] for one in others] == ["received"] * 3
    assert run.deaths <= 3
    assert run.stack.events("it is not pulled again by itself")
    assert run.stack.get("/aipull/status").json()["counts"]["deaths"] == run.deaths


def test_of_many_at_once_only_the_poison_is_set_aside(run: Supervised) -> None:
    well, bad = studies_of(run, DEEP, number=7)
    pulls = [run.stack.pull(study, expected=3) for study in [*well[:4], bad, *well[4:]]]
    reports = run.reports(*pulls)
    failures: dict[object, Any] = {report["studyUID"]: report.get("failure") or {} for report in reports}
    poisoned = [study for study, failure in failures.items() if failure.get("kind") == "poison"]
    assert poisoned == [bad]
    assert [report["outcome"] for report in reports if report["studyUID"] != bad] == ["received"] * 7
    assert run.deaths <= 3


def test_a_person_may_ask_again_and_gets_the_same_verdict(run: Supervised) -> None:
    _, bad = studies_of(run, DEEP, number=0)
    for _ in range(2):
        (report,) = run.reports(run.stack.pull(bad, expected=3))
        assert report["failure"]["kind"] == "poison"  # type: ignore[index]
    assert run.deaths == 4


def test_a_ram_disk_that_is_emptied_at_each_death_lets_no_poison_begin_again(run: Supervised) -> None:
    well, bad = studies_of(run, DEEP)
    run.before_start = lambda: empty(run.stack.receiver.ram_disk)
    pulls = [run.stack.pull(study, expected=3) for study in (*well, bad)]
    (*others, report) = run.reports(*pulls)
    assert report["failure"]["kind"] == "poison"  # type: ignore[index]
    assert [one["outcome"] for one in others] == ["received"] * 3
    assert run.deaths <= 3


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_an_object_nested_less_deep_is_received_and_kills_nobody_who_reads_it(run: Supervised) -> None:
    """HTTP threads of Orthanc 1.10.1 die of some fifty levels, with whoever asks them for a tag."""
    well, bad = studies_of(run, nested(500), number=1)
    reports = run.reports(run.stack.pull(bad, expected=3), run.stack.pull(well[0], expected=3))
    assert reports[1]["outcome"] == "received"
    assert run.deaths == 0


def test_an_end_in_order_or_a_kill_while_nothing_moves_is_charged_to_nobody(run: Supervised) -> None:
    well, _ = studies_of(run, DEEP, number=1)
    for sign in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        pid = run.stack.receiver.process.pid
        assert pid is not None
        os.kill(pid, sign)
        run.wait(lambda before=run.deaths: run.deaths > before)  # type: ignore[misc]
    (report,) = run.reports(run.stack.pull(well[0], expected=3))
    assert report["outcome"] == "received"


def test_a_sender_that_pushes_poison_is_named_and_pulls_are_not_blamed_for_it(run: Supervised) -> None:
    """It cannot be refused: Orthanc 1.10.1 asks nobody before it reads what an unknown sender stores."""
    for _ in range(3):
        before = run.deaths
        until(
            lambda: "verbose" in run.stack.get("/tools/log-level-dicom").text, 60, "the log level", run.stack
        )
        study, sop = uid(), uid()
        sender = AE("EVIL")
        sender.add_requested_context(CT, ExplicitVRLittleEndian)
        association = sender.associate("127.0.0.1", run.stack.receiver.ports.dicom, ae_title="AIPULL")
        store_raw(association, 1, sop, dataset(study, sop, DEEP))
        run.wait(lambda before=before: run.deaths > before)  # type: ignore[misc]
    told = until(lambda: run.stack.events("what was pushed last is suspect"), 60, "the deaths", run.stack)
    assert [event["lastAssociations"][-1] for event in told] == ["EVIL@127.0.0.1"] * len(told)
    well, _ = studies_of(run, DEEP, number=1)
    assert [report["outcome"] for report in run.reports(run.stack.pull(well[0], expected=3))] == ["received"]


def test_kills_from_outside_that_hit_a_lone_pull_do_not_set_it_aside(run: Supervised) -> None:
    (study,), bad = studies_of(run, DEEP, number=1)
    run.pacs.behaviour = {study: "silent"}
    pull = run.stack.pull(study, expected=3)
    for number in range(1, 4):
        run.wait(lambda number=number: len(run.pacs.asked) >= number)  # type: ignore[misc]
        run.stack.receiver.kill()
    run.pacs.behaviour = {}
    assert [report["outcome"] for report in run.reports(pull)] == ["received"]
    told = run.stack.events("killed from outside")
    assert [event["ending"] for event in told] == ["killed"] * 3
    before = run.deaths
    (report,) = run.reports(run.stack.pull(bad, expected=3))
    assert report["failure"]["kind"] == "poison"  # type: ignore[index]
    assert run.deaths - before == 2, "poison is found as fast as ever"


def test_k08_two_kills_of_which_nobody_told_set_no_healthy_pull_aside(run: Supervised) -> None:
    """No exit status beside the journal, both before the first image."""
    (study,), _ = studies_of(run, DEEP, number=1)
    run.pacs.behaviour = {study: "silent"}
    pull = run.stack.pull(study, expected=3)
    for number in (1, 2):
        run.wait(lambda number=number: len(run.pacs.asked) >= number)  # type: ignore[misc]
        run.pacs.behaviour = {} if number == 2 else run.pacs.behaviour
        run.stack.receiver.kill()
        told = run.stack.receiver.exit_file()
        assert told is not None
        told.unlink(missing_ok=True)
    assert [report["outcome"] for report in run.reports(pull)] == ["received"]
    assert [event["ending"] for event in run.stack.events("Orthanc died")] == ["unknown"] * 2
