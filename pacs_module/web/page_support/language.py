"""English and Chinese: the catalogues, and which one a request gets."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

from fastapi import Request

LOCALE = Path(__file__).resolve().parents[1] / "locale"
COOKIE = "aipull_language"
LANGUAGES = {"en": "English", "zh": "中文"}
DEFAULT = "en"


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The words of a language; English is what stands in the templates."""
    return gettext.translation("messages", LOCALE, [language], fallback=True)


def language_of(request: Request) -> str:
    """The one that was chosen; else the first of the browser's that we speak."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for part in request.headers.get("accept-language", "").split(","):
        spoken = part.partition(";")[0].strip().lower().partition("-")[0]
        if spoken in LANGUAGES:
            return spoken
    return DEFAULT
