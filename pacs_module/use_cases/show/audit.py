"""The page Audit: who did what with which study, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...domain.explain.listing import Act
from ...ports import StudyStore

PAGE = 100


@dataclass(frozen=True)
class AuditView:
    """One page, the newest first; ``before``: where the next one begins, empty when there is none."""

    acts: tuple[Act, ...]
    before: str = ""
    retention: Mapping[str, object] = field(default_factory=dict)
    """What the nightly job removed last: ``at``, ``did``, ``failed``; empty: it never ran."""


def show_audit(
    store: StudyStore, before: str = "", retention: Mapping[str, object] | None = None
) -> AuditView:
    """
    Make the page.

    Raises:
        RetriableError: The store is away.
    """
    found = store.lists.acts(before, PAGE + 1)
    earlier = found[PAGE - 1].at if len(found) > PAGE else ""
    return AuditView(tuple(found[:PAGE]), earlier, dict(retention or {}))
