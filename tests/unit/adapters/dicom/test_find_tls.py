"""
DICOM over TLS as we ask a PACS ourselves: real certificates, and a PACS of pynetdicom that wants one of us.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRoot  # type: ignore[attr-defined]

from pacs_module.adapters.dicom.find_scu import DicomTls, Peer
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.domain.errors import PermanentError, PipelineError
from stack.ports import free_ports
from tests.support.servers.certificates import Authority

UID = "1.2.840.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ours")


@pytest.fixture
def port(authority: Authority) -> Iterator[int]:
    with pacs_at(authority, "127.0.0.1") as port:
        yield port


@contextmanager
def pacs_at(authority: Authority, address: str) -> Iterator[int]:
    server = authority.signed("pacs", address)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server.certificate, server.key)
    pacs = AE("PACS")
    pacs.add_supported_context(StudyRoot)
    (free,) = free_ports(1)

    def answer(event: evt.Event) -> Iterator[tuple[int, object]]:
        found = event.identifier
        found.StudyInstanceUID = UID
        yield 0xFF00, found

    scp = pacs.start_server(
        ("127.0.0.1", free), block=False, ssl_context=context, evt_handlers=[(evt.EVT_C_FIND, answer)]
    )
    assert scp is not None
    try:
        yield free
    finally:
        scp.shutdown()


def finder(port: int, tls: DicomTls | None, host: str = "127.0.0.1") -> PynetdicomFinder:
    return PynetdicomFinder(Peer(host, port, "PACS", "AIPULL", tls), 10.0)


def ask(finder: PynetdicomFinder) -> list[str]:
    answers = finder.find("PACS", "STUDY", {"StudyInstanceUID": UID})
    return [str(answer["StudyInstanceUID"]) for answer in answers]


def test_both_sides_show_a_certificate(port: int, authority: Authority) -> None:
    ours = authority.signed("aipull")
    told = DicomTls(str(authority.file), str(ours.certificate), str(ours.key))
    assert ask(finder(port, told)) == [UID]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_without_tls_or_with_certificates_that_are_not_known_nothing_is_asked(
    port: int, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other", "another authority")
    ours, theirs = authority.signed("aipull"), other.signed("aipull")
    known = str(authority.file)
    with pytest.raises(PipelineError):
        ask(finder(port, None))
    with pytest.raises(PipelineError):  # our certificate is another authority's
        ask(finder(port, DicomTls(known, str(theirs.certificate), str(theirs.key))))
    with pytest.raises(PipelineError, match="TLS with PACS at"):  # the PACS's is
        ask(finder(port, DicomTls(str(other.file), str(ours.certificate), str(ours.key))))


def test_the_pacss_certificate_names_its_host(authority: Authority) -> None:
    ours = authority.signed("aipull")
    files = (str(authority.file), str(ours.certificate), str(ours.key))
    with pacs_at(authority, "10.9.9.9") as port:
        with pytest.raises(PipelineError, match="TLS with"):
            ask(finder(port, DicomTls(*files)))
        assert ask(finder(port, DicomTls(*files, check_host=False))) == [UID]


def test_a_file_that_cannot_be_read_is_no_fault_of_the_pacs(port: int, authority: Authority) -> None:
    with pytest.raises(PermanentError, match="cannot be read"):
        ask(finder(port, DicomTls(str(authority.file), "/nowhere.pem", "/nowhere.key")))
