"""
One look at all texts of a series decides as reading each of them does, and grouped patterns find what plain
ones do.

The texts are made of the site's own words, joined in every way that is seen in headers, and of public
headers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rehearsal import drawn_series
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.dicom.text_folding import words
from pacs_module.domain.rules.body_part import KEYWORD_ATTRIBUTES, BodyPart, BodyPartRules
from pacs_module.domain.rules.filters import judge_plainly, judge_series
from pacs_module.domain.rules.keyword_regex import any_at_first_letters, any_of
from pacs_module.domain.rules.keywords import _LONG, _ideographic, _Phrases
from pacs_module.domain.rules.switches import Switches

SWITCHES = Switches()
RULES = (SWITCHES.body_part_ct, SWITCHES.body_part_dx)
LISTS = [
    value
    for name, value in vars(SWITCHES).items()
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value) and name != "choice_order"
]
WORDS = sorted({word for word in chain.from_iterable(LISTS) if word} | {"SPINE", "HEAD", "5mm", "B30f", "ap"})
CASES: list[Callable[[str], str]] = [str, str.lower, str.upper, str.title, str.swapcase]
GAPS = ["", " ", "_", "/", "-", "  ", ", ", "1", "\n", "\x1b", "*"]


def slowly(rules: BodyPartRules, series: SeriesFacts, monkeypatch: pytest.MonkeyPatch) -> BodyPart:
    with monkeypatch.context() as patched:
        patched.setattr(BodyPartRules, "_decided_plainly", lambda *asked: None)
        return rules.decide(series)


def text(draw: random.Random) -> str:
    """A few of the words, each in some case, with something between them."""
    found = ""
    for _ in range(draw.randint(0, 4)):
        word = draw.choice(WORDS)
        case = draw.choice(CASES)
        found += case(word) + draw.choice(GAPS)
    return found


def test_made_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(13)
    for _ in range(6_000):
        told = {name: text(draw) for name in KEYWORD_ATTRIBUTES if draw.random() < 0.7}
        series = SeriesFacts("1", told)
        for rules in RULES:
            assert rules.decide(series) == slowly(rules, series, monkeypatch), told


def test_public_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    for facts in drawn_series(4_000):
        for series in facts:
            for rules in RULES:
                assert rules.decide(series) == slowly(rules, series, monkeypatch), series.attributes


def test_a_phrase_is_found_as_by_plain_alternatives() -> None:
    phrases = WORDS
    plain = sorted({words(phrase).strip() for phrase in phrases} - {""}, key=lambda one: (-len(one), one))

    def of(phrase: str) -> str:
        if _ideographic(phrase):
            return re.escape(phrase)
        *first, last = phrase.split()
        inner = [rf"{word}\w* " if len(word) >= _LONG else f"{word} " for word in first]
        return rf"(?<= ){''.join(inner)}{last}\w*"

    reference, grouped = re.compile("|".join(map(of, plain))), _Phrases(phrases)._pattern
    assert grouped is not None
    draw = random.Random(14)
    for _ in range(20_000):
        one = words(text(draw))
        found, wanted = grouped.search(one), reference.search(one)
        assert (found and found.span()) == (wanted and wanted.span()), one


@given(st.lists(st.text("abc*", max_size=4)), st.text("abc*", max_size=12))
def test_any_of(few: list[str], where: str) -> None:
    pattern = re.compile(any_of(few))
    assert (pattern.search(where) is not None) == any(word in where for word in few)


@given(
    st.lists(st.text("abc*", min_size=1, max_size=4)),
    st.lists(st.tuples(st.sampled_from("abc*"), st.sampled_from(["", "b", "[a-b]*c", "a[^a]*b"]))),
    st.text("abc*", max_size=12),
)
def test_any_at_first_letters(few: list[str], patterns: list[tuple[str, str]], where: str) -> None:
    found = re.compile(any_at_first_letters(few, patterns)).search(where)
    apart = [re.compile(re.escape(letter) + rest).search(where) for letter, rest in patterns]
    assert (found is not None) == (any(word in where for word in few) or any(apart))


SWITCHED = [
    Switches(),
    Switches(thin_only=True),
    Switches(filter_contrast=True),
    Switches(filter_body_part=False),
    Switches(filter_consecutive_images=True, filter_min_instances=False),
    Switches(keywords_dx=("CHEST", "LUNG")),
]
VALUES = {
    "Modality": ["CT", "ct", "DX", "MR", "", "CT\\SR", "SR"],
    "ImageType": [
        "ORIGINAL\\PRIMARY\\AXIAL",
        "DERIVED\\PRIMARY\\VOLUME",
        "original/primary/volume",
        "LOCALIZER",
        "",
    ],
    "SliceThickness": ["1", "5.0", "10", "", "0", "abc"],
    "ConvolutionKernel": ["B30f", "BONE", "LUNG", "", "B70f\\3"],
    "frames": ["", " ", "1", "64", "x"],
    "multi-frame": ["", "yes"],
    "slice spacing": ["", "1.5", "12"],
    "missing images": ["0", "3"],
    "images agreeing": ["", "24 of 25 images (1 localizer)"],
}


def made(draw: random.Random) -> SeriesFacts:
    """A header of which any attribute may be absent, empty or odd."""
    told = {name: text(draw) for name in KEYWORD_ATTRIBUTES if draw.random() < 0.7}
    told |= {name: draw.choice(values) for name, values in VALUES.items() if draw.random() < 0.6}
    raw = {"SeriesDescription": "b7 ce"} if draw.random() < 0.05 else {}
    return SeriesFacts("1", told, draw.choice([None, 0, 1, 9, 10, 60, 400]), raw)


@pytest.mark.parametrize("place", range(len(SWITCHED)))
def test_the_short_way_and_every_rule_in_turn_say_the_same(place: int) -> None:
    """Verdict, reason, version and agreeing images, of made headers; each twice, so that memory speaks, too."""
    draw, switches = random.Random(place), SWITCHED[place]
    for _ in range(2_000):
        series = made(draw)
        plainly = judge_plainly(series, switches)
        for found in (judge_series(series, switches), judge_series(series, switches)):
            assert (found, found.rules, found.images) == (plainly, plainly.rules, plainly.images), series
