"""The catalogues hold every word of the pages, translated, and are compiled."""

from pathlib import Path

import pytest

from pacs_module.web.site.language import LANGUAGES
from tests.support.catalogues import TRANSLATED, collected, compiled, po_file, read

MAKE = "run `python -m tests.support.catalogues`, and translate what is new"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_word_is_translated(language: str) -> None:
    known = read(language)
    wanted = {message.id for message in collected() if message.id}
    assert len(wanted) > 250
    without = {word for word in wanted if not (message := known.get(word)) or not message.string}
    assert without == set(), MAKE
    assert {message.id for message in known if message.id} == wanted, MAKE


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_filled_in_is_named_alike(language: str) -> None:
    odd = [
        message.id
        for message in read(language)
        if message.id and sorted(_places(message.id)) != sorted(_places(message.string))
    ]
    assert odd == []


def _places(text: object) -> list[str]:
    return [part.partition(")")[0] for part in str(text).split("%(")[1:]]


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_is_the_newest(language: str) -> None:
    file: Path = po_file(language).with_suffix(".mo")
    assert file.read_bytes() == compiled(read(language)), MAKE


def test_the_languages_are_those_of_the_switch() -> None:
    assert set(LANGUAGES) == {"en", *TRANSLATED}
