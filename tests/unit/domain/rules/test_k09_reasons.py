"""A study all of whose series are dropped says why: each reason once, with its number."""

import pytest

from pacs_module.domain.rules.reasons import grouped


@pytest.mark.parametrize(
    ("reasons", "words"),
    [
        ([], ""),
        ([""], ""),
        (["SliceThickness 8"], "SliceThickness 8"),
        (["BodyPartExamined HEAD"] * 2, "2 x BodyPartExamined HEAD"),
        (["a", "b", "b"], "2 x b; a"),
        (["a", "b", "a", "b", "c"], "2 x a; 2 x b; c"),
        (["a", "", "a"], "2 x a"),
        (list("abcd"), "a; b; c; d"),
        (list("abcdef"), "a; b; c; d; 2 more"),
        (["a", *"bbccddeeff"], "2 x b; 2 x c; 2 x d; 2 x e; 3 more"),
        (["胸"] * 3, "3 x 胸"),
    ],
)
def test_reasons_are_grouped(reasons: list[str], words: str) -> None:
    assert grouped(reasons) == words
