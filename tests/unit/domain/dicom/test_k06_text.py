"""K6: a text that anybody can read is found, however its characters are written."""

from __future__ import annotations

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts, split_image_type, split_values
from pacs_module.domain.dicom.text_folding import contains_keyword, fold, split_words
from pacs_module.domain.rules.choice import kernel_rank
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.kernel_and_contrast import kernel_class
from pacs_module.domain.rules.switches import Switches

SITE = Switches()


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("ＣＨＥＳＴ　１ｍｍ", "CHEST"),
        ("Ｃｈｅｓｔ", "CHEST"),
        ("СHEST", "CHEST"),  # the first letter is Cyrillic
        ("ТHОRАX routine", "THORAX"),
        ("CHE\u200bST", "CHEST"),
        ("CHE\u00adST", "CHEST"),
        ("\u202eCHEST\u202c", "CHEST"),
        ("\ufeffchest", "CHEST"),
        ("ⒸⒽⒺⓈⓉ", "CHEST"),
        ("𝐂𝐇𝐄𝐒𝐓", "CHEST"),
        ("CHEﬆ", "CHEST"),
        ("Tórax", "TORAX"),
        ("THORAX\u0301", "THORAX"),
        ("胸　部", "胸部"),
        ("胸 部 平 扫", "胸部平扫"),
        ("ｷｮｳﾌﾞ", "きょうぶ"),
        ("キョウブ", "きょうぶ"),
        ("грудная", "ГРУДН"),
        ("£Ã£È£Å£Ó£Ô", "CHEST"),  # full width in GBK, read as Latin-1
        ("ÐØ²¿", "胸"),
    ],
)
def test_a_keyword_is_found(text: str, keyword: str) -> None:
    assert contains_keyword(text, (keyword,)) == keyword


@pytest.mark.parametrize("text", ["ТОРАКС", "сарай", "моторах", "£5 £9", "ČHEŞ T"])
def test_words_of_another_script_are_no_keywords(text: str) -> None:
    assert contains_keyword(text, ("CHEST", "TORAX", "CAP")) is None


@pytest.mark.parametrize("text", ["", "\0", "\ud800", "\u200b", "С", "СC", "胸", " 胸 ", "\x1b$B"])
def test_nothing_of_it_fails(text: str) -> None:
    assert isinstance(fold(text), str)
    assert isinstance(split_words(text), list)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("ORIGINAL\\PRIMARY\\AXIAL", ("ORIGINAL", "PRIMARY", "AXIAL")),
        ("ORIGINAL/PRIMARY/AXIAL", ("ORIGINAL", "PRIMARY", "AXIAL")),
        ("original, primary, axial", ("ORIGINAL", "PRIMARY", "AXIAL")),
        ("ＯＲＩＧＩＮＡＬ＼ＰＲＩＭＡＲＹ＼ＡＸＩＡＬ", ("ORIGINAL", "PRIMARY", "AXIAL")),
        ("ORIGINAL\\PRIMARY\\MPR/THIN", ("ORIGINAL", "PRIMARY", "MPR/THIN")),
        ("\\ORIGINAL\\\\PRIMARY\0\\ AXIAL ", ("ORIGINAL", "PRIMARY", "AXIAL")),
        ("", ()),
    ],
)
def test_image_types(text: str, values: tuple[str, ...]) -> None:
    assert split_image_type(text) == values


@pytest.mark.parametrize("text", ["CT", "ct ", "ＣＴ", "CT\0", "CT\\SR", "'CT'"])
def test_a_modality_is_read_however_it_is_written(text: str) -> None:
    assert SeriesFacts("1.2", {"Modality": text}).modality == "CT"
    assert split_values(text)[0] == "CT"
    told = {"Modality": text, "BodyPartExamined": "ＣＨＥＳＴ", "SliceThickness": "１，２５ｍｍ"}
    assert judge_series(SeriesFacts("1.2", told, 300), SITE).taken


def test_a_kernel_is_read_however_it_is_written() -> None:
    assert kernel_class("Ｂ７０ｆ", SITE) == kernel_class("B70f", SITE) == "lung"
    assert kernel_rank("ＬＵＮＧ", ("LUNG",)) == 0
