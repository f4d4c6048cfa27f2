"""K6: scripts of one byte a letter that nobody declared, read as Latin-1: a chest is found, nothing else is."""

from __future__ import annotations

import pytest

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.dicom.single_byte import single_byte_forms
from pacs_module.domain.rules.attribute_rules import judge_body_part
from pacs_module.domain.rules.switches import Switches

SITE = Switches()
CYRILLIC = ("cp1251", "iso8859_5", "koi8_r", "cp866")


def taken(text: str) -> bool:
    told = dict.fromkeys(("BodyPartExamined", "ProtocolName", "StudyDescription", "ImageComments"), "")
    facts = SeriesFacts("1", {**told, "SeriesDescription": text, "Modality": "CT"}, 100)
    verdict = judge_body_part(facts, SITE)
    return verdict is not None and verdict.taken


@pytest.mark.parametrize("table", CYRILLIC)
@pytest.mark.parametrize(
    "text", ["Грудная клетка", "ГРУДНАЯ КЛЕТКА", "КТ легких", "органы грудной клетки 1.0", "ОГК"]
)
def test_a_chest_in_cyrillic(text: str, table: str) -> None:
    assert taken(text.encode(table).decode("latin-1"))


@pytest.mark.parametrize(
    ("text", "table"),
    [("Θώρακας", "iso8859_7"), ("ΘΩΡΑΚΑΣ", "iso8859_7"), ("חזה", "iso8859_8"), ("צילום חזה", "iso8859_8"),
     ("صدر", "iso8859_6"), ("الصدر", "iso8859_6"), ("ทรวงอก", "cp874"), ("ปอด", "cp874")],
)  # fmt: skip
def test_a_chest_in_other_scripts(text: str, table: str) -> None:
    assert taken(text.encode(table).decode("latin-1"))


@pytest.mark.parametrize(
    ("text", "table"),
    [("Голова", "cp1251"), ("брюшная полость", "koi8_r"), ("κεφάλι", "iso8859_7"), ("ראש", "iso8859_8"),
     ("رأس", "iso8859_6"), ("ศีรษะ", "cp874"), ("腹部增强扫描", "gbk"), ("颅脑平扫", "gbk"), ("胸椎CT", "gbk"),
     ("Schädel", "latin-1"), ("Übersicht Hüfte", "latin-1"), ("Crânio", "latin-1"), ("ÄÖÜ", "latin-1"),
     ("грудной отдел позвоночника", "cp1251"), ("грудной отдел позвоночника", "koi8_r")],
)  # fmt: skip
def test_nothing_else(text: str, table: str) -> None:
    assert not taken(text.encode(table).decode("latin-1"))


@pytest.mark.parametrize(
    "text", ["Göğüs", "Tórax ântero-posterior", "naïve", "\u80f8", "", "été", "Æøb", "ÀÀxÀÀÀ"]
)
def test_words_of_latin_letters_are_left_alone(text: str) -> None:
    assert single_byte_forms(text) == ()
