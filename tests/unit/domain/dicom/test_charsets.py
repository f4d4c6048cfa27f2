"""
Bytes to text by SpecificCharacterSet (PS3.3 C.12.1.1.2). Not proved here: what PACS send
(tests/integration/find/test_charsets).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.charsets import decode_text

CHEST = "胸部平扫"
GBK, UTF8 = CHEST.encode("gbk"), CHEST.encode()
ESCAPED = b"\x1b$)A" + CHEST.encode("gb2312")
TERMS = [
    "",
    "ISO_IR 100",
    "ISO_IR 192",
    "GB18030",
    "GBK",
    "GB2312",
    "ISO 2022 IR 58",
    "ISO 2022 IR 87",
    "ISO 2022 IR 149",
    "KLINGON",
]


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        (b"CHEST", (), "CHEST"),
        (b"CHEST", ("KLINGON",), "CHEST"),
        (GBK, ("GB18030",), CHEST),
        (GBK, ("GBK",), CHEST),
        (GBK, ("GB2312",), CHEST),
        (GBK, ("gb2312 ",), CHEST),
        (GBK, ("ISO 2022 IR 58",), CHEST),
        (GBK, ("", "ISO 2022 IR 58"), CHEST),
        (ESCAPED, ("ISO 2022 IR 58",), CHEST),
        (ESCAPED, ("", "ISO 2022 IR 58"), CHEST),
        (ESCAPED, ("ISO 2022 IR 6", "ISO 2022 IR 58"), CHEST),
        (ESCAPED, (), CHEST),
        (ESCAPED + b"\\" + ESCAPED, ("", "ISO 2022 IR 58"), f"{CHEST}\\{CHEST}"),
        (b"Zhang^San=" + b"\x1b$)A" + "张^三".encode("gb2312"), ("", "ISO 2022 IR 58"), "Zhang^San=张^三"),
        (UTF8, ("ISO_IR 192",), CHEST),
        (UTF8, ("ISO-IR 192",), CHEST),
        (UTF8, ("UTF-8",), CHEST),
        ("Müller".encode("latin-1"), ("ISO_IR 100",), "Müller"),
        ("Łódź".encode("iso8859_2"), ("ISO_IR 101",), "Łódź"),
        ("Ковалёв".encode("iso8859_5"), ("ISO_IR 144",), "Ковалёв"),
        (b"\x1b$)C" + "김".encode("euc_kr"), ("", "ISO 2022 IR 149"), "김"),
        (b"\x1b-A" + "Müller".encode("latin-1"), ("ISO 2022 IR 6", "ISO 2022 IR 100"), "Müller"),
        (b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", ("", "ISO 2022 IR 87"), "Yamada^Tarou=山田^太郎"),
    ],
)
def test_as_declared_where_that_loses_nothing(data: bytes, declared: tuple[str, ...], text: str) -> None:
    assert decode_text(data, declared) == text


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (GBK, ()),
        (GBK, ("",)),
        (GBK, ("ISO_IR 6",)),
        (GBK, ("ISO_IR 192",)),
        (GBK, ("KLINGON",)),
        (GBK[:-1], ("GB18030",)),
        (UTF8, ()),
        (b"\x1b$)A\xff\xff\xff", ("ISO 2022 IR 58",)),
        (b"\x1b$B\xff\xff", ("ISO 2022 IR 87",)),
    ],
)
def test_else_every_byte_is_kept(data: bytes, declared: tuple[str, ...]) -> None:
    assert decode_text(data, declared).encode("latin-1") == data


@given(st.binary(max_size=40), st.lists(st.sampled_from(TERMS) | st.text(max_size=8), max_size=3))
def test_no_bytes_under_any_declaration_raise(data: bytes, declared: list[str]) -> None:
    text = decode_text(data, tuple(declared))
    assert data.isascii() or text
