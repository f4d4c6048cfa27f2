"""Choice: which of the remaining series of a study the AI computes, and whether it is handed over again (M17)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..dicom.attributes import split_image_type
from .switches import Switches

THICKNESS, INSTANCES = "thickness", "instances"


@dataclass(frozen=True)
class Candidate:
    """
    A series that passed the filter, or may pass it.

    Args:
        series_uid: SeriesInstanceUID.
        thickness: In mm, None when the header has none.
        instances: Here or announced.
        kernel: As in the header.
        kernel_class: ``lung``, ``mediastinum`` or empty (``recon.py``).
        image_type: As in the header, values separated by backslashes.
        phase: Contrast phase: ``plain``, ``arterial``, ``venous``, ``delayed`` or ``contrast``.
        made_at: YYYYMMDDHHMMSS of the reconstruction, empty when not told.
        untold: Criteria of CHOICE_ORDER whose value nobody knows yet: of a series that was announced and is not here.
    """

    series_uid: str
    thickness: float | None
    instances: int
    kernel: str = ""
    kernel_class: str = ""
    image_type: str = ""
    phase: str = ""
    made_at: str = ""
    untold: frozenset[str] = frozenset()


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
    """What was handed over last for a study: the series, the number of instances, and the number of the reception."""

    series_uids: tuple[str, ...]
    instances: int
    reception: int = 0


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
        switches: CHOICE_ORDER and the preferences.
    """
    if dx:
        ordered = tuple(sorted(candidates, key=lambda candidate: candidate.series_uid))
        return Choice(ordered, f"DX: all {len(ordered)} series")
    order = _order(candidates, switches)

    def rank(candidate: Candidate) -> tuple[object, ...]:
        return (*((name in candidate.untold, value(candidate)) for name, value in order), candidate.series_uid)

    best, *others = sorted(candidates, key=rank)
    thickness = "unknown" if best.thickness is None else f"{best.thickness:g} mm"
    why = f"of {len(candidates)} series by {', '.join(switches.choice_order)}: {thickness}, {best.instances} instances"
    why = f"{why}, kernel {best.kernel or 'unknown'}"
    return Choice((best,), f"{why}; {_decided_by(best, others[0], order)}" if others else why)


def rivals(best: Candidate, candidates: Sequence[Candidate], switches: Switches) -> tuple[Candidate, ...]:
    """
    Those of the candidates that may still turn out to be better than the best one.

    Args:
        best: As :func:`choose` chose it among these candidates.
        candidates: All of them.
        switches: CHOICE_ORDER and the preferences.

    Returns:
        Only series of which something that decides is not known yet: nobody else can beat the best.
    """
    order = _order(candidates, switches)
    return tuple(one for one in candidates if one != best and _may_beat(one, best, order))


Criterion = tuple[str, Callable[[Candidate], object]]


def _order(candidates: Sequence[Candidate], switches: Switches) -> list[Criterion]:
    """Name and value of each criterion, smaller is better; the name is that of the fact that must be known."""
    no_thickness = any(one.thickness is None and THICKNESS not in one.untold for one in candidates)

    def most(one: Candidate) -> int:
        return -one.instances

    by: dict[str, Criterion] = {
        THICKNESS: (INSTANCES, most) if no_thickness else (THICKNESS, lambda one: one.thickness or 0.0),
        INSTANCES: (INSTANCES, most),
        "kernel": ("kernel", lambda one: kernel_rank(one.kernel, switches.kernel_preferred)),
        "kernel class": ("kernel class", lambda one: _place(one.kernel_class, switches.kernel_class_preferred)),
        "image type": ("image type", lambda one: _image_type_rank(one.image_type, switches.image_types_preferred)),
        "contrast": ("contrast", lambda one: _place(one.phase, switches.contrast_preferred)),
        "latest": ("latest", lambda one: -int(one.made_at or 0)),
    }
    idle = {"kernel"} if not switches.kernel_preferred else set()  # nobody is preferred: nothing to know
    idle |= {"image type"} if not switches.image_types_preferred else set()
    return [by[criterion] for criterion in switches.choice_order if criterion not in idle]


def _may_beat(one: Candidate, best: Candidate, order: Sequence[Criterion]) -> bool:
    for name, value in order:
        if name in one.untold or name in best.untold:
            return True
        mine, others = value(one), value(best)
        if mine != others:
            return bool(mine < others)  # type: ignore[operator]
    return one.series_uid < best.series_uid


def _decided_by(best: Candidate, second: Candidate, order: Sequence[Criterion]) -> str:
    for name, value in order:
        if value(best) != value(second) or (name in second.untold) != (name in best.untold):
            return f"by {name} before {second.series_uid}"
    return f"equal to {second.series_uid}, by UID"


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


def _place(word: str, preferred: Sequence[str]) -> int:
    return preferred.index(word) if word in preferred else len(preferred)


def _image_type_rank(image_type: str, preferred: Sequence[str]) -> int:
    values = set(split_image_type(image_type))
    return next((place for place, kind in enumerate(preferred) if set(split_image_type(kind)) <= values), len(preferred))


@dataclass(frozen=True)
class Resend:
    """Whether a study is handed over (again), and why in words."""

    send: bool
    why: str


def judge_resend(
    choice: Choice, last: HandedOver | None, dx: bool, forced: bool, switches: Switches, reception: int | None = None
) -> Resend:
    """
    Say whether what is here now goes to the backend (again).

    Args:
        choice: What would be handed over now.
        last: What was handed over before, None if nothing was.
        dx: For DX the switch does not apply: handed over again whenever it grew.
        forced: A person asked, or the earlier hand-over was lost with the RAM disk.
        switches: RESEND_ONLY_THICKER_SERIES.
        reception: Its number. What was handed over in the same one was decided early, by what the PACS had announced; when the
            images turn out otherwise the right series follows.
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
    if changed and not dx and last.reception == reception:
        return Resend(True, "another series than was announced")
    return Resend(False, f"{choice.instances} instances, last time {last.instances}")
