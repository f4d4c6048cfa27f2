"""Choice: which of the remaining series of a study the AI computes, and whether it is handed over again (M17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .switches import Switches


@dataclass(frozen=True)
class Candidate:
    """A series that passed the filter: ``thickness`` in mm or None, ``instances`` here, ``kernel`` as in the header."""

    series_uid: str
    thickness: float | None
    instances: int
    kernel: str = ""


@dataclass(frozen=True)
class Choice:
    """The series to hand over, in order, and the reason in words."""

    series: tuple[Candidate, ...]
    why: str

    @property
    def instances(self) -> int:
        """Instances of all chosen series together."""
        return sum(candidate.instances for candidate in self.series)


@dataclass(frozen=True)
class HandedOver:
    """What was handed over last for a study: the series and the number of instances."""

    series_uids: tuple[str, ...]
    instances: int


def choose(candidates: Sequence[Candidate], dx: bool, switches: Switches) -> Choice:
    """
    Choose the series to compute.

    CT: the thinnest: smallest thickness, then most instances, then the kernel that stands first in KERNEL_PREFERRED (the order
    is CHOICE_ORDER); where one of them has no thickness the number of instances stands in for it. Ties are broken by the UID,
    so that the same study always gives the same choice. DX: all of them, because only the algorithm tells frontal from
    lateral.

    Args:
        candidates: At least one.
        dx: Whether the study is radiography.
        switches: CHOICE_ORDER and KERNEL_PREFERRED.
    """
    if dx:
        ordered = tuple(sorted(candidates, key=lambda candidate: candidate.series_uid))
        return Choice(ordered, f"DX: all {len(ordered)} series")
    no_thickness = any(candidate.thickness is None for candidate in candidates)

    def rank(candidate: Candidate) -> tuple[object, ...]:
        by = {
            "thickness": -candidate.instances if no_thickness else candidate.thickness,
            "instances": -candidate.instances,
            "kernel": kernel_rank(candidate.kernel, switches.kernel_preferred),
        }
        return (*(by[criterion] for criterion in switches.choice_order), candidate.series_uid)

    best = min(candidates, key=rank)
    thickness = "unknown" if best.thickness is None else f"{best.thickness:g} mm"
    why = f"of {len(candidates)} series by {', '.join(switches.choice_order)}: {thickness}, {best.instances} instances"
    return Choice((best,), f"{why}, kernel {best.kernel or 'unknown'}")


def kernel_rank(kernel: str, preferred: Sequence[str]) -> int:
    """The place of the first preferred name that equals the kernel or is part of it, case-insensitively; last when none."""
    name = kernel.strip().casefold()
    for place, wish in enumerate(preferred):
        if wish.casefold() == name:
            return place
    for place, wish in enumerate(preferred):
        if wish.casefold() in name:
            return place
    return len(preferred)


@dataclass(frozen=True)
class Resend:
    """Whether a study is handed over (again), and why in words."""

    send: bool
    why: str


def judge_resend(choice: Choice, last: HandedOver | None, dx: bool, forced: bool, switches: Switches) -> Resend:
    """
    Say whether what is here now goes to the backend (again).

    Args:
        choice: What would be handed over now.
        last: What was handed over before, None if nothing was.
        dx: For DX the switch does not apply: handed over again whenever it grew.
        forced: A person asked, or the earlier hand-over was lost with the RAM disk.
        switches: RESEND_ONLY_THICKER_SERIES.
    """
    if last is None:
        return Resend(True, "first hand-over")
    if forced:
        return Resend(True, "asked for")
    if choice.instances > last.instances:
        return Resend(True, f"{choice.instances} instances, last time {last.instances}")
    changed = tuple(candidate.series_uid for candidate in choice.series) != last.series_uids
    if changed and not dx and not switches.resend_only_thicker_series:
        return Resend(True, "another series, and RESEND_ONLY_THICKER_SERIES is off")
    return Resend(False, f"{choice.instances} instances, last time {last.instances}")
