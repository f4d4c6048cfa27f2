"""What is left in English on a page that is read in another language."""

from __future__ import annotations

import re

_WORDS = re.compile(r"(?<![\w./-])[a-z]{2,}(?:[,;:]? [a-z]{2,}){2,}")
"""Three words in a row: names, values of DICOM and states are fewer, and are no sentence."""


def left_in_english(text: str, raw: tuple[str, ...] = ()) -> list[str]:
    """
    The sentences of a page's text that nobody has translated.

    Args:
        text: As people see it.
        raw: Texts that stand as they came: reasons that people gave, words of other servers.
    """
    for one in raw:
        text = text.replace(one, "")
    return [found.group() for line in text.splitlines() for found in _WORDS.finditer(line)]
