"""
Damaged text (field-notes section 6, operator-contract section 6 case 4).

Not proved here: what Orthanc makes of the bytes; the tables below are what it was seen to make of them.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.text_folding import contains_keyword
from pacs_module.domain.dicom.text_repair import forms, readable, shown, text_of_bytes

ANY_TEXT = st.text(alphabet=st.characters(), max_size=40)  # lone surrogates and control characters, too
CHEST = "胸部平扫"

# What arrives, by what the PACS sent and declared and by the receiver's DefaultEncoding: every row that can
# be undone.
REVERSIBLE = {
    "GBK, declared nothing, read as Latin1": CHEST.encode("gbk").decode("latin-1"),
    "GBK, declared ISO_IR 100": CHEST.encode("gbk").decode("latin-1"),
    "GBK, declared nothing, read as Chinese": CHEST,
    "GBK, declared GB18030": CHEST,
    "UTF-8, declared ISO_IR 192": CHEST,
    "UTF-8, declared nothing, read as Latin1": CHEST.encode("utf-8").decode("latin-1"),
    "UTF-8, declared ISO_IR 100": CHEST.encode("utf-8").decode("latin-1"),
    "UTF-8, declared nothing, read as Chinese": CHEST.encode("utf-8").decode("gb18030"),
    "UTF-8 of an odd number of characters, read as Chinese": "胸CT".encode().decode("gb18030"),
    "UTF-8, declared GB18030": CHEST.encode("utf-8").decode("gb18030"),
    "GBK cut in the middle of a character, read as Latin1": CHEST.encode("gbk")[:-1].decode("latin-1"),
    "UTF-8 cut in the middle of a character, read as Latin1": CHEST.encode("utf-8")[:-1].decode("latin-1"),
    "GBK with a character that GB 2312 lacks, read as Latin1": "喆胸".encode("gbk").decode("latin-1"),
    "UTF-8, read as Windows-1252": "肺".encode().decode("cp1252"),
    "GB2312 with its escape, read as Utf8 or Chinese": "\x1b$)A胸部",
    "GB2312 with its escape, read as Latin1": "\x1b$)A" + "胸部".encode("gb2312").decode("latin-1"),
    "GBK read as Latin1, written as UTF-8, read as Latin1 again": "胸".encode("gbk")
    .decode("latin-1")
    .encode()
    .decode("latin-1"),
}


@pytest.mark.parametrize("arrived", REVERSIBLE.values(), ids=REVERSIBLE)
def test_a_keyword_is_found_however_the_text_was_damaged(arrived: str) -> None:
    assert contains_keyword(arrived, ("胸", "肺")) in ("胸", "肺")


def test_field_case_4_the_bytes_c3_90_c3_98() -> None:
    arrived = bytes.fromhex("c3 90 c3 98").decode("utf-8")
    assert arrived == "ÐØ"
    assert forms(arrived) == ("ÐØ", "胸")
    assert contains_keyword(arrived, ("胸",)) == "胸"
    assert shown(arrived) == "胸 [c3 90 c3 98]"


@pytest.mark.parametrize(
    "text",
    [
        "Müller",
        "Łódź",
        "김",
        "Ångström",
        "José",
        "Ñandú",
        "Ковалёв",
        "胸部平扫",
        "肺",
        "Straße",
        "CHEST",
        "",
        "Ü",
    ],
)
def test_text_that_is_not_damaged_stays_alone(text: str) -> None:
    assert readable(text) == text
    assert forms(text)[0] == text


LATIN = [
    "Größe",
    "créée",
    "CRÉÉE",
    "Ångström Größe",
    "Noël ÉÉ",
    "naïve café",
    "Blåbærsyltetøy",
    "Ðurić",
    "ÆØÅ",
    "5° µm²",
    "Zoë",
]
TRADITIONAL = ["釋", "電", "順", "榛巖", "姘獅", "顧陽", "鍋具", "肺部電腦斷層", "胸腔X光", "顱骨"]


@pytest.mark.parametrize("text", LATIN + TRADITIONAL)
def test_accents_and_traditional_characters_stay(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        *((text, "latin-1") for text in ["Müller", "Łódź", "김", "Größe", "Иван", "山田", "서울"]),
        *(
            (text, "cp1252") for text in ["Müller", "김", "Größe", "Иван", "山田", "서울"]
        ),  # it has five holes
    ],
)
def test_utf8_read_with_the_wrong_table_is_readable_in_any_script(text: str, read_as: str) -> None:
    assert readable(text.encode().decode(read_as)) == text


@pytest.mark.parametrize(
    ("arrived", "text"),
    [
        ("ÐØ²¿Æ½É¨", "胸部平扫"),
        ("ÐØ²¿Æ½É", "胸部平"),
        ("CTÐØ", "CT胸"),
        ("CTÆ½É¨+ÔöÇ¿", "CT平扫+增强"),
        ("·Î", "肺"),
        ("Å®", "女"),
        ("鑳搁儴", "胸部"),
        ("鑳搁儴CT", "胸部CT"),
        ("鑳搁儴骞虫壂", "胸部平扫"),
        ("\x1b$)AÐØ²¿", "胸部"),
        ("\x1b$)A胸部", "胸部"),
    ],
)
def test_chinese_is_readable_again(arrived: str, text: str) -> None:
    assert readable(arrived) == text


def test_what_is_ambiguous_stays_as_it_came() -> None:
    """
    `é`, `ä` between letters: in Chinese hospitals they are Chinese more often, but a name must not become
    one.
    """
    assert readable("Mär Jörg") == "Mär Jörg"
    assert readable("诺浮".encode().decode("gb18030")) == "璇烘诞"
    assert contains_keyword("璇烘诞", ("诺",)) == "诺"


@pytest.mark.parametrize("text", ["Müller", "Łódź", "김", "José", "Ковалёв", "HAND"])
def test_a_name_does_not_become_chest(text: str) -> None:
    assert contains_keyword(text, ("胸", "肺", "CHEST")) is None


@pytest.mark.parametrize(
    ("text", "keywords", "found"),
    [
        ("LowDoseLung", ("CHEST", "LUNG"), "LUNG"),
        ("thorax 1.0", ("CHEST", "THORAX"), "THORAX"),
        ("Lungen STRASSE", ("straße",), "straße"),
        ("ABDOMEN", ("CHEST",), None),
        ("CHEST", ("",), None),
        ("", ("CHEST",), None),
        ("CHEST", (), None),
    ],
)
def test_keywords_are_parts_of_words_in_any_case(
    text: str, keywords: tuple[str, ...], found: str | None
) -> None:
    assert contains_keyword(text, keywords) == found


@pytest.mark.parametrize(
    ("text", "raw", "line"),
    [
        ("HAND", None, "HAND"),
        ("HAND", "48 41 4e 44", "HAND [48 41 4e 44]"),
        ("胸部", None, "胸部 [e8 83 b8 e9 83 a8]"),
        ("胸部", "d0 d8 b2 bf", "胸部 [d0 d8 b2 bf]"),
        ("Müller", None, "Müller [4d c3 bc 6c 6c 65 72]"),
        ("two\r\nlines\0", None, "two lines "),
        ("胸\n部", None, "胸 部 [e8 83 b8 0a e9 83 a8]"),
        ("half \ud83d", None, "half ? [68 61 6c 66 20 ed a0 bd]"),
    ],
)
def test_a_value_in_a_log_line(text: str, raw: str | None, line: str) -> None:
    assert shown(text, raw) == line


@given(ANY_TEXT)
def test_no_text_raises_and_the_text_itself_comes_first(text: str) -> None:
    found = forms(text)
    assert found[0] == text
    assert len(set(found)) == len(found)
    contains_keyword(text, ("胸", "CHEST"))


@given(ANY_TEXT, st.none() | st.just("d0 d8"))
def test_no_text_breaks_a_log_line(text: str, raw: str | None) -> None:
    line = shown(text, raw)
    line.encode("utf-8")
    assert not any(ord(character) < 0x20 or character == "\x7f" for character in line)


@given(
    st.text(alphabet="胸部肺平扫增强上腹头颅", min_size=1, max_size=12),
    st.sampled_from([("gbk", "latin-1"), ("utf-8", "latin-1")]),
)
def test_every_chinese_text_is_found_again_after_one_wrong_decoding(
    text: str, damage: tuple[str, str]
) -> None:
    written, read = damage
    assert text in forms(text.encode(written).decode(read))


GB2312_LEVEL_1 = [
    bytes((first, second)).decode("gb2312") for first in range(0xB0, 0xD7) for second in range(0xA1, 0xFF)
]
BIG5_LEVEL_1 = [
    bytes((first, second)).decode("big5")
    for first in range(0xA4, 0xC6)
    for second in (*range(0x40, 0x7F), *range(0xA1, 0xFF))
]
CHINESE = st.text(alphabet=GB2312_LEVEL_1, min_size=1, max_size=12)


@given(CHINESE | st.text(alphabet=BIG5_LEVEL_1, min_size=1, max_size=12))
def test_real_chinese_is_never_repaired(text: str) -> None:
    assert readable(text) == text


@given(CHINESE, st.sampled_from(["gbk", "utf-8"]))
def test_chinese_read_as_latin1_is_readable_again(text: str, written: str) -> None:
    assert readable(text.encode(written).decode("latin-1")) == text


@given(CHINESE.filter(lambda text: len(text) % 2 == 0))
def test_utf8_read_as_chinese_keeps_its_keywords(text: str) -> None:
    try:
        arrived = text.encode().decode("gb18030")
    except UnicodeError:
        return
    assert text in forms(arrived)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("胸部平扫".encode("gbk"), "胸部平扫"),
        ("胸部平扫".encode(), "胸部平扫"),
        ("胸部".encode("gbk")[:3], "胸"),  # cut in the middle of a character
        (b"CHEST", "CHEST"),
        (b"\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_bytes_that_nobody_could_decode_as_declared(data: bytes, text: str) -> None:
    assert text_of_bytes(data) == text
