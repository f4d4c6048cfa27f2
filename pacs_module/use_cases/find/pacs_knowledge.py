"""
What the studies of a PACS have taught: pauses inside series, and what studies end with. Kept beside the
leases, so that all processes and the next start know it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...domain.dicom.attributes import SeriesFacts
from ...domain.errors import PipelineError
from ...domain.growing_study.quiet import DevicePauses, Pauses, pauses_of
from ...domain.growing_study.scan import best_of
from ...domain.growing_study.usual import Usual, in_thick, learned, protocol_of, usual_memo, usual_of
from ...domain.rules.switches import Switches
from ...ports import Leases, Memo

MOST_KEYS = 200
"""Devices, and protocols, of which something is kept; the ones heard of last."""


@dataclass
class Known:
    """
    Of one PACS: the pauses by device, the usual series by protocol; ``guesses``: early pulls, and wrong ones.
    """

    pauses: DevicePauses = field(default_factory=DevicePauses)
    usual: dict[str, tuple[Usual, ...]] = field(default_factory=dict)
    guesses: dict[str, int] = field(default_factory=lambda: {"early": 0, "grew": 0, "beaten": 0})


@dataclass
class PacsKnowledge:
    """
    Read once, then kept in memory; each change is written at once, over what other processes wrote meanwhile.
    """

    leases: Leases
    switches: Switches
    _known: dict[str, Known] = field(default_factory=dict)

    def of(self, pacs: str) -> Known:
        """What is known; nothing, where the store is away."""
        if pacs not in self._known:
            try:
                self._known[pacs] = _read(self.leases.memo(_name(pacs)))
            except PipelineError:
                return Known()
        return self._known[pacs]

    def take_series(self, pacs: str, device: str, pause: int) -> None:
        """A series has been watched to its end; ``pause``: the longest inside it, in milliseconds."""

        def edit(known: Known) -> None:
            before = known.pauses.by_device.pop(device, Pauses())
            known.pauses.by_device[device] = before.with_series(pause)

        self._edit(pacs, edit)

    def take_study(self, pacs: str, series: Sequence[SeriesFacts], final: bool) -> None:
        """What a PACS announces of a study that is pulled; ``final``: it has stopped growing."""
        found = best_of(series, self.switches)
        if found is None:
            return
        best, number = found
        protocol = protocol_of(best)

        def edit(known: Known) -> None:
            slices = in_thick(best, series)
            known.usual[protocol] = learned(known.usual.pop(protocol, ()), best, number, final, slices)

        self._edit(pacs, edit)

    def count(self, pacs: str, what: str) -> None:
        """Count a guess: ``early`` pull, one whose series ``grew`` after it, one that was ``beaten``."""

        def edit(known: Known) -> None:
            known.guesses[what] = known.guesses.get(what, 0) + 1

        self._edit(pacs, edit)

    def told(self, pacs: str) -> dict[str, Any]:
        """For people: health and the debug API."""
        known = self.of(pacs)
        pauses = {device: one.to_memo() for device, one in known.pauses.by_device.items()}
        ends = {protocol: dict(one[0].attributes) for protocol, one in known.usual.items() if one}
        return {"pauses": pauses, "studiesEndWith": ends, "earlyPulls": dict(known.guesses)}

    def _edit(self, pacs: str, change: Callable[[Known], None]) -> None:
        def edit(memo: Memo) -> Memo:
            known = _read(memo)
            change(known)
            return _memo(known)

        try:
            self._known[pacs] = _read(self.leases.edit(_name(pacs), edit))
        except PipelineError:
            return  # it is learned from the next study


def _name(pacs: str) -> str:
    return f"follow {pacs}"


def _read(memo: Memo) -> Known:
    known = Known()
    pauses, usual, guesses = (memo.get(key) for key in ("pauses", "usual", "guesses"))
    if isinstance(pauses, Mapping):
        known.pauses.by_device = {
            str(device): pauses_of(one) for device, one in pauses.items() if isinstance(one, Mapping)
        }
    if isinstance(usual, Mapping):
        known.usual = {str(protocol): usual_of(one) for protocol, one in usual.items()}
    if isinstance(guesses, Mapping):
        known.guesses |= {str(what): number for what, number in guesses.items() if isinstance(number, int)}
    return known


def _memo(known: Known) -> Memo:
    pauses = list(known.pauses.by_device.items())[-MOST_KEYS:]
    usual = list(known.usual.items())[-MOST_KEYS:]
    return {
        "pauses": {device: one.to_memo() for device, one in pauses},
        "usual": {protocol: usual_memo(one) for protocol, one in usual},
        "guesses": known.guesses,
    }
