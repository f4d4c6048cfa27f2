"""
What processes write down for each other may name a study (the last one that came from a PACS): gone with the
study.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ...ports import StudyStore
from ...ports.leases import Leases, Memo

_UID = re.compile(r"\d+(\.\d+){3,}")


@dataclass
class ClearMemos:
    """Takes the StudyInstanceUIDs out of all memos that the store does not know (any more)."""

    leases: Leases
    store: StudyStore

    def __call__(self) -> int:
        """How many memos were changed."""
        return sum(self._clear(lease.name, lease.memo) for lease in self.leases.all())

    def _clear(self, name: str, memo: Memo) -> bool:
        named = set(_uids(memo))
        gone = named - self.store.get_many(sorted(named)).keys() - self.store.unreadable().keys()
        if not gone:
            return False
        self.leases.edit(name, lambda now: _without(now, lambda text: text in gone))
        return True


def _uids(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _uids(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _uids(inner)
    elif isinstance(value, str) and _UID.fullmatch(value):
        yield value


def _without(memo: Memo, gone: Callable[[str], bool]) -> Memo:
    """A text becomes empty, an element of a list goes."""
    return {key: _cleared(value, gone) for key, value in memo.items()}


def _cleared(value: object, gone: Callable[[str], bool]) -> object:
    if isinstance(value, str):
        return "" if gone(value) else value
    if isinstance(value, list | tuple):
        return [_cleared(one, gone) for one in value if not (isinstance(one, str) and gone(one))]
    return _without(value, gone) if isinstance(value, Mapping) else value
