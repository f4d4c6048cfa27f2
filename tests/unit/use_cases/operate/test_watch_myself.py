"""Our own SCP, our clock and the disk of the offline cache: noticed, told once, and told when it is over."""

import errno
import socket
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from pacs_module.adapters.dicom.own_scp import echo
from pacs_module.adapters.http.date_header import clock_of
from pacs_module.domain.alarm import checks
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.upload.cache_limits import CacheLimits
from pacs_module.use_cases.operate.watch_myself import WatchClock, WatchOwnScp
from tests.fakes.platform import Edge
from tests.fakes.world import FakeClock, FakeLog
from tests.support.servers.raw_http import answer_of, raw_server


def test_an_scp_that_stops_answering_is_told_once_and_when_it_answers_again() -> None:
    answers, log = [""], FakeLog()
    watch = WatchOwnScp({"orthanc": lambda: answers[0]}, log)
    watch()
    answers[0] = "no association"
    for _ in range(2):
        watch()
    assert watch.silent == {}  # it may be busy
    for _ in range(5):
        watch()
    assert checks.silent_scp(watch.silent)[0].key == "scp orthanc"
    answers[0] = ""
    watch()
    assert (watch.silent, log.keys) == ({}, ["scp_silent", "scp_answers"])


def test_a_silent_scp_is_ended_once_where_the_site_says_so() -> None:
    answers, ended, log = [""], [RetriableError("away"), None, None], FakeLog()

    def shut_down() -> None:
        error = ended.pop(0)
        if error is not None:
            raise error

    watch = WatchOwnScp({"orthanc": lambda: answers[0]}, log, {"orthanc": shut_down})
    watch()
    answers[0] = "no association"
    for _ in range(6):
        watch()
    assert log.keys == ["scp_silent", "scp_not_ended", "scp_ended"]
    assert ended == [None]  # a silence that goes on after the restart is for people
    answers[0] = ""
    watch()
    answers[0] = "no association"
    for _ in range(3):
        watch()
    assert log.keys[3:] == ["scp_answers", "scp_silent", "scp_ended"]


def test_one_that_has_never_answered_is_no_alarm_and_is_left_alone() -> None:
    log, asked = FakeLog(), []

    def echo() -> str | None:
        asked.append(1)
        return None if len(asked) == 1 else "TLS only"  # at first its REST API was away as well

    watch = WatchOwnScp({"orthanc": echo}, log)
    for _ in range(9):
        watch()
    assert (watch.silent, log.keys, len(asked)) == ({}, [], 4)


def test_a_real_scp_answers_and_one_that_hangs_does_not() -> None:
    entity = AE("ORTHANC")
    entity.add_supported_context(Verification)
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    port = server.socket.getsockname()[1]  # type: ignore[union-attr]
    try:
        assert echo("127.0.0.1", port, "ORTHANC", 5.0) == ""
    finally:
        server.shutdown()
    with socket.create_server(("127.0.0.1", 0)) as hangs:  # accepts, and never says a word
        assert "no association" in echo("127.0.0.1", hangs.getsockname()[1], "ORTHANC", 0.5)


def test_a_clock_that_jumps_is_told_for_an_hour() -> None:
    clock, log = FakeClock(), FakeLog()
    watch = WatchClock(clock, {}, log)
    watch()
    clock.pass_seconds(600)
    watch()
    assert watch.wrong == {}
    clock.jump(-3600)
    watch()
    assert [one.words for one in checks.wrong_clock(watch.wrong)] == ["the clock jumped by -3600 s"]
    clock.pass_seconds(3700)
    watch()
    assert (watch.wrong, log.keys) == ({}, ["clock_wrong"])


def test_a_clock_that_another_server_contradicts_is_told_until_they_agree() -> None:
    clock, log = FakeClock(), FakeLog()
    told = [clock.now() - 600_000]
    watch = WatchClock(clock, {"region": lambda: told[0], "mute": lambda: None}, log)
    for _ in range(3):
        watch()
    assert watch.wrong == {"region": "our clock is 10 minutes ahead of that of region"}
    told[0] = clock.now()
    watch()
    assert (watch.wrong, log.keys) == ({}, ["clock_wrong", "clock_right"])


@pytest.mark.parametrize("date", ["yesterday", "", "Thu, 99 Foo 2026 00:00:00 GMT"])
def test_a_date_that_is_none_says_nothing(date: str) -> None:
    with raw_server(answer_of("200 OK", b"", f"Date: {date}")) as server:
        assert clock_of("region", server.url)() is None


def test_another_servers_time_is_read() -> None:
    at = datetime(2026, 11, 30, 21, 0, tzinfo=UTC)
    date = format_datetime(at, usegmt=True)
    with raw_server(answer_of("404 Not Found", b"", f"Date: {date}")) as server:
        assert clock_of("region", server.url)() == int(at.timestamp() * 1000)
    assert clock_of("region", "http://127.0.0.1:9")() is None


def test_a_full_disk_of_the_offline_cache_is_told_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = Edge(tmp_path, limits=CacheLimits(100, 10**9))
    handover = edge.hand_over()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("pacs_module.adapters.files.upload_cache._copy", full)
        edge.route()
    (alarm,) = checks.uploads_wait(len(edge.route.waits_for_room), *edge.route.waits_for_room.values())
    assert alarm.key == "upload_cache"
    assert "No space left" in alarm.words
    edge.clock.pass_seconds(60)
    edge.route()
    assert edge.route.waits_for_room == {}
    assert edge.send()
    assert edge.is_there(handover)
