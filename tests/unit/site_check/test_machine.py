"""What can be seen of the machine and its neighbours, on real sockets."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom import AE, evt

from site_check.finding import Level
from site_check.machine import check_backend, check_memory, check_pacs, check_port, memory_of_this_host

GIB = 1024**3


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def pacs() -> Iterator[int]:
    """A PACS that knows only AIPULL."""
    ae = AE("HOSPITALPACS")
    ae.add_supported_context("1.2.840.10008.1.1")
    ae.require_calling_aet = ["AIPULL"]
    ae.require_called_aet = True
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda _event: 0x0000)]
    )
    assert server is not None
    assert server.socket is not None
    yield server.socket.getsockname()[1]
    server.shutdown()


def values(port: int, **more: str) -> dict[str, str]:
    named = {
        "HOSPITAL_PACS_HOST": "127.0.0.1",
        "HOSPITAL_PACS_PORT": str(port),
        "HOSPITAL_PACS_AET": "HOSPITALPACS",
    }
    return {**named, **more}


@pytest.mark.parametrize(
    ("size", "level"), [("8g", Level.OK), ("13g", Level.WARNING), ("16g", Level.ERROR), ("64g", Level.ERROR)]
)
def test_a_ram_disk_against_a_host_of_16_gib(size: str, level: Level) -> None:
    (found,) = check_memory({"RAM_DISK_SIZE": size}, 16 * GIB)
    assert (found.name, found.level) == ("RAM_DISK_SIZE", level)


def test_copies_without_names_lie_in_memory_too() -> None:
    copies = {"RAM_DISK_SIZE": "8g", "ANONYMISE_FOLDER": "/copies", "COPIES_SIZE": "5g"}
    assert [found.level for found in check_memory(copies, 16 * GIB)] == [Level.WARNING]


def test_the_memory_of_this_host_is_read(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemFree: 1 kB\nMemTotal:       16 kB\n")
    assert memory_of_this_host(tmp_path / "meminfo") == 16 * 1024
    assert memory_of_this_host(tmp_path / "none") is None
    real = memory_of_this_host()
    assert real is not None
    assert real > 64 * 1024**2


def test_a_port_that_is_taken_and_an_address_of_another_host(listening: int) -> None:
    assert check_port("DICOM_PORT", "127.0.0.1", listening).level == Level.WARNING
    assert check_port("DICOM_BIND", "192.0.2.1", 4242).level == Level.ERROR
    assert check_port("DICOM_PORT", "127.0.0.1", 0).level == Level.OK


def test_a_backend_that_nobody_answers_for(listening: int) -> None:
    assert check_backend({"BACKEND_URL": f"http://127.0.0.1:{listening}/compute"}).level == Level.OK
    assert check_backend({"BACKEND_URL": "http://127.0.0.1:1/compute"}).level == Level.ERROR
    assert check_backend({"BACKEND_URL": "http://nobody.invalid/compute"}).level == Level.ERROR
    assert check_backend({"BACKEND_URL": "http://backend:9000/compute"}).level == Level.OK


@pytest.mark.skipif(shutil.which("echoscu") is None, reason="needs Debian's package dcmtk")
def test_a_pacs_answers_under_our_ae_title_or_says_why_not(pacs: int) -> None:
    assert check_pacs(values(pacs)).level == Level.OK
    refused = check_pacs(values(pacs, ORTHANC_AET="STRANGER"))
    assert (refused.level, "STRANGER" in refused.words) == (Level.ERROR, True)
    assert check_pacs(values(pacs, HOSPITAL_PACS_AET="OTHER")).level == Level.ERROR
    assert check_pacs(values(1)).level == Level.ERROR
