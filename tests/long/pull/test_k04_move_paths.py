"""
K4 with the real parts: the PACS answers finds, and its moves cannot come back to us; then somebody mends
that.

The whole stack runs; in the hospital's place stands the simulated PACS, whose move destinations and habits
are changed while it runs. Pauses are short. Not proved here: ten minutes of it, several processes, mirrors
(tests/unit/use_cases/pull/test_k04_*).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pydicom.uid import generate_uid

from hospital_sim.pacs import SimPacs
from hospital_sim.sending.scu import Association, Pacs
from stack.ports import free_ports
from stack.servers.orthanc import RECEIVER_AET
from stack.whole import Stack, StackOptions
from tests.fakes.plugin_stack import CT_STORAGE, ct_series
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server

NAME, AE_TITLE, NUMBER = "SIM", "SIMPACS", 3
SETTINGS: dict[str, Any] = {
    "pacs": [{"name": NAME}],
    "find_dates": ["2020-06-18"],
    "find_interval_s": 1.0,
    "pull": {
        "attempts": 2,
        "first_pause_s": 0.5,
        "longest_pause_s": 1.0,
        "path_pause_s": 0.5,
        "path_longest_pause_s": 2.0,
    },
}


class Site:
    """The stack with its PACS, and what a person can see of it."""

    def __init__(self, stack: Stack, pacs: SimPacs) -> None:
        self.stack, self.pacs = stack, pacs

    def register(self, port: int) -> None:
        """The PACS knows us as a move destination, at this port."""
        self.pacs.destinations[RECEIVER_AET] = ("127.0.0.1", port)

    def mend(self) -> None:
        self.pacs.habits = []
        self.register(self.stack.receiver.ports.dicom)

    def send(self) -> list[str]:
        """New chest CTs in the PACS; their StudyInstanceUIDs."""
        uids = [str(generate_uid()) for _ in range(NUMBER)]
        for uid in uids:
            images = ct_series(uid, 12, AccessionNumber=f"A{uid[-8:]}")
            syntax = str(images[0].file_meta.TransferSyntaxUID)
            with Association(
                Pacs("127.0.0.1", self.pacs.port, AE_TITLE), "CT1", [(CT_STORAGE, (syntax,))]
            ) as association:
                for image in images:
                    association.store(image, str(image.SOPInstanceUID))
        return uids

    def get(self, path: str) -> dict[str, Any]:
        url, key = self.stack.pacs_module.url, self.stack.pacs_module.api_key
        answer: dict[str, Any] = requests.get(f"{url}{path}", headers={"X-API-Key": key}, timeout=30).json()
        return answer

    def study(self, uid: str) -> dict[str, Any]:
        found = self.get(f"/api/v1/dcm/debug?StudyInstanceUID={uid}&askPACS=false")["studies"]
        return dict(found[0]) if found else {}

    def moves(self) -> dict[str, Any]:
        return dict(self.get("/health")["pacs"][NAME]["moves"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with SimPacs(ae_title=AE_TITLE) as pacs:
        options = StackOptions(
            more_pacs={NAME: (AE_TITLE, pacs.port)}, settings=SETTINGS, ram_disk_bytes=2**29
        )
        with Stack(tmp_path_factory.mktemp("k04") / "run", options) as stack:
            yield Site(stack, pacs)


def no_destination(site: Site) -> None:
    site.pacs.destinations.clear()


def unreachable_port(site: Site) -> None:
    (nobody_listens,) = free_ports(1)
    site.register(nobody_listens)


def answers(status: str) -> Callable[[Site], None]:
    def spoil(site: Site) -> None:
        site.mend()
        site.pacs.habits = [f"move-fails={status}"]

    return spoil


BROKEN: dict[str, tuple[Callable[[Site], None], str]] = {
    "A801, not registered": (no_destination, f"{NAME} does not know our AE title {RECEIVER_AET}"),
    "our port cannot be reached": (unreachable_port, f"{NAME} could not send the images to {RECEIVER_AET}"),
    "A702": (answers("A702"), f"{NAME} could not send the images to {RECEIVER_AET}"),
    "0122": (answers("0122"), f"{NAME} does not offer C-MOVE"),
    "C001": (answers("C001"), f"{NAME} could not do the C-MOVE"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_way_back_costs_no_study_an_attempt_and_all_goes_on_by_itself(site: Site, how: str) -> None:
    spoil, words = BROKEN[how]
    spoil(site)
    uids = site.send()
    wait_for(lambda: site.moves()["circuit"] != "closed", what="the path counts as broken")
    wait_for(lambda: site.moves()["failuresInRow"] >= 4, what="some probes have failed")
    health = site.get("/health")
    assert health["status"] != "ok"
    assert health["pacs"][NAME]["circuit"] == "closed", "finds go on"
    assert health["pacs"][NAME]["moves"]["why"].startswith(words)
    told = [study for study in map(site.study, uids) if study]
    assert {study["state"] for study in told} <= {"meta_only", "pull_data"}
    assert max(study["attempts"] for study in told) <= 1, "at most the probe that runs"
    assert requests.get(f"{site.stack.pacs_module.url}/health/ready", timeout=30).status_code == 200
    site.mend()
    wait_for(
        lambda: all(site.study(uid).get("handovers") for uid in uids), seconds=90,
        what=lambda: f"all are handed over: {[(site.study(uid).get('state'), site.study(uid).get('why')) for uid in uids]}",
    )  # fmt: skip
    assert site.moves()["circuit"] == "closed"
    assert [site.study(uid)["attempts"] for uid in uids] == [1] * NUMBER
