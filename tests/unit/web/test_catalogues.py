"""The catalogues hold every word of the pages, translated, and are compiled."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.domain.receive.decision import MISSING_RULE
from pacs_module.domain.rules.filters import NAMED, WHOLE_STUDY
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import Event, State
from pacs_module.web.page_support.language import LANGUAGES
from tests.support.catalogues import TRANSLATED, collected, compiled, po_file, read

DOMAIN = Path(__file__).parents[3] / "pacs_module" / "domain"
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


def verdicts() -> Iterator[ast.Call]:
    """Each place of the domain that makes a verdict."""
    for path in sorted(DOMAIN.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Verdict":
                yield node


def constants(place: int) -> set[str]:
    """The words that stand as this argument of verdicts."""
    found = {call.args[place] for call in verdicts() if len(call.args) > place}
    return {str(one.value) for one in found if isinstance(one, ast.Constant) and one.value}


def test_what_the_domain_names_by_a_key_has_its_words() -> None:
    """States, events, rules and the reasons without a value: what the pages show in the reader's language."""
    known = {str(message.id) for message in collected()}
    rules, reasons = constants(1), constants(3)
    assert {"body part", "slice thickness"} <= rules
    assert "no rule speaks against it" in reasons
    named = {one.value for kind in (Event, Note, State) for one in kind if one.value}
    assert (named | rules | reasons | {MISSING_RULE, NAMED, WHOLE_STUDY}) - known == set()
