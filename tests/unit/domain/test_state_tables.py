"""
Every table of states in the domain is whole: each state has its row and its place in each partition.

It does not prove that the rows are right: each machine has a model of its own, written by hand.
"""

from __future__ import annotations

import importlib
import pkgutil
from enum import StrEnum
from typing import Any

import pytest

import pacs_module.domain
from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.state_table import StateTable


def tables() -> dict[str, StateTable[Any, Any]]:
    """All tables of the domain by their names."""
    packages = pkgutil.walk_packages(pacs_module.domain.__path__, "pacs_module.domain.")
    modules = [importlib.import_module(package.name) for package in packages]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, StateTable) and value.module == module.__name__
    }


@pytest.mark.parametrize("name", tables())
def test_no_table_has_a_gap(name: str) -> None:
    gaps = tables()[name].gaps()
    assert not gaps, "\n".join(gaps)


def test_the_tables_are_those_of_study_message_pull_move_reception_folder_entry_circuit_held_and_upload() -> (
    None
):
    assert sorted(tables()) == [
        "CIRCUIT_STATES",
        "ENTRY_STATES",
        "FOLDER_STATES",
        "HELD_STATES",
        "MESSAGE_STATES",
        "MOVE_STATES",
        "PULL_STATES",
        "RECEPTION_STATES",
        "STUDY_STATES",
        "UPLOAD_STATES",
    ]


class Lamp(StrEnum):
    """A machine with a state that somebody has just added, and forgotten elsewhere."""

    OFF = "off"
    ON = "on"
    BROKEN = "broken"


class Deed(StrEnum):
    """What is done to it."""

    TURN = "turn"
    HIT = "hit"


LAMPS = StateTable(
    Lamp,
    {Lamp.OFF: {Deed.TURN: Lamp.ON}, Lamp.ON: {Deed.TURN: Lamp.OFF}},
    "a lamp that is {state} cannot take the {event}",
    "house.lamps",
    {"does it shine": {"dark": (Lamp.OFF,), "bright": (Lamp.ON, Lamp.OFF)}},
)


def test_a_state_that_was_forgotten_is_named_with_what_it_lacks_and_where_that_goes() -> None:
    assert LAMPS.gaps() == [
        "<Lamp.BROKEN: 'broken'> has no row: add it in house/lamps.py",
        "<Lamp.OFF: 'off'> is in dark and bright of the partition 'does it shine': "
        "put it into one of dark, bright in house/lamps.py",
        "<Lamp.BROKEN: 'broken'> is in no group of the partition 'does it shine': "
        "put it into one of dark, bright in house/lamps.py",
    ]


def test_a_state_without_a_row_is_an_error_that_says_where_the_row_goes() -> None:
    with pytest.raises(InvalidTransition, match=r"Lamp\.BROKEN.* has no row: add it in house/lamps\.py"):
        LAMPS.next(Lamp.BROKEN, Deed.TURN)


def test_a_pair_without_a_row_is_an_error_in_the_words_of_the_machine() -> None:
    assert LAMPS.next(Lamp.OFF, Deed.TURN) is Lamp.ON
    with pytest.raises(InvalidTransition, match="a lamp that is off cannot take the hit"):
        LAMPS.next(Lamp.OFF, Deed.HIT)
