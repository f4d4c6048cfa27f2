"""
The catalogues of the pages, made by Babel: ``python -m tests.support.catalogues`` collects the words of the
templates and the sentences with values of the code, keeps the translations that are there, and compiles them.
A test says when that has to be done.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from pacs_module.web.page_support.sentences import FILE
from tests.support.sentences import sentences

WEB = Path(__file__).resolve().parents[2] / "pacs_module" / "web"
METHODS = [("page_support/words.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}}
TRANSLATED = ("zh",)


def collected() -> Catalog:
    """All words and sentences of the pages, untranslated."""
    catalog = Catalog(project="pacs_module", charset="utf-8", fuzzy=False)
    for _, _, message, _, _ in extract_from_dir(WEB, METHODS, OPTIONS):
        catalog.add(message)
    for sentence in sorted(sentences()):
        catalog.add(sentence)
    return catalog


def with_values() -> str:
    """Message ids with values in braces or behind a colon, one a line: what a page looks for in a text."""
    return "".join(f"{one}\n" for one in sorted(sentences()) if "{" in one or one.endswith(": "))


def po_file(language: str) -> Path:
    return WEB / "locale" / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """The catalogue with its translations."""
    with po_file(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalog: Catalog) -> bytes:
    """As gettext reads it; without the minute at which it was made, which would differ each time."""
    catalog.creation_date = datetime(2026, 1, 1, tzinfo=UTC)
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def main() -> None:
    """Bring the catalogues up to date."""
    FILE.write_text(with_values(), encoding="utf-8")
    for language in TRANSLATED:
        file = po_file(language)
        catalog = read(language) if file.exists() else Catalog(locale=language)
        catalog.update(collected(), no_fuzzy_matching=True)
        catalog.obsolete.clear()
        out = io.BytesIO()
        write_po(out, catalog, width=0, sort_output=True, omit_header=True, no_location=True)
        file.write_bytes(
            b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n' + out.getvalue()
        )
        file.with_suffix(".mo").write_bytes(compiled(read(language)))
        missing = [message.id for message in catalog if message.id and not message.string]
        print(f"{language}: {len(catalog)} words, {len(missing)} without translation")


if __name__ == "__main__":
    main()
