"""
The platform's parameters over real HTTP, with each oddity of the platform simulator; what they change of a
destination that runs.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hospital_sim.platform.parameters import Oddity, ParameterBook, parameter_server
from pacs_module.adapters.upload.http import HttpUploader
from pacs_module.domain.errors import ConfigurationError
from pacs_module.service.bootstrap import build
from pacs_module.service.service import Service
from pacs_module.settings import load_settings
from pacs_module.use_cases.platform_parameters.fetch import FetchParameters
from stack.ports import free_ports
from tests.fakes.served import settings_file
from tests.support.servers.certificates import Authority
from tests.support.waiting import wait_for

NAMES = "{hospital}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"
SECRET = "platform-key-of-the-site"
DESTINATION = """
[[destination]]
name = "region"
kind = "http"
hospital = "SITE"
url = "http://127.0.0.1:9/site"
path = "{names}"
threads = 3
[parameters]
url = "{url}/api/v1/parameters"
file = "{folder}/state/parameters.json"
destinations = ["region"]
hospital = "H001"
key = "{key}"
timeout_s = {timeout}
pinned = {pinned}
{more}
"""


@dataclass
class Site:
    """A gateway whose destination follows a platform."""

    folder: Path
    url: str
    pinned: tuple[str, ...] = ()
    timeout: float = 5.0
    more: str = ""

    def service(self) -> Service:
        """As it starts."""
        file = settings_file(self.folder)
        told = DESTINATION.format(
            names=NAMES, url=self.url, folder=self.folder, key=SECRET, timeout=self.timeout,
            pinned=json.dumps(list(self.pinned)), more=self.more,
        )  # fmt: skip
        file.write_text(file.read_text(encoding="utf-8") + told, encoding="utf-8")
        return build(load_settings(file))

    @property
    def log(self) -> str:
        return "".join(one.read_text(encoding="utf-8") for one in (self.folder / "log").iterdir())


@pytest.fixture
def book() -> ParameterBook:
    return ParameterBook({"batch_size": 20, "threads": 2, "hospital_code": "H001"}, key=SECRET)


@pytest.fixture
def site(tmp_path: Path, book: ParameterBook) -> Iterator[Site]:
    with parameter_server(book) as server:
        yield Site(tmp_path, server.url)


@pytest.fixture
def service(site: Site) -> Iterator[Service]:
    made = site.service()
    yield made
    close(made)


def close(service: Service) -> None:
    service.queue.close()
    service.store.close()


def parameters(service: Service) -> FetchParameters:
    assert service.parameters is not None
    return service.parameters


def region(service: Service) -> dict[str, Any]:
    """The destination as it is in force."""
    assert service.destinations is not None
    told = service.destinations.live["region"].now
    return {name: getattr(told, name) for name in ("batch", "threads", "hospital", "url", "path")}


SITE = {"batch": 50, "threads": 3, "hospital": "SITE", "url": "http://127.0.0.1:9/site", "path": NAMES}


def test_a_good_set_takes_effect_without_a_restart(service: Service, site: Site, book: ParameterBook) -> None:
    assert region(service) == SITE
    parameters(service)()
    assert region(service) == {**SITE, "batch": 20, "threads": 2, "hospital": "H001"}
    assert book.asked == ["/api/v1/parameters?hospital=H001"]
    book.change(gateway_url="http://127.0.0.1:9/new", threads=1)
    parameters(service)()
    assert region(service)["url"] == "http://127.0.0.1:9/new"
    told = [(one["name"], one["old"], one["new"]) for one in parameters(service).history[:2]]
    assert sorted(told) == [("gateway_url", "", "http://127.0.0.1:9/new"), ("threads", "2", "1")]
    assert site.log.count("parameter_changed") == 5


def test_workers_take_new_settings_over_between_two_uploads_and_rest_beyond_the_threads(
    service: Service, book: ParameterBook
) -> None:
    assert service.destinations is not None
    senders = [sender for _, sender in service.destinations.senders]
    assert [sender.works(sender) for sender in senders] == [True] * 3 + [False] * 13
    book.change(threads=16, batch_size=7, gateway_url="http://127.0.0.1:9/other")
    parameters(service)()
    before = senders[0].uploader
    assert all(sender.works(sender) for sender in senders)
    assert {sender.plan.batch for sender in senders} == {7}
    assert isinstance(senders[0].uploader, HttpUploader)
    assert senders[0].uploader is not before
    unchanged = senders[0].uploader
    senders[0].works(senders[0])
    assert senders[0].uploader is unchanged


@pytest.mark.parametrize("oddity", [one for one in Oddity if one is not Oddity.SLOW])
def test_whatever_the_platform_does_the_last_good_set_stays(
    oddity: Oddity, service: Service, site: Site, book: ParameterBook
) -> None:
    parameters(service)()
    good = region(service)
    book.be(oddity, 3)
    for _ in range(3):
        parameters(service)()
        assert region(service) == good
        assert parameters(service).problem
    assert site.log.count('"event": "parameters_refused"') == 1, "told once"
    book.behave()
    book.change(threads=9)
    parameters(service)()
    assert (parameters(service).problem, region(service)["threads"]) == ("", 9)
    assert '"event": "parameters_good"' in site.log


def test_a_platform_that_is_slow_is_given_up(site: Site, book: ParameterBook) -> None:
    site.timeout = 0.3
    service = site.service()
    book.be(Oddity.SLOW)
    parameters(service)()
    assert (parameters(service).in_force, bool(parameters(service).problem)) == (None, True)
    close(service)


def test_while_the_platform_is_away_a_restart_keeps_the_last_good_set(
    site: Site, book: ParameterBook, tmp_path: Path
) -> None:
    service = site.service()
    parameters(service)()
    good = region(service)
    close(service)
    book.be(Oddity.AWAY, 99)
    again = site.service()
    assert region(again) == good
    parameters(again)()
    assert region(again) == good
    close(again)
    file = tmp_path / "state" / "parameters.json"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text('{"version": 1, "values": {"threads": -4}', encoding="utf-8")
    cut = site.service()
    assert region(cut) == SITE, "a kept file that is damaged is none"
    assert "parameters.json cannot be read" in parameters(cut).problem
    close(cut)


def test_what_the_site_has_pinned_is_the_sites(site: Site, book: ParameterBook) -> None:
    site.pinned = ("threads",)
    service = site.service()
    parameters(service)()
    assert region(service) == {**SITE, "batch": 20, "hospital": "H001"}
    pinned = {one["name"]: one["pinned"] for one in parameters(service).history}
    assert pinned == {"batch_size": False, "threads": True, "hospital_code": False}
    close(service)


def test_values_that_cannot_be_used_together_change_nothing(service: Service, book: ParameterBook) -> None:
    assert service.destinations is not None
    with pytest.raises(ConfigurationError):
        service.destinations.live["region"].with_values({"hospital": ""})


def test_secrets_stand_in_no_log_and_no_history(site: Site, book: ParameterBook) -> None:
    book.change(s3_secret_key="a-secret-of-the-platform", s3_access_key="an-access-key")
    service = site.service()
    parameters(service)()
    told = site.log + json.dumps(parameters(service).history)
    assert "s3_secret_key" in told
    assert "a-secret-of-the-platform" not in told
    assert "an-access-key" not in told
    close(service)


def test_what_cannot_be_written_down_does_not_take_effect(site: Site, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way", encoding="utf-8")
    service = site.service()
    with pytest.raises(Exception, match="cannot be written"):
        parameters(service)()
    assert region(service) == SITE
    close(service)


@pytest.mark.parametrize(("days", "good"), [(1, True), (-1, False)])
def test_a_certificate_that_has_expired_is_not_believed(
    days: int, good: bool, tmp_path: Path, book: ParameterBook
) -> None:
    authority = Authority(tmp_path / "ca")
    certificate = authority.signed("platform", days=days)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate.certificate, certificate.key)
    with parameter_server(book, tls=tls) as server:
        service = Site(tmp_path, server.url, more=f'ca_file = "{authority.file}"').service()
        parameters(service)()
        assert (parameters(service).in_force is not None) is good
        assert bool(parameters(service).problem) is not good
        close(service)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('destinations = ["region"]', "no destination region"),
        ('destinations = ["region"]\nneeded = ["colour"]', "there is no parameter colour"),
    ],
)
def test_a_name_that_there_is_none_of_stops_the_start(tmp_path: Path, line: str, words: str) -> None:
    file = settings_file(tmp_path)
    told = f'[parameters]\nurl = "http://a"\nfile = "x"\n{line}\n'
    file.write_text(file.read_text(encoding="utf-8") + told, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words):
        load_settings(file)


def test_the_simulator_runs_from_the_command_line(tmp_path: Path) -> None:
    ports = free_ports(3)
    options = ["--images-port", ports[0], "--reports-port", ports[1], "--parameters-port", ports[2]]
    command = [sys.executable, "-m", "hospital_sim.platform", tmp_path / "region", *options]
    process = subprocess.Popen(
        [*map(str, command), "--oddity", "nonsense=1", "--parameters", '{"threads": 5}'],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert [line.split()[0] for line in lines] == ["images", "reports", "parameters"]
        service = Site(tmp_path, lines[2].split()[1].removesuffix("/api/v1/parameters")).service()
        wait_for(lambda: parameters(service)() or parameters(service).in_force is not None, 20, "parameters")
        assert region(service)["threads"] == 5
        close(service)
    finally:
        process.kill()
        process.communicate()
