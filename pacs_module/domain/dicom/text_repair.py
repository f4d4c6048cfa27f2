"""
Damaged text: what a PACS meant, out of what arrived.

Chinese PACS send GBK or UTF-8 without declaring it, or under the wrong SpecificCharacterSet (0008,0005). What
arrives is then readable by nobody, but in most cases nothing is lost: the damage is a decoding with the wrong
table and can be undone. The repair is a heuristic, so the stored text is never overwritten; keywords are
matched on every form.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .charsets import decode_text
from .east_asian import other_script
from .single_byte import single_byte_forms


@dataclass(frozen=True)
class _Repair:
    """
    A wrong decoding that can be undone; ``convincing`` says by text before and after whether a person should
    see that.
    """

    wrong: str
    right: str
    convincing: Callable[[str, str], bool]

    def of(self, text: str) -> str | None:
        """
        The text as it was meant, None when it cannot have been damaged like this.

        A last character that is incomplete is left out: PACS cut values at 16 or 64 bytes, in the middle of a
        character.
        """
        try:
            repaired = codecs.getincrementaldecoder(self.right)().decode(text.encode(self.wrong))
        except UnicodeError:
            return None
        chinese = self.right == "gb18030"
        return repaired if repaired != text and (not chinese or _is_chinese_text(repaired)) else None


_MAX_DAMAGE = 2  # decoded wrongly, written as UTF-8, decoded wrongly again

# ISO 2022 code extension escapes (PS3.3 C.12.1.1.2) that survive in a text when the charset was not declared.
_ESCAPE = re.compile(r"\x1b(?:\$[()]?[A-Z@]|[()-/][A-Z0-9])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_FOREIGN_RUN = re.compile(r"[^\x00-\x7f]+")
_LONG_RUN = 4
_THREE_BYTES = 0x800  # from here on a character has three bytes in UTF-8, which no other text has by chance
_LEVEL_2 = 0xD8  # GB 2312 level 2, the 3,008 rarer characters, begins with this byte


def forms(text: str) -> tuple[str, ...]:
    """
    Every form that a text may have had before it was damaged, as received first.

    Args:
        text: A decoded attribute value; anything at all, also control characters and lone surrogates.

    Returns:
        At least the text itself, without duplicates. `ÐØ` gives (`ÐØ`, `胸`); `Müller` stays alone.
    """
    if text.isascii() and "\x1b" not in text:
        return (text,)
    meant = _of_another_script(text)
    found = list(dict.fromkeys((text, _ESCAPE.sub("", text), *((meant,) if meant else ()))))
    for _ in range(_MAX_DAMAGE):
        for form in tuple(found):
            found.extend(repaired for _, repaired in _repaired(form) if repaired not in found)
    return tuple(found)


def meant_forms(text: str) -> tuple[str, ...]:
    """
    The forms in which keywords are looked for: as :func:`forms`, but where a text is Korean, Japanese or
    traditional Chinese beyond doubt that form alone. As GBK or as received it would say something else. Words
    of nothing but accents may be of a script with one byte a letter, too.
    """
    if text.isascii() and "\x1b" not in text:
        return (text,)
    meant = _of_another_script(text)
    if meant is not None:
        return (meant,)
    return tuple(dict.fromkeys((*forms(text), *single_byte_forms(text))))


def _of_another_script(text: str) -> str | None:
    """
    What a text says by its own escape sequences (PS3.3 C.12.1.1.2), or as undeclared bytes of another script
    than GBK; None where nothing says so.
    """
    for data in _bytes_of(text):
        if b"\x1b" in data:
            told = decode_text(data)
            return None if "\x1b" in told else told
        if _is_utf8(data):
            return None
        meant = other_script(data)
        if meant is not None:
            return meant
    return None


def _bytes_of(text: str) -> Iterator[bytes]:
    """What came over the wire, where it was read as Latin-1 or as GB18030."""
    for table in ("latin-1", "gb18030"):
        try:
            yield text.encode(table)
        except UnicodeError:
            continue
        return


def _is_utf8(data: bytes) -> bool:
    try:
        return not data.decode("utf-8").isascii()
    except UnicodeError:
        return False


def _repaired(text: str) -> Iterator[tuple[_Repair, str]]:
    if not text.isascii():
        for repair in _REPAIRS:
            repaired = repair.of(text)
            if repaired is not None:
                yield repair, repaired


def readable(text: str) -> str:
    """
    The form a person would want to read: repaired where the damage is beyond doubt, else as received.

    `ÐØ²¿` becomes `胸部`, `MÃ¼ller` becomes `Müller`; `Größe`, `김` and real Chinese stay. Control characters
    become one space each run, so that a value never breaks a log line in two.
    """
    best = _of_another_script(text) if not text.isascii() or "\x1b" in text else None
    if best is not None:
        return _one_line(best)
    best = _ESCAPE.sub("", text)
    for _ in range(_MAX_DAMAGE):
        best = next((after for repair, after in _repaired(best) if repair.convincing(best, after)), best)
    return _one_line(best)


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode("utf-8")


def _was_utf8(before: str, after: str) -> bool:
    """
    UTF-8 checks itself: a text that happens to be valid UTF-8 is UTF-8, but for short Chinese ones.

    `平扫` in GBK is `ƽɨ` in UTF-8, `Müller` in UTF-8 is `M眉ller` in GBK: without letters next to it, it is
    Chinese.
    """
    if not after.isprintable() or after.isascii():
        return False
    if any(ord(character) >= _THREE_BYTES for character in after) or not _is_gb2312(before):
        return True
    return any(_touches_letters(after, run) for run in _FOREIGN_RUN.finditer(after))


def _was_gbk(before: str, after: str) -> bool:
    """
    Whether accented letters are Chinese: not `Größe` (`Gr鲞e`) and not `créée` (`cr殚e`), but `CTÐØ` and
    `·Î`.
    """
    del after
    runs = list(_FOREIGN_RUN.finditer(before))
    return any(len(run.group()) >= _LONG_RUN for run in runs) or all(
        _is_chinese_run(before, run) for run in runs
    )


def _is_chinese_run(text: str, run: re.Match[str]) -> bool:
    letters = run.group()
    if not letters.isalpha():
        return True
    if len(letters) % 2:
        return False
    if not _touches_letters(text, run):
        return True
    between = _is_letter(text[: run.start()][-1:]) and _is_letter(text[run.end() :][:1])
    return ord(letters[0]) < _LEVEL_2 and not between


def _was_utf8_as_gbk(before: str, after: str) -> bool:
    """
    `鑳搁儴` for `胸部`: characters that nobody writes are in the text, and only usual ones are what it turns
    into, two at least.

    Chinese in the characters of GB 2312 is never touched, so that some damage of this kind stays; keywords
    are found in it all the same.
    """
    unusual = any(
        (_is_han(character) and not _is_gb2312_han(character)) or _is_private(character)
        for character in before
    )
    foreign = [character for character in after if not character.isascii()]
    return unusual and len(foreign) > 1 and all(map(_is_gb2312_han, foreign))


def _touches_letters(text: str, run: re.Match[str]) -> bool:
    return _is_letter(text[: run.start()][-1:]) or _is_letter(text[run.end() :][:1])


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def _is_private(character: str) -> bool:
    return "\ue000" <= character <= "\uf8ff"


def _is_gb2312(text: str) -> bool:
    try:
        text.encode("latin-1").decode("gb2312")
    except UnicodeError:
        return False
    return True


def _is_gb2312_han(character: str) -> bool:
    try:
        return _is_han(character) and len(character.encode("gb2312")) > 1
    except UnicodeError:
        return False


def _is_chinese_text(text: str) -> bool:
    """Whether characters of GB 2312 are in it, or letters and digits of full width, two at least."""
    full_width = sum("\uff01" <= character <= "\uff5e" for character in text)
    return full_width > 1 or any(map(_is_gb2312_han, text))


_GBK = _Repair("latin-1", "gb18030", _was_gbk)  # GBK read as ISO_IR 100, the `c3 90 c3 98` of the logs
_REPAIRS = (
    _Repair("latin-1", "utf-8", _was_utf8),  # UTF-8 read as ISO_IR 100
    _Repair("cp1252", "utf-8", _was_utf8),
    _GBK,
    _Repair("gb18030", "utf-8", _was_utf8_as_gbk),
)


def shown(text: str, raw: str | None = None) -> str:
    """
    A value for a log line: readable, and when it is not ASCII with its bytes behind it.

    Args:
        text: The value as received.
        raw: The bytes on the wire as spaced hex, where they are known; else the UTF-8 bytes of ``text`` are
            given.

    Returns:
        ``HAND``, or ``胸部 [c3 90 c3 98 c2 b2 c2 bf]``.
    """
    if text.isascii() and not raw:
        return text if text.isprintable() else _CONTROL.sub(" ", text)
    return f"{readable(text)} [{raw or hex_bytes(text.encode('utf-8', 'surrogatepass'))}]"


def hex_bytes(data: bytes) -> str:
    """Bytes as the site writes them: ``c3 90 c3 98``."""
    return data.hex(" ")


def text_of_bytes(data: bytes) -> str:
    """
    What undecodable bytes say: UTF-8 where they are valid UTF-8, else another script where that is beyond
    doubt, else GB18030 without what does not fit, escapes removed.

    Only for values that nobody could decode as declared: then this is better than nothing.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = _of_another_script(data.decode("latin-1")) or data.decode("gb18030", "ignore")
    return _ESCAPE.sub("", text).strip()
