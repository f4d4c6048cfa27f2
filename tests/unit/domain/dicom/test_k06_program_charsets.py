"""K6: a character set that is told by the name that programs use is read as what it means."""

import pytest

from pacs_module.domain.dicom.charsets import decode_text
from pacs_module.domain.dicom.program_charsets import codec_of_program
from pacs_module.domain.dicom.text_repair import meant_forms

NAMES = {
    "utf-8": (
        "UTF-8 utf8 UTF_8 utf-8-sig 65001 CP65001 ISO_IR192 192 unicode-1-1-utf-8 ISO-10646-UTF-8 zh_CN.UTF-8",
        "胸部CT Müller",
    ),
    "gbk": (
        "cp936 GB2312 gb_2312-80 EUC-CN x-gbk MS936 936 windows-936 CP_936 zh_CN.GBK csGB2312 chinese "
        "GB18030-2005 gb18030-2000 iso-ir-58 CN-GB hz-gb-2312 x-euc-cn",
        "胸部CT平扫 肺窗",
    ),
    "shift_jis": ("Shift_JIS SJIS cp932 windows-31j MS932 x-sjis ms_kanji csShiftJIS 932", "胸部ＣＴ"),
    "euc_jp": ("EUC-JP eucJP ja_JP.eucJP x-euc-jp ujis", "胸部造影"),
    "euc_kr": ("EUC-KR ks_c_5601-1987 cp949 UHC MS949 KSC5601 949 windows-949 iso-ir-149", "흉부 촬영"),
    "big5": ("Big5 cp950 Big5-HKSCS csBig5 950 MS950 x-big5", "胸部電腦斷層"),
    "latin-1": ("latin1 ISO-8859-1 8859-1 ISO8859_1 L1 windows-1252 1252 100", "Schädel für Großmütter"),
    "cp1251": ("windows-1251 cp1251 1251", "Грудная клетка"),
    "koi8_r": ("KOI8-R koi8r", "Грудная клетка"),
    "iso8859_5": ("ISO-8859-5 cyrillic 8859-5", "Грудная клетка"),
    "cp1250": ("windows-1250 cp1250", "Płuca żebra śródpiersie"),
    "iso8859_2": ("latin2 ISO-8859-2", "Płuca żebra śródpiersie"),
    "cp1253": ("windows-1253", "Θώρακας"),
    "cp1254": ("windows-1254", "göğüs"),
    "tis_620": ("TIS-620 windows-874 cp874 ISO-8859-11", "ทรวงอก"),
}


@pytest.mark.parametrize(
    ("name", "codec"), [(name, codec) for codec, (names, _) in NAMES.items() for name in names.split()]
)
def test_k06_a_programs_name_is_read_as_the_set_that_it_means(name: str, codec: str) -> None:
    text = NAMES[codec][1]
    assert decode_text(text.encode(codec), (name,)) == text


@pytest.mark.parametrize(
    ("name", "text", "codec"),
    [
        ("Chinese Simplified (GB2312)", "肺窗", "gbk"),
        ("Unicode (UTF-8)", "胸", "utf-8"),
        ("ISO_IR 149", "흉부", "euc_kr"),
        ("GB 18030", "㐂胸", "gb18030"),
    ],
)
def test_k06_names_of_several_words(name: str, text: str, codec: str) -> None:
    assert decode_text(text.encode(codec), (name,)) == text


@pytest.mark.parametrize(
    "name",
    [
        "rot13",
        "base64",
        "idna",
        "punycode",
        "utf-7",
        "hex",
        "zlib",
        "bz2",
        "unicode_escape",
        "mbcs",
        "undefined",
        "..",
        "*",
        "os",
        "../../x",
        "UTF-16",
        "\0",
        "\ud800",
        "a" * 100_000,
        "(" * 1000,
        "",
    ],
)
def test_k06_no_other_codec_of_python_is_used(name: str) -> None:
    assert codec_of_program(name) is None
    assert decode_text("胸".encode(), (name,)).encode("latin-1") == "胸".encode()


@pytest.mark.parametrize(
    "declared", [("ISO_IR 13",), ("", "ISO 2022 IR 87"), ("ISO 2022 IR 13", "ISO 2022 IR 87"), ("Shift_JIS",)]
)
@pytest.mark.parametrize("text", ["胸部", "胸部ＣＴ", "肺野条件", "胸部造影1mm"])
def test_k06_utf8_under_a_japanese_set_is_no_other_kanji(declared: tuple[str, ...], text: str) -> None:
    assert decode_text(text.encode(), declared) == text


@pytest.mark.parametrize("sent", ["shift_jis", "euc_jp"])
@pytest.mark.parametrize("text", ["胸部", "胸部ＣＴ", "胸部単純 正面"])
def test_k06_without_escapes_under_ir_87_what_japanese_data_bases_hold(sent: str, text: str) -> None:
    assert text in meant_forms(decode_text(text.encode(sent), ("", "ISO 2022 IR 87")))
