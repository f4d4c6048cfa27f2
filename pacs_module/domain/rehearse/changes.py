"""
Changes to the switches as a person writes them: ``KEYWORDS+=THX``, ``NO_KEYWORDS-=PLUNG*``,
``SLICE_THICKNESS_MAX=3``.

Several values of a list are parted by commas; a value that has a comma of its own is written as JSON
(``CONTRAST_KEYWORDS=["A, B"]``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from ..errors import ConfigurationError
from ..rules.read_switches import parse_switches
from ..rules.switches import AT_START_ONLY, NAMES, Switches

_SHAPE = re.compile(r"\s*(?P<name>\w+)\s*(?P<how>\+=|-=|=)(?P<text>.*)", re.DOTALL)
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_WHAT_ELSE = "NAME=value, NAME+=value or NAME-=value, as KEYWORDS+=THX"


class How(StrEnum):
    """What a change does to a switch."""

    SET = "="
    ADD = "+="
    REMOVE = "-="


@dataclass(frozen=True)
class Change:
    """One change; ``text`` is the value as it was written."""

    name: str
    how: How
    text: str

    def __str__(self) -> str:
        return f"{self.name}{self.how}{self.text}"


def read_change(text: str) -> Change:
    """
    Read one change.

    Raises:
        ConfigurationError: It has no such shape, or the switch takes effect at the start only.
    """
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ConfigurationError("change", text, _WHAT_ELSE)
    change = Change(found["name"].upper(), How(found["how"]), found["text"].strip())
    if change.name == "RULES_VERSION":
        raise ConfigurationError(
            change.name, change.text, "any other switch: this one is counted up by itself"
        )
    if change.name in AT_START_ONLY:
        allowed = "a switch that judges; this one is read when a process starts: set it in the site's file"
        raise ConfigurationError(change.name, change.text, allowed)
    return change


def changed(switches: Switches, changes: Iterable[Change]) -> Switches:
    """
    The switches with these changes, one after the other.

    Each switch means itself alone: KEYWORDS that are set here leave the lists beside them as they are.

    Raises:
        ConfigurationError: A name is unknown, a value is bad, is there already or is not there.
    """
    values: dict[str, object] = {one.name.upper(): getattr(switches, one.name) for one in fields(Switches)}
    for change in changes:
        if change.name not in values:
            parse_switches({change.name: None})  # says which one may be meant
        values[change.name] = _value(change, values[change.name])
    return parse_switches(values)


def between(before: Switches, after: Switches) -> dict[str, object]:
    """The switches that differ, by name, with the later value; lists as lists."""
    different = (name for name in NAMES if getattr(before, name.lower()) != getattr(after, name.lower()))
    return {name: plain(getattr(after, name.lower())) for name in different}


def plain(value: object) -> object:
    """A value as it stands in the file and in JSON."""
    return list(value) if isinstance(value, tuple) else value


def _value(change: Change, before: object) -> object:
    if isinstance(before, tuple):
        return _list(change, before)
    if change.how is not How.SET:
        raise ConfigurationError(change.name, f"{change.how}{change.text}", "=: it is no list")
    if isinstance(before, bool):
        return _boolean(change)
    try:
        return int(change.text) if isinstance(before, int) else float(change.text)
    except ValueError as error:
        raise ConfigurationError(change.name, change.text, "a number") from error


def _boolean(change: Change) -> bool:
    word = change.text.lower()
    if word not in _TRUE + _FALSE:
        raise ConfigurationError(change.name, change.text, "true or false")
    return word in _TRUE


def _list(change: Change, before: tuple[str, ...]) -> tuple[str, ...]:
    named = _several(change)
    if change.how is How.SET:
        return named
    if not named:
        raise ConfigurationError(change.name, change.text, "at least one value")
    for one in named:
        _check_one(change, one, before)
    if change.how is How.ADD:
        return before + tuple(dict.fromkeys(named))
    return tuple(one for one in before if one not in named)


def _check_one(change: Change, one: str, before: tuple[str, ...]) -> None:
    """What is added must not be there yet, and what is taken out must."""
    if change.how is How.ADD and one in before:
        raise ConfigurationError(change.name, one, "a value that is not in it yet")
    if change.how is not How.ADD and one not in before:
        raise ConfigurationError(change.name, one, f"one of {', '.join(before) or 'none'}")


def _several(change: Change) -> tuple[str, ...]:
    if not change.text.startswith("["):
        return tuple(one.strip() for one in change.text.split(",") if one.strip())
    read = _json_of(change)
    if not isinstance(read, list) or not all(isinstance(one, str) for one in read):
        raise ConfigurationError(change.name, change.text, "a list of texts in JSON")
    return tuple(read)


def _json_of(change: Change) -> object:
    try:
        return json.loads(change.text)
    except ValueError as error:
        raise ConfigurationError(change.name, change.text, f"a list in JSON ({error})") from error
