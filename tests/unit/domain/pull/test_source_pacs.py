"""From which PACS a study is moved (M6, field case 9)."""

from collections.abc import Sequence

import pytest

from pacs_module.domain.pull.source_pacs import choose_pacs
from pacs_module.domain.study.study import PacsCopy, Study

ALL = {"A", "B", "C"}


def chosen(
    copies: dict[str, int | None], allowed: set[str], unreachable: set[str]
) -> tuple[str | None, list[str]]:
    offered: list[str] = []

    def pick(names: Sequence[str]) -> str:
        offered.extend(names)
        return names[-1]

    study = Study("1.2.3", pacs={name: PacsCopy(count) for name, count in copies.items()})
    return choose_pacs(study, allowed, unreachable, pick), offered


@pytest.mark.parametrize(
    ("copies", "allowed", "unreachable", "among"),
    [
        ({"A": 300, "B": 300}, ALL, set(), ["A", "B"]),  # mirrors: by chance
        ({"A": 300, "B": 290}, ALL, set(), ["A"]),  # the fuller copy
        ({"A": 300, "B": 300}, ALL, {"A"}, ["B"]),  # one is down
        ({"A": 300, "B": 290}, ALL, {"A"}, ["B"]),
        ({"A": 300}, ALL, {"A"}, ["A"]),  # no other has it
        ({"A": 300, "B": 300}, {"B"}, set(), ["B"]),
        ({"A": None, "B": None}, ALL, set(), ["A", "B"]),
        ({"A": None, "B": 1}, ALL, set(), ["B"]),
    ],
)
def test_field_case_9_mirrors(
    copies: dict[str, int | None], allowed: set[str], unreachable: set[str], among: list[str]
) -> None:
    name, offered = chosen(copies, allowed, unreachable)
    assert offered == among
    assert name == among[-1]


def test_nobody_has_it() -> None:
    assert chosen({}, ALL, set()) == (None, [])
    assert chosen({"A": 5}, {"B"}, set()) == (None, [])
