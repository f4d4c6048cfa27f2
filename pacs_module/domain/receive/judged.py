"""A series that has been judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..dicom.attributes import SeriesFacts
from ..rules.filters import goes_with, is_dx
from ..rules.switches import Switches
from ..rules.verdict import Verdict


@dataclass(frozen=True)
class Judged:
    """
    A series with the facts of its first image and the verdict on them; ``at_find``: judged before the pull.
    """

    facts: SeriesFacts
    verdict: Verdict
    at_find: bool = False


def with_whole_study(judged: Mapping[str, Judged], switches: Switches) -> dict[str, Judged]:
    """
    The series of a study, judged again by what else is in it: of radiography goes along what nobody says
    something else of, where one is taken (field case 16).
    """
    taken = next((uid for uid, one in judged.items() if one.verdict.taken), None)
    if taken is None or not is_dx([one.facts.modality for one in judged.values()], switches):
        return dict(judged)
    return {
        uid: replace(one, verdict=goes_with(one.facts, one.verdict, taken, switches))
        for uid, one in judged.items()
    }
