"""ORU^R01 as senders really write it: no word of a report is lost, and none is made up."""

import base64
from datetime import UTC, datetime

import pytest

from pacs_module.adapters.report_exchange.hl7 import read_oru, write_oru
from pacs_module.domain.errors import MessageError
from pacs_module.domain.report_exchange.report import Report

PID = "PID|1||P1^^^H"
OBR = "OBR|1|A1|R-17|CHEST||||||||||||||||||20261130101500||CT|F"


def message(
    *obx: str,
    charset: str = "UNICODE UTF-8",
    pid: str = PID,
    obr: str = OBR,
    end: str = "\r",
    codec: str = "utf-8",
) -> bytes:
    head = f"MSH|^~\\&|RIS||AIPULL||20261130101500||ORU^R01|1|P|2.5.1||||||{charset}"
    return (end.join([head, pid, obr, *obx]) + end).encode(codec)


def read(raw: bytes) -> Report:
    (report,) = read_oru(raw)[0]
    return report


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_text_with_bare_line_feeds_keeps_all_its_lines(end: str) -> None:
    raw = message(
        "OBX|1|TX|59776-5^Findings||first\nsecond\n\nfourth||||||F", "OBX|2|TX|IMP||nodule||||||F", end=end
    )
    report = read(raw)
    assert (report.findings, report.conclusion) == ("first\nsecond\n\nfourth", "nodule")


def test_a_file_whose_base64_is_wrapped_is_whole() -> None:
    data = base64.b64encode(b"%PDF-1.4 " + b"x" * 200).decode()
    wrapped = f"{data[:76]}\n{data[76:152]}\n{data[152:]}"
    report = read(message(f"OBX|1|ED|PDF||^application^pdf^Base64^{wrapped}||||||F"))
    assert report.attachments[0].data == data


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("GBK", "gb18030"), ("gb2312", "gb18030"), ("utf8", "utf-8"), ("ISO_IR 192", "utf-8"), ("ASCII", "utf-8"),
        ("ASCII", "gb18030"), ("~GB 18030-2000", "gb18030"), ("", "gb18030"), ("UNICODE UTF-8~ASCII", "utf-8"),
    ],
)  # fmt: skip
def test_a_character_set_under_the_names_that_senders_use(charset: str, codec: str) -> None:
    assert (
        read(message("OBX|1|TX|IMP||右肺结节||||||F", charset=charset, codec=codec)).conclusion == "右肺结节"
    )


def test_japanese_behind_an_empty_first_character_set() -> None:
    raw = message("OBX|1|TX|IMP||肺野に結節||||||F", charset="~ISO IR87", codec="iso2022_jp")
    assert read(raw).conclusion == "肺野に結節"


def test_a_character_set_that_nobody_knows_is_refused_by_its_name() -> None:
    with pytest.raises(MessageError, match="KLINGON"):
        read(message("OBX|1|TX|IMP||x||||||F", charset="KLINGON"))


def test_a_mark_and_empty_lines_before_the_message() -> None:
    assert read(b"\xef\xbb\xbf" + message("OBX|1|TX|IMP||结节||||||F")).conclusion == "结节"
    assert read(b"\r\n" + message("OBX|1|TX|IMP||x||||||F")).serial == "R-17"


def test_repeated_observations_are_one_text_and_deleted_ones_none() -> None:
    report = read(
        message(
            "OBX|1|TX|IMP|1|one||||||F", "OBX|1|TX|IMP|1|two||||||F", "OBX|2|TX|IMP|1|posted wrongly||||||W",
            "OBX|3|TX|IMP|1|deleted||||||D",
        )
    )  # fmt: skip
    assert report.conclusion == "one\ntwo"


@pytest.mark.parametrize(("pid", "patient"), [("PID|1||", ""), ("PID|1|P9|", "P9"), ("PID|1", ""), ("", "")])
def test_a_patient_id_where_old_senders_have_it_or_nowhere(pid: str, patient: str) -> None:
    raw = message("OBX|1|TX|IMP||x||||||F", pid=pid or "NTE|1")
    assert read(raw).patient_id == patient


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a\\.br\\b", "a\nb"), ("a\\.sp2\\b", "a\n\nb"), ("\\H\\high\\N\\", "high"), ("a\\X0D0A\\b", "a\nb"),
        ("\\XE7BB93\\", "结"), ("5 \\T\\ 6", "5 & 6"), ("C:\\E\\F\\E\\x", "C:\\F\\x"), ("\\Zunknown\\", "\\Zunknown\\"),
        ("100\\E\\", "100\\"),
    ],
)  # fmt: skip
def test_escape_sequences_each_once(written: str, meant: str) -> None:
    assert read(message(f"OBX|1|FT|IMP||{written}||||||F")).conclusion == meant


def test_other_separators_are_refused_and_not_misread() -> None:
    raw = message("OBX|1|TX|IMP||x||||||F").replace(b"|^~\\&|", b"|$%*#|")
    with pytest.raises(MessageError, match="MSH-2"):
        read(raw)


def test_a_status_in_small_letters() -> None:
    assert read(message("OBX|1|TX|IMP||x||||||F", obr=OBR[:-1] + "c")).status == "corrected"


@pytest.mark.parametrize(
    "text",
    ["two\nlines", "C:\\F\\x", "a|b^c~d&e", "end\\", "\x0bVT and FS\x1c", "结节 ≥ 6 mm", "\\.br\\ as text"],
)
def test_what_is_written_for_the_ris_is_read_back(text: str) -> None:
    body = {"serial": "R-17", "day": "2026-11-30", "status": "final", "conclusion": text}
    written = write_oru(body, 1, "1", datetime(2026, 11, 30, tzinfo=UTC))
    assert not any(byte in written for byte in ("\x0b", "\x1c", "\n"))
    plain = text.replace("\x0b", " ").replace("\x1c", " ").strip()
    assert read(written.encode()).conclusion == plain


HEAD = "MSH|^~\\&|RIS||AIPULL||20261130101500||ORU^R01|1|P|2.5.1||||||UNICODE UTF-8"


def request(serial: str) -> str:
    return OBR.replace("R-17", serial)


def patients(*segments: str) -> list[tuple[str, str]]:
    """Serial number and patient of each report."""
    return [(one.serial, one.patient_id) for one in read_oru("\r".join(segments).encode())[0]]


def test_each_report_of_a_message_has_its_own_patient() -> None:
    told = patients(
        HEAD, "PID|1||P1", request("R1"), request("R2"), "PID|2||P2", request("R3"), "PID|3||", request("R4")
    )
    assert told == [("R1", "P1"), ("R2", "P1"), ("R3", "P2"), ("R4", "")]


def test_each_message_of_a_batch_has_its_own_patient() -> None:
    batch = ["FHS|^~\\&|RIS", "BHS|^~\\&|RIS", HEAD, "PID|1||P1", request("R1"), HEAD, request("R2")]
    assert patients(*batch, HEAD, "PID|1||P3", request("R3"), "BTS|3", "FTS|1") == [
        ("R1", "P1"), ("R2", ""), ("R3", "P3"),
    ]  # fmt: skip


def test_a_patient_behind_the_report_is_taken_only_where_there_is_one() -> None:
    assert patients(HEAD, request("R1"), "PID|1||P1") == [("R1", "P1")]
    with pytest.raises(MessageError, match="PID"):
        patients(HEAD, request("R1"), "PID|1||P1", "PID|2||P2", request("R2"))


def test_a_batch_in_two_character_sets_is_refused() -> None:
    other = HEAD.replace("UNICODE UTF-8", "GB 18030-2000")
    with pytest.raises(MessageError, match="first message of the batch"):
        patients(HEAD, "PID|1||P1", request("R1"), other, "PID|1||P2", request("R2"))


@pytest.mark.parametrize(
    ("pid", "patient"),
    [
        ("PID|1||N1^^^N^NI~M1^^^H^MR", "M1"), ("PID|1||N1^^^N^NI", "N1"), ("PID|1||~M1^^^H", "M1"), ('PID|1||""', ""),
        ('PID|1|P9|""', "P9"),
    ],
)  # fmt: skip
def test_the_hospitals_own_patient_id_of_several(pid: str, patient: str) -> None:
    assert patients(HEAD, pid, request("R1")) == [("R1", patient)]


def test_a_misspelt_segment_is_refused_and_no_patient_is_lost() -> None:
    with pytest.raises(MessageError, match="segment"):
        patients(HEAD, "pid|1||P1", request("R1"))


def test_codes_numbers_and_notes_are_words_of_the_report() -> None:
    report = read(
        message(
            "OBX|1|CWE|IMP||C1^nodule^L", "NTE|1||seen twice", "OBX|2|NM|8^diameter^L||7.5|mm^millimetre", 'OBX|3|TX|IMP||""',
        )
    )  # fmt: skip
    assert (report.findings, report.conclusion) == ("diameter: 7.5 mm", "nodule\nseen twice\n")


def test_the_order_tells_its_number_where_the_request_does_not() -> None:
    report = read(message("OBX|1|TX|IMP||x", obr="ORC|RE|A7\r" + OBR.replace("|A1|", '|""|')))
    assert report.accession_number == "A7"
