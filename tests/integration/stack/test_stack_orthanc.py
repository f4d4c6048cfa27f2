"""The hospital's PACS of the stack. Not proved here: moves, which need the receiving Orthanc."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from stack.errors import StackError
from stack.identity import bearers
from stack.ports import LOOPBACK, free_ports
from stack.probing import http_status
from stack.run_folder import RunFolder
from stack.servers.orthanc import HospitalPacs, OrthancPorts, check_substitutions


@pytest.fixture
def pacs(run_folder: RunFolder) -> Iterator[HospitalPacs]:
    pacs = HospitalPacs(run_folder, OrthancPorts(*free_ports(2)), receiver_port=free_ports(1)[0])
    pacs.start()
    yield pacs
    pacs.kill()  # a clean stop takes Orthanc 3 s


@pytest.mark.server("orthanc", "dcmtk")
def test_it_answers_c_echo(pacs: HospitalPacs) -> None:
    echo = ["echoscu", "-aec", pacs.aet, LOOPBACK, str(pacs.ports.dicom)]
    assert subprocess.run(echo, check=False, env={**os.environ, "TCP_NODELAY": "1"}).returncode == 0


@pytest.mark.server("orthanc")
def test_its_rest_api_wants_user_and_password(pacs: HospitalPacs) -> None:
    assert http_status(pacs.ports.http, "/system") == 401
    assert http_status(pacs.ports.http, "/system", (pacs.user, "wrong")) == 401
    assert http_status(pacs.ports.http, "/system", (pacs.user, pacs.password)) == 200


@pytest.mark.server("orthanc")
def test_it_knows_the_receiver_and_its_password_is_for_the_owner_only(pacs: HospitalPacs) -> None:
    file = pacs.folder / "orthanc.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["DicomModalities"]["AIPULL"]["Port"] == pacs.receiver_port


@pytest.mark.server("orthanc")
def test_killed_and_started_it_answers_again_and_leaves_nothing(
    pacs: HospitalPacs, run_folder: RunFolder
) -> None:
    pacs.kill()
    pacs.start()
    pacs.kill()
    assert bearers(run_folder.mark) == []


@pytest.mark.server("orthanc")
def test_a_port_in_use_is_named_with_its_holder(pacs: HospitalPacs, run_folder: RunFolder) -> None:
    ports = OrthancPorts(pacs.ports.http, free_ports(1)[0])
    message = rf"port {ports.http} \(hospital PACS, HTTP\) is in use by Orthanc, pid {pacs.process.pid}"
    with pytest.raises(StackError, match=message):
        HospitalPacs(run_folder, ports, receiver_port=1).start()


def test_a_variable_that_nobody_sets_is_named() -> None:
    with pytest.raises(StackError, match="wants NEW_ONE from the environment"):
        check_substitutions('{"A": "${NEW_ONE}", "B": "${SET}", "C": "${OPTIONAL:-x}"}', {"SET": "1"})
