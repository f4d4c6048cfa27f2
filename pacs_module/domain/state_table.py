"""
One kind of table for all state machines: a state and an event give the next state, any other pair is an
error.

A new state is a member of its enum, a row and a place in each partition, all in one file. ``gaps`` names what
is missing; ``tests/unit/domain/test_state_tables.py`` asks every table of the domain for its gaps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from .errors import InvalidTransition

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)
Rows = Mapping[S, Mapping[E, S]]
Groups = Mapping[str, tuple[S, ...]]


@dataclass(frozen=True, eq=False)
class StateTable(Generic[S, E]):
    """
    The states of one thing, and what moves it on.

    Args:
        states: All states.
        rows: The next state by state and event. A state that nothing moves on has an empty row.
        refusal: The error's words for a pair without a row, with ``{state}`` and ``{event}``.
        module: ``__name__`` of the module with the rows.
        partitions: Groups of the states, by what they answer. Each state is in exactly one group of each.
    """

    states: type[S]
    rows: Rows[S, E]
    refusal: str
    module: str
    partitions: Mapping[str, Groups[S]]

    def next(self, state: S, event: E) -> S:
        """
        Give the state after an event.

        Raises:
            InvalidTransition: The table has no such pair, or says nothing of this state at all.
        """
        row = self.rows.get(state)
        if row is None:
            raise InvalidTransition(f"{state!r} has no row: add it in {self.file}")
        if event not in row:
            words = {"state": state.value or "none", "event": event.value or "nothing"}
            raise InvalidTransition(self.refusal.format(**words))
        return row[event]

    @property
    def file(self) -> str:
        """Where a state is added."""
        return self.module.replace(".", "/") + ".py"

    def gaps(self) -> list[str]:
        """What the table does not say of its states, a line each; empty: it is whole."""
        found = [
            f"{state!r} has no row: add it in {self.file}" for state in self.states if state not in self.rows
        ]
        for question, groups in self.partitions.items():
            found += [gap for state in self.states if (gap := self._gap(question, groups, state))]
        return found

    def _gap(self, question: str, groups: Mapping[str, Collection[StrEnum]], state: StrEnum) -> str:
        """What is wrong with a state in a partition: it is in each exactly once."""
        of_it = [name for name, states in groups.items() if state in states]
        if len(of_it) == 1:
            return ""
        return (
            f"{state!r} is in {' and '.join(of_it) or 'no group'} of the partition {question!r}: "
            f"put it into one of {', '.join(groups)} in {self.file}"
        )
