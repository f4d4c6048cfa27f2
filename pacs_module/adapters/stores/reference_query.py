"""
What a query means, over a plain document: the reference that every store's own query language has to agree
with.

The meaning is MongoDB's, because operators type these queries into its shell: a plain value equals a field or
any element of a field that is an array; None equals a field that is absent; numbers compare with numbers only
and texts with texts; a dot steps into a sub-document and through the elements of an array. Keys that hold
dots themselves (UIDs, names of PACS) cannot be named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ...domain.errors import PermanentError
from ...domain.study.study import WORK, is_work
from ...ports import AnyOf, AtLeast, AtMost, Exists, Order, Where
from .json_safe import storable


def matches(document: Mapping[str, Any], where: Where) -> bool:
    """Whether all conditions hold for the document."""
    return all(_holds(_values_at(document, field), condition) for field, condition in where.items())


def in_order(documents: list[dict[str, Any]], order: Order) -> list[dict[str, Any]]:
    """
    The documents sorted; a field that is absent comes before every number, and a number before every text.
    """
    ordered = documents
    for field, direction in reversed(order):
        ordered = sorted(ordered, key=partial(_rank, field), reverse=direction < 0)
    return ordered


def due_field(work: str) -> str:
    """
    The path of the due time of a kind of work.

    Raises:
        PermanentError: There is no such work.
    """
    if not is_work(work):
        raise PermanentError(f"work = {work!r} is not allowed: {', '.join(WORK)}, or of a destination")
    return f"due.{work}"


def claim_order(work: str, order: Order) -> Order:
    """Which of the due ones first; the UID last, so that the order is the same in every store."""
    first = order or ((due_field(work), 1),)
    return first if ("studyUID", 1) in first else (*first, ("studyUID", 1))


def comparable(value: Any, limit: Any) -> bool:
    """Whether two values are both numbers or both texts."""
    if isinstance(limit, str):
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values_at(document: Mapping[str, Any], field: str) -> list[Any]:
    found: list[Any] = [document]
    for part in field.split("."):
        holders = [item for holder in found for item in _spread(holder) if isinstance(item, Mapping)]
        found = [holder[part] for holder in holders if part in holder]
    return found


def _spread(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _holds(found: list[Any], condition: Any) -> bool:
    if isinstance(condition, Exists):
        return bool(found) == condition.yes
    if isinstance(condition, AnyOf):
        return any(_equals(found, value) for value in condition.values)
    if isinstance(condition, AtMost):
        return any(value <= condition.value for value in _comparable(found, condition.value))
    if isinstance(condition, AtLeast):
        return any(value >= condition.value for value in _comparable(found, condition.value))
    return _equals(found, condition)


def _comparable(found: list[Any], wanted: Any) -> Iterator[Any]:
    """Those of the values that can be compared with one."""
    return (value for value in _candidates(found) if comparable(value, wanted))


def _equals(found: list[Any], value: Any) -> bool:
    if value is None and not found:
        return True
    wanted = storable(value)
    return any(candidate == wanted for candidate in _candidates(found))


def _candidates(found: list[Any]) -> Iterator[Any]:
    for value in found:
        yield value
        if isinstance(value, list):
            yield from value


def _rank(field: str, document: Mapping[str, Any]) -> tuple[int, Any]:
    value = next(iter(_values_at(document, field)), None)
    if value is None:
        return (0, 0)
    if isinstance(value, int | float):
        return (1, value)
    return (2, str(value))
