"""
PynetdicomFinder against a PACS that misbehaves: deadlines, refusals, lists that are cut, answers that are
half.

Not proved here: what real PACS answer (test_finder_contract) and character sets
(tests/integration/find/test_charsets).
"""

import socket
import threading
import time

import pytest

from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.identifiers import decode_identifier, encode_identifier
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import PermanentError, RetriableError, TooManyAnswers, Unreachable
from stack.ports import free_ports
from tests.support.pacs.raw_scp import RawScp, Script, identifier
from tests.support.waiting import wait_for

STUDY = identifier({"StudyInstanceUID": b"1.2.3", "ModalitiesInStudy": b"CT\\PR"})
KEYS = ("StudyInstanceUID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances")
RELEASE, ABORT = 5, 7


def finder(port: int, timeout: float = 5.0, host: str = "127.0.0.1") -> PynetdicomFinder:
    return PynetdicomFinder(Peer(host, port, "PACS", "AIPULL"), timeout)


def ask(finder: PynetdicomFinder) -> list[Attributes]:
    return finder.find("PACS", "STUDY", {"StudyDate": "20200618"}, KEYS)


def test_answers_come_as_text_and_what_is_absent_stays_absent() -> None:
    with RawScp(Script([STUDY, identifier({"StudyInstanceUID": b"1.2.4", "StudyDescription": b""})])) as scp:
        answers = ask(finder(scp.port))
    assert answers == [
        {"StudyInstanceUID": "1.2.3", "ModalitiesInStudy": "CT\\PR"},
        {"StudyInstanceUID": "1.2.4", "StudyDescription": ""},
    ]
    assert decode_identifier(scp.requests[0]) == {
        "QueryRetrieveLevel": "STUDY",
        "StudyDate": "20200618",
        **dict.fromkeys((*KEYS, "PatientID"), ""),
    }
    assert scp.ended_by == [RELEASE]


@pytest.mark.parametrize("where", ["accept", "find", "pdu"])
def test_a_silent_pacs_costs_the_deadline_and_is_aborted(where: str) -> None:
    with RawScp(Script([STUDY], stop_at=where)) as scp:
        began = time.monotonic()
        with pytest.raises(RetriableError, match=r"within 0\.5 s"):
            ask(finder(scp.port, timeout=0.5))
        assert time.monotonic() - began >= 0.5
        wait_for(lambda: scp.ended_by == [ABORT])


def test_a_pacs_that_drips_its_answers_does_not_outlive_the_deadline() -> None:
    with RawScp(Script([STUDY] * 10_000, pause=0.05)) as scp:
        began = time.monotonic()
        with pytest.raises(RetriableError, match=r"within 0\.5 s"):
            ask(finder(scp.port, timeout=0.5))
        assert time.monotonic() - began < 60  # all of them would take 500 s


def test_a_cut_list_is_told_apart_and_what_came_is_kept() -> None:
    with (
        RawScp(Script([STUDY] * 3, final=0xA700, comment="too many matches")) as scp,
        pytest.raises(TooManyAnswers) as raised,
    ):
        ask(finder(scp.port))
    assert [answer["StudyInstanceUID"] for answer in raised.value.partial] == ["1.2.3"] * 3
    assert "too many matches" in str(raised.value)
    assert isinstance(raised.value, RetriableError)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0xA900, PermanentError),
        (0x0122, PermanentError),
        (0xC001, RetriableError),
        (0xB000, RetriableError),
        (0xFE00, RetriableError),
        (0x0110, RetriableError),
    ],
)
def test_failures_say_what_the_caller_must_do(status: int, kind: type[Exception]) -> None:
    with RawScp(Script([], final=status)) as scp, pytest.raises(kind, match=f"0x{status:04X}") as raised:
        ask(finder(scp.port))
    assert not isinstance(raised.value, TooManyAnswers)
    assert raised.value.__dict__["find_status"] == status


@pytest.mark.parametrize("status", [0xA900, 0x0122, 0xC000, 0xC001, 0xFE00, 0x0110, 0xB000])
def test_a_failure_or_a_warning_after_some_answers_is_a_cut_list(status: int) -> None:
    """K12: C-FIND knows no warning; whatever ends the list before its Success, it may lack studies."""
    with (
        RawScp(Script([STUDY] * 2, final=status)) as scp,
        pytest.raises(TooManyAnswers, match=f"{status:04X}") as raised,
    ):
        ask(finder(scp.port))
    assert (raised.value.number, raised.value.says_so, raised.value.find_status) == (2, False, status)


def test_nobody_there() -> None:
    with pytest.raises(Unreachable, match=r"PACS at 127.0.0.1:\d+"):
        ask(finder(free_ports(1)[0]))
    with pytest.raises(Unreachable):
        ask(finder(104, host="no-such-host.invalid"))


def test_an_association_that_is_aborted_or_lost_is_tried_again_later() -> None:
    with (
        RawScp(Script([STUDY], stop_at="abort")) as scp,
        pytest.raises(RetriableError, match="ended the association"),
    ):
        ask(finder(scp.port))


def test_a_server_that_speaks_no_dicom_is_named() -> None:
    with http_server() as port, pytest.raises(PermanentError, match="does not speak DICOM"):
        ask(finder(port))


def test_threads_share_a_finder_and_the_pacs_sees_one_association_at_a_time() -> None:
    with RawScp(Script([STUDY], pause=0.02)) as scp:
        shared = finder(scp.port)
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.append(len(ask(shared)))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [1] * 8
    assert (scp.associations, scp.most_at_once) == (8, 1)


def test_waiting_behind_a_silent_query_counts_to_the_deadline() -> None:
    with RawScp(Script(stop_at="find")) as scp:
        shared = finder(scp.port, timeout=5.0)
        first = threading.Thread(target=ask_in_vain, args=(shared,))
        first.start()
        wait_for(lambda: scp.associations == 1)
        began = time.monotonic()
        with pytest.raises(RetriableError):
            ask(shared)
        assert time.monotonic() - began < 9.5  # 10 s if each had its own time behind the other
        first.join()


def test_one_odd_answer_spoils_no_other() -> None:
    odd = identifier(
        {
            "StudyInstanceUID": b"1. 2.5 \0",
            "NumberOfStudyRelatedInstances": b"n/a",
            "SpecificCharacterSet": b"KLINGON",
        }
    )
    answers = [STUDY, odd, odd[:-3], b"\x00" * 7, b"\xff" * 40, STUDY]
    with RawScp(Script(answers)) as scp:
        found = ask(finder(scp.port))
    assert len(found) == len(answers)
    assert found[1]["NumberOfStudyRelatedInstances"] == "n/a"
    assert found[1]["StudyInstanceUID"] == "1. 2.5"
    assert found[0] == found[-1] == {"StudyInstanceUID": "1.2.3", "ModalitiesInStudy": "CT\\PR"}


def test_sequences_private_and_binary_values_are_left_out_and_numbers_are_text() -> None:
    nested = (
        bytes.fromhex("08001011fffffffffeff00e0ffffffff0800501108000000")
        + b"1.2.3.4."
        + bytes.fromhex("feff0de000000000")
    )
    data = (
        nested
        + bytes.fromhex("feffdde000000000")
        + bytes.fromhex("0900101002000000")
        + b"AB"
        + identifier({"Rows": b"\x00\x02"})
    )
    assert decode_identifier(data) == {"Rows": "512"}


def test_a_list_of_uids_and_chinese_text_go_out_as_they_are() -> None:
    sent = decode_identifier(
        encode_identifier("STUDY", {"StudyInstanceUID": "1.2\\1.3", "PatientName": "张*"}, ())
    )
    assert sent["StudyInstanceUID"] == "1.2\\1.3"
    assert (sent["PatientName"], sent["SpecificCharacterSet"]) == ("张*", "ISO_IR 192")


def test_an_attribute_that_does_not_exist_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(PermanentError, match="'Modalty'"):
        finder(1).find("PACS", "STUDY", {"Modalty": "CT"})


def ask_in_vain(shared: PynetdicomFinder) -> None:
    with pytest.raises(RetriableError):
        ask(shared)


class http_server:  # noqa: N801 - a context manager
    def __enter__(self) -> int:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return int(self._socket.getsockname()[1])

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    def __exit__(self, *_: object) -> None:
        self._thread.join(5)
        self._socket.close()
