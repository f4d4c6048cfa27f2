"""
A real Orthanc whose SCP answers nobody in time while its REST API does: its DICOM threads go round associations
that say nothing, a second each. It is ended from here, and answers once its supervisor, the test, has started it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pacs_module.adapters.dicom.own_scp import echo
from pacs_module.adapters.http.plugins import OrthancPuller
from pacs_module.use_cases.operate.watch_myself import FAILED_IN_ROW, WatchOwnScp
from stack.ports import LOOPBACK
from stack.probing import accepts_tcp
from tests.fakes.world import FakeLog
from tests.support.servers.upload_servers import DicomWebServer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("orthanc", "orthanc-dicomweb")
MUTE = 16
"""For the four threads that Orthanc has by itself: a C-ECHO waits some seconds for its turn."""


@contextmanager
def held(server: DicomWebServer) -> Iterator[None]:
    """An association that says nothing; Orthanc waits a second for it in each round."""
    entity = AE("MUTE")
    entity.add_requested_context(Verification)
    association = entity.associate(LOOPBACK, server.dicom, ae_title=server.aet)
    assert association.is_established
    yield
    association.abort()


def test_a_silent_scp_is_ended_once_and_answers_after_its_restart(tmp_path: Path) -> None:
    server, log = DicomWebServer(tmp_path), FakeLog()
    ask = partial(echo, LOOPBACK, server.dicom, server.aet, 1.0)
    puller = OrthancPuller(server.url, "", "", 10.0)
    watch = WatchOwnScp({"orthanc": ask}, log, {"orthanc": puller.shut_down})
    try:
        watch()
        with ExitStack() as mute:
            for _ in range(MUTE):
                mute.enter_context(held(server))
            for _ in range(FAILED_IN_ROW):
                assert puller.system()["DicomAet"] == server.aet
                watch()
            assert log.keys == ["scp_silent", "scp_ended"]
            wait_for(lambda: server.program.process.poll() is not None, what="Orthanc to end")
        server.program.start()
        wait_for(lambda: accepts_tcp(server.dicom), what="Orthanc's DICOM port")
        watch()
        assert (watch.silent, log.keys[2:]) == ({}, ["scp_answers"])
    finally:
        server.stop()
