"""The page Audit: who did what with which study, and why."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.explain.listing import Act
from ...ports import StudyStore

PAGE = 100


@dataclass(frozen=True)
class AuditView:
    """One page, the newest first; ``before``: where the next one begins, empty when there is none."""

    acts: tuple[Act, ...]
    before: str = ""


def show_audit(store: StudyStore, before: str = "") -> AuditView:
    """
    Make the page.

    Raises:
        RetriableError: The store is away.
    """
    found = store.lists.acts(before, PAGE + 1)
    return AuditView(tuple(found[:PAGE]), found[PAGE - 1].at if len(found) > PAGE else "")
