"""
Text of Korea, Japan and Taiwan that declares no character set (K6): no keyword is made out of it, none is
lost.

Not proved here: what Orthanc leaves of bytes that its DefaultEncoding does not have.
"""

from __future__ import annotations

import pytest

from pacs_module.domain.dicom.charsets import decode_text
from pacs_module.domain.dicom.text_folding import contains_keyword
from pacs_module.domain.dicom.text_repair import forms, meant_forms, readable, text_of_bytes

CHEST = ("胸", "肺", "흉부", "CHEST")
KOREAN = [
    "프로토콜",
    "흉부",
    "복부 프로토콜",
    "두경부",
    "골반 조영증강",
    "저선량 폐 CT",
    "흉부 방사선",
    "응급실",
]
KOREAN += ["외래 프로토콜 1", "근로자 건강검진", "슬관절", "서울대병원"]
JAPANESE = [
    "胸部単純",
    "腹部造影",
    "ルーチン",
    "胸部ルーチン",
    "右膝関節",
    "健診",
    "冠動脈",
    "副鼻腔",
    "肺",
    "胸",
]
TAIWAN = ["胸部電腦斷層", "胸部", "低劑量肺部篩檢", "頭頸部", "骨盆", "肺", "膝關節", "健康檢查"]
CHINESE = [
    "肺癌",
    "肺",
    "胸部",
    "肺部平扫",
    "胸椎",
    "双肺",
    "尘肺",
    "阑尾",
    "龋齿",
    "诸葛亮",
    "喀什地区",
    "矽肺",
    "肺小结节",
    "胸片",
]
UNDECLARED = [
    *((text, "euc_kr") for text in KOREAN),
    *((text, "shift_jis") for text in JAPANESE),
    *((text, "big5") for text in TAIWAN),
    *((text, "euc_jp") for text in JAPANESE if len(text) > 1),
]


@pytest.mark.parametrize(("text", "sent_as"), UNDECLARED)
@pytest.mark.parametrize("read_as", ["latin-1", "gb18030"])
def test_what_another_script_says_is_neither_lost_nor_made_chinese(
    text: str, sent_as: str, read_as: str
) -> None:
    try:
        arrived = text.encode(sent_as).decode(read_as)
    except UnicodeError:
        pytest.skip("nobody can read these bytes with this table")
    assert readable(arrived) == text
    assert forms(arrived)[0] == arrived, "what came stays beside what it says"
    assert contains_keyword(arrived, CHEST) == contains_keyword(text, CHEST)


def test_a_protocol_in_korean_is_no_lung() -> None:
    arrived = "프로토콜".encode("euc_kr").decode("latin-1")
    assert "肺" in arrived.encode("latin-1").decode("gb18030")
    assert contains_keyword(arrived, ("肺",)) is None


@pytest.mark.parametrize("text", CHINESE)
@pytest.mark.parametrize("sent_as", ["gbk", "gb18030"])
@pytest.mark.parametrize("read_as", ["latin-1", "gb18030"])
def test_chinese_stays_chinese(text: str, sent_as: str, read_as: str) -> None:
    arrived = text.encode(sent_as).decode(read_as)
    assert contains_keyword(arrived, CHEST) == contains_keyword(text, CHEST)
    assert text in meant_forms(arrived)


@pytest.mark.parametrize(
    "text",
    [
        "肺部電腦斷層",
        "胸腔X光",
        "Größe",
        "créée",
        "Грудная клетка",
        "Θώρακας",
        "흉부 CT",
        "ムネ",
        "ปอด",
        "胸部単純",
        "Ðurić",
    ],
)
def test_what_was_read_as_it_is_stays(text: str) -> None:
    assert (meant_forms(text)[0], readable(text)) == (text, text)


@pytest.mark.parametrize(
    ("arrived", "text"),
    [
        (b"\x1b$B6;It\x1b(B", "胸部"),
        (b"CT \x1b$B6;It\x1b(B", "CT 胸部"),
        (b"\x1b$)C" + "흉부".encode("euc_kr"), "흉부"),
        (b"\x1b$)C" + "로".encode("euc_kr"), "로"),
        (b"\x1b$)A" + "胸部".encode("gb2312"), "胸部"),
        (b"\x1b)I" + "ｷｮｳﾌﾞ".encode("shift_jis"), "ｷｮｳﾌﾞ"),
    ],
)
def test_escape_sequences_say_the_script_though_none_was_declared(arrived: bytes, text: str) -> None:
    assert decode_text(arrived) == text
    assert readable(arrived.decode("latin-1")) == text
    assert meant_forms(arrived.decode("latin-1")) == (text,)
    assert contains_keyword(arrived.decode("latin-1"), CHEST) == contains_keyword(text, CHEST)


def test_bytes_that_nobody_could_decode_are_read_in_the_same_way() -> None:
    assert text_of_bytes("프로토콜".encode("euc_kr")) == "프로토콜"
    assert text_of_bytes("胸部単純".encode("shift_jis")) == "胸部単純"
    assert text_of_bytes("胸部平扫".encode("gbk")) == "胸部平扫"


@pytest.mark.parametrize("text", ["로", "도로"])
def test_one_or_two_characters_that_are_a_chest_in_chinese_are_believed_to_be_one(text: str) -> None:
    """Nobody can tell 로 from 肺; where this pipeline comes from it is the lung."""
    assert contains_keyword(text.encode("euc_kr").decode("latin-1"), ("肺",)) == "肺"
