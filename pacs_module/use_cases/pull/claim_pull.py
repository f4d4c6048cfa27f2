"""Claim the study whose turn it is to be pulled: the order of :mod:`pacs_module.domain.study.priority`, in any store."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.study.priority import EMERGENCY, GREEN_CHANNEL, PULL_ORDER, TURN_ORDER, Ageing
from ...domain.study.study import PULL, Study
from ...ports import AtLeast, AtMost, Order, StudyStore, Where


def claim_pull(store: StudyStore, owner: str, now: int, lease: int, where: Where, least: int, ageing: Ageing) -> Study | None:
    """
    Claim the most urgent due study.

    Args:
        store: Where the studies are.
        owner: Who claims.
        now: Epoch milliseconds.
        lease: Milliseconds.
        where: Which studies.
        least: The lowest class.
        ageing: When a study rises.
    """
    for more, order in _steps(now, least, ageing):
        study = store.claim(PULL, owner, now, lease, {**where, **more}, order)
        if study is not None:
            return study
    return None


def _steps(now: int, least: int, ageing: Ageing) -> Iterator[tuple[Where, Order]]:
    """First what is urgent by itself, then the green channel and who has risen to it, then the others."""
    yield {"rank": AtLeast(max(least, EMERGENCY))}, PULL_ORDER
    if least <= GREEN_CHANNEL:
        yield {"risesFrom": AtMost(ageing.since(now))}, TURN_ORDER
        yield {"rank": AtLeast(least)}, PULL_ORDER
