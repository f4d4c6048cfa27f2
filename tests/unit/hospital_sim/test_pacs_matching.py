"""
Attribute matching (PS3.4 C.2.2.2) and the wire form of text. Not proved: matching of sequences, which nobody
asks for here.
"""

import pytest

from hospital_sim.pacs.find.matching import matches, matches_combined
from hospital_sim.pacs.wire.data_sets import decode_flat, encode_answer, raw_values
from hospital_sim.pacs.wire.text import HABITUAL, NATURAL, decode


@pytest.mark.parametrize(
    ("vr", "key", "value", "expected"),
    [
        ("LO", "", "", True),  # universal, C.2.2.2.3
        ("LO", "*", "", True),
        ("LO", "CHEST", "CHEST", True),  # single value, C.2.2.2.1
        ("LO", "CHEST", "Chest", False),
        ("LO", "CHEST", "", False),
        ("PN", "wang^fang", "Wang^Fang", True),
        ("CS", "CT", "PR\\CT", True),  # one of several values
        ("CS", "C", "PR\\CT", False),
        ("SH", "CT*", "CT261121100001", True),  # wildcard, C.2.2.2.4
        ("SH", "CT??1121*", "CT261121100001", True),
        ("SH", "*22*", "CT261121100001", False),
        ("LO", "1.5*", "145", False),  # a dot is a dot
        ("PN", "王*", "王^芳", True),
        ("UI", "1.2\\1.3", "1.3", True),  # list of UIDs, C.2.2.2.2
        ("UI", "1.2\\1.3", "1.4", False),
        ("UI", "1.2*", "1.2.3", False),
        ("DA", "20261121", "20261121", True),  # range, C.2.2.2.5
        ("DA", "20261120-20261121", "20261121", True),
        ("DA", "20261120-", "20261121", True),
        ("DA", "-20261120", "20261121", False),
        ("DA", "20261120-", "", False),
        ("TM", "1000-1030", "103059", True),  # 1030 is the whole minute, 103000 the whole second
        ("TM", "100000-103000", "103000.5", True),
        ("TM", "10", "105959", True),
        ("IS", "3", " 3 ", True),
    ],
)
def test_one_attribute(vr: str, key: str, value: str, expected: bool) -> None:
    assert matches(vr, key, value) is expected


@pytest.mark.parametrize(
    ("date", "time", "expected"),
    [
        ("20261120", "235900", True),
        ("20261121", "000100", True),
        ("20261120", "120000", False),
        ("20261121", "120000", False),
        ("20261120", "", False),
    ],
)
def test_date_and_time_are_one_moment(date: str, time: str, expected: bool) -> None:
    assert matches_combined("20261120-20261121", "220000-020000", date, time) is expected


def test_open_moments() -> None:
    assert matches_combined("20261120-", "220000-", "20261125", "010000")
    assert not matches_combined("20261120-", "220000-", "20261120", "210000")
    assert matches_combined("20261120", "2200-2300", "20261120", "223000")


CHEST = {
    "gbk": "胸部".encode("gbk"),
    "utf8": "胸部".encode(),
    "escaped": b"\x1b$)A" + "胸部".encode("gb2312"),
}


ROWS = [
    ("gbk-undeclared", None, "gbk"),
    ("gbk-declared-empty", b"", "gbk"),
    ("gbk-as-latin1", b"ISO_IR 100", "gbk"),
    ("gbk-as-utf8", b"ISO_IR 192", "gbk"),
    ("gbk-declared", b"GBK", "gbk"),
    ("gb18030", b"GB18030", "gbk"),
    ("gb2312-declared", b"GB2312", "gbk"),
    ("utf8", b"ISO_IR 192", "utf8"),
    ("utf8-undeclared", None, "utf8"),
    ("utf8-as-latin1", b"ISO_IR 100", "utf8"),
    ("escapes", b"ISO 2022 IR 58", "escaped"),
    ("escapes-second", b"\\ISO 2022 IR 58", "escaped"),
    ("escapes-after-ir6", b"ISO 2022 IR 6\\ISO 2022 IR 58", "escaped"),
]


@pytest.mark.parametrize(("habit", "declared", "kind"), ROWS)
@pytest.mark.parametrize("implicit", [True, False])
def test_every_row_of_the_character_set_table(
    habit: str, declared: bytes | None, kind: str, implicit: bool
) -> None:
    raw = raw_values(
        encode_answer({"StudyDescription": "胸部"}, HABITUAL[habit], implicit=implicit), implicit=implicit
    )
    assert raw["StudyDescription"].rstrip() == CHEST[kind]
    assert ("SpecificCharacterSet" in raw) == (declared is not None)
    assert raw.get("SpecificCharacterSet", b"").rstrip() == (declared or b"")


def test_every_component_of_a_name_is_escaped_by_itself() -> None:
    assert HABITUAL["escapes"].encode("Wang=王^芳") == b"Wang=\x1b$)A\xcd\xf5^\x1b$)A\xb7\xbc"


def test_all_text_habits_are_tested() -> None:
    assert {row[0] for row in ROWS} == set(HABITUAL)


def test_the_archive_of_one_site() -> None:
    assert NATURAL["damaged"].encode("胸") == b"\xc3\x90\xc3\x98"
    assert NATURAL["damaged"].encode("Łódź") == "Łódź".encode()


@pytest.mark.parametrize(
    ("raw", "declared", "text"),
    [
        (b"\xd0\xd8", "", "胸"),
        ("胸".encode(), "", "胸"),
        (b"M\xfcller", "ISO_IR 100", "Müller"),
        (b"\xff\xff", "", "ÿÿ"),
    ],
)
def test_keys_in_any_character_set_are_read(raw: bytes, declared: str, text: str) -> None:
    assert decode(raw, declared) == text


def test_numbers_and_unknown_tags() -> None:
    values = {"Rows": "512", "PatientID": "7"}
    raw = encode_answer(values, NATURAL[""], implicit=False) + b"\x09\x90\x10\x00LO\x02\x00xx"
    assert decode_flat(raw, implicit=False) == values
