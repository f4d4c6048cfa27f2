"""Conditions of a store query as SQL over the documents in SQLite."""

from __future__ import annotations

import re
from typing import Any

from ...domain.errors import PermanentError
from ...ports import AnyOf, AtLeast, AtMost, Exists, Where
from .json_safe import storable
from .sqlite_schema import COLUMNS, value_of

_PLAIN_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_DUE_PATH = re.compile(r"due\.[a-z0-9_]+", re.ASCII)
"""Of work that only destinations bring: no column, but an index of its own."""
_LEAST = -(2**63)
_PACS_PATH = re.compile(r"pacs\.[A-Za-z0-9_-]+", re.ASCII)


def compile_where(where: Where) -> tuple[list[str], list[Any], dict[str, Any]]:
    """
    Conditions as SQL.

    Returns:
        SQL terms, all of which must hold; the values bound in them; and the conditions that SQL says badly
        (through arrays of sub-documents, whole arrays as values), which are left to
        :func:`pacs_module.adapters.stores.reference_query.matches`.
    """
    terms: list[str] = []
    values: list[Any] = []
    rest: dict[str, Any] = {}
    for field, condition in where.items():
        term = _term(field, condition)
        if term is None:
            rest[field] = condition
        else:
            terms.append(term[0])
            values.extend(term[1])
    return terms, values, rest


def _term(field: str, condition: Any) -> tuple[str, list[Any]] | None:
    if any(isinstance(value, list | tuple | dict) for value in _values_in(condition)):
        return None
    is_due = _DUE_PATH.fullmatch(field) is not None
    if is_due and isinstance(condition, Exists) and condition.yes:
        return f"{value_of(field)} >= ?", [_LEAST]  # IS NOT NULL would not use the index
    if is_due or field in COLUMNS:
        return _comparison(value_of(field), condition)
    if isinstance(condition, Exists):
        return existence(field, condition)
    if "." in field or not _PLAIN_PATH.fullmatch(field) or None in _values_in(condition):
        return None
    return _element(field, condition)


def existence(field: str, condition: Exists) -> tuple[str, list[Any]] | None:
    """Whether a field is there, in SQL; None: SQL cannot ask for it."""
    if _PACS_PATH.fullmatch(field):  # asked for at each pull, of every study that is due
        name = field.removeprefix("pacs.")
        return _exists(f'$.pacs."{name}"', condition), []
    if "." in field or not _PLAIN_PATH.fullmatch(field):
        return None
    return _exists(f"$.{field}", condition), []


def _exists(path: str, condition: Exists) -> str:
    return f"json_type(document, '{path}') IS {'NOT ' if condition.yes else ''}NULL"


def _element(field: str, condition: Any) -> tuple[str, list[Any]]:
    """
    json_each gives the elements of an array, or the one value that is no array; the members of an object are
    not meant.
    """
    term, values = _comparison("item.atom", condition)
    # The field's name was checked by the caller.
    elements = f"SELECT 1 FROM json_each(document, '$.{field}') AS item WHERE {term}"  # noqa: S608
    exact = f"(json_type(document, '$.{field}') <> 'object' AND EXISTS ({elements}))"
    if field == "seriesUIDs" and isinstance(condition, str):
        indexed = "studyUID IN (SELECT studyUID FROM series_of WHERE seriesUID = ?)"
        return f"({indexed} AND {exact})", [storable(condition), *values]
    return exact, values


def _values_in(condition: Any) -> tuple[Any, ...]:
    if isinstance(condition, Exists):
        return ()
    if isinstance(condition, AnyOf):
        return condition.values
    return (condition.value,) if isinstance(condition, AtMost | AtLeast) else (condition,)


def _comparison(expression: str, condition: Any) -> tuple[str, list[Any]]:
    if isinstance(condition, Exists):
        return f"{expression} IS {'NOT ' if condition.yes else ''}NULL", []
    if isinstance(condition, AtMost | AtLeast):
        return _bound(expression, condition)
    wanted = condition.values if isinstance(condition, AnyOf) else (condition,)
    values = [storable(value) for value in wanted if value is not None]
    among = f"{expression} IN ({', '.join('?' * len(values))})"
    return (f"({among} OR {expression} IS NULL)" if None in wanted else among), values


def _bound(expression: str, condition: AtMost | AtLeast) -> tuple[str, list[Any]]:
    """At most or at least; in SQLite every number is smaller than every text."""
    kinds = "('text')" if isinstance(condition.value, str) else "('integer', 'real')"
    sign = "<=" if isinstance(condition, AtMost) else ">="
    return f"({expression} {sign} ? AND typeof({expression}) IN {kinds})", [storable(condition.value)]


def sortable(field: str) -> str:
    """A field to order by."""
    if not _PLAIN_PATH.fullmatch(field):
        raise PermanentError(f"studies cannot be ordered by {field!r}")
    return value_of(field)
