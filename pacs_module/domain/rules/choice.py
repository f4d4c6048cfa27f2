"""Which of the remaining series of a study the AI computes, and whether it is handed over again (M17)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ..dicom.attributes import split_image_type
from ..dicom.numbers import read_number
from ..dicom.text_folding import fold
from .switches import CHOICE_CRITERIA, Switches

THICKNESS, INSTANCES = "thickness", "instances"
DETAILS = "details"
"""The fact that stands for all further attributes of a series: told once its images are here."""
_DETAILS_FIRST = ("SeriesNumber", "ImageType", "ConvolutionKernel", "SeriesDescription", "ProtocolName")


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
        details: Further attributes that are told, keyword and text: they decide before the UID does.
        thickness_why: Why the thickness in the header counts as not told, where it is no number or cannot be
            true.
        untold: Criteria of CHOICE_ORDER whose value nobody knows yet: of a series that was announced and is
            not here.
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
    details: tuple[tuple[str, str], ...] = ()
    thickness_why: str = ""


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
    """
    What was handed over last for a study: the series, the number of instances, the number of the reception,
    and its id where this receiver did it.
    """

    series_uids: tuple[str, ...]
    instances: int
    reception: int = 0
    handover_id: str = ""


def choose(candidates: Sequence[Candidate], dx: bool, switches: Switches) -> Choice:
    """
    Choose the series to compute.

    CT: the thinnest: smallest thickness, then most instances, then the kernel (the order is CHOICE_ORDER);
    where one of them has no thickness the number of instances stands in for it. Ties are broken by the
    criteria that CHOICE_ORDER leaves out, then by any attribute that is told and differs, at last by the UID,
    so that the same study always gives the same choice. DX: all of them, because only the algorithm tells
    frontal from lateral.

    Args:
        candidates: At least one.
        dx: Whether the study is radiography.
        switches: CHOICE_ORDER and the preferences.
    """
    if dx:
        ordered = tuple(sorted(candidates, key=lambda candidate: candidate.series_uid))
        return Choice(ordered, f"DX: all {len(ordered)} series")
    order = _Order(candidates, switches)
    best = _first(candidates, order)
    return Choice((best,), _why(best, len(candidates), switches) + _why_not_another(best, candidates, order))


def _why_not_another(best: Candidate, candidates: Sequence[Candidate], order: _Order) -> str:
    others = [one for one in candidates if one is not best]
    return f"; {_decided_by(best, _first(others, order), order)}" if others else ""


def _why(best: Candidate, of: int, switches: Switches) -> str:
    by = f"of {of} series by {', '.join(switches.choice_order)}"
    return f"{by}: {_thickness_words(best)}, {best.instances} instances, kernel {best.kernel or 'unknown'}"


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
    order = _Order(candidates, switches)
    return tuple(one for one in candidates if one != best and _may_beat(one, best, order))


def decided_by(best: Candidate, other: Candidate, candidates: Sequence[Candidate], switches: Switches) -> str:
    """
    The criterion by which the best of these candidates stands before another one; ``UID`` when all are equal.
    """
    for one in _Order(candidates, switches):
        if one.value(best) != one.value(other) or (one.fact in other.untold) != (one.fact in best.untold):
            return one.name
    return "UID"


def _thickness_words(one: Candidate) -> str:
    words = "unknown" if one.thickness is None else f"{one.thickness:g} mm"
    return f"{words} ({one.thickness_why})" if one.thickness_why else words


@dataclass(frozen=True)
class Criterion:
    """Its name for people, the fact that must be known, and the value of a candidate: smaller is better."""

    name: str
    fact: str
    value: Callable[[Candidate], object]


class _Order:
    """
    CHOICE_ORDER, then the criteria that it leaves out, then every attribute that is told. Few choices need
    the last: they are made when somebody gets so far.
    """

    def __init__(self, candidates: Sequence[Candidate], switches: Switches) -> None:
        by = _criteria(switches)
        wanted = _wanted(candidates, switches, by)
        further = [name for name in CHOICE_CRITERIA if name in by and name not in wanted]
        self._named = [by[name] for name in (*wanted, *further)]
        self._ties: list[Criterion] | None = None
        self._candidates, self._switches = candidates, switches

    def __iter__(self) -> Iterator[Criterion]:
        yield from self._named
        if self._ties is None:
            self._ties = _tie_breakers(self._candidates, self._switches)
        yield from self._ties


def _wanted(candidates: Sequence[Candidate], switches: Switches, by: Collection[str]) -> list[str]:
    """CHOICE_ORDER; where one has no thickness the number of instances stands in for it."""
    wanted = [name for name in switches.choice_order if name in by]
    if any(one.thickness is None and THICKNESS not in one.untold for one in candidates):
        return [INSTANCES if name == THICKNESS else name for name in wanted]
    return wanted


def _first(candidates: Sequence[Candidate], order: _Order) -> Candidate:
    """The best one: those that are equal so far are compared by the next criterion, at last by UID."""
    left = list(candidates)
    for one in order:
        if len(left) == 1:
            break
        ranks: list[Any] = [(one.fact in each.untold, one.value(each)) for each in left]
        best = min(ranks)
        left = [each for each, rank in zip(left, ranks, strict=True) if rank == best]
    return min(left, key=lambda each: each.series_uid)


def _criteria(switches: Switches) -> dict[str, Criterion]:
    """All criteria of CHOICE_ORDER but those for which the site has no preference."""
    values: dict[str, Callable[[Candidate], object]] = {
        THICKNESS: lambda one: (one.thickness is None, one.thickness or 0.0),
        INSTANCES: lambda one: -one.instances,
        "kernel": lambda one: kernel_rank(one.kernel, switches.kernel_preferred),
        "kernel class": lambda one: _place(one.kernel_class, switches.kernel_class_preferred),
        "image type": lambda one: _image_type_rank(one.image_type, switches.image_types_preferred),
        "contrast": lambda one: _place(one.phase, switches.contrast_preferred),
        "latest": lambda one: -int(one.made_at or 0),
    }
    idle = _without_preference(switches)
    return {name: Criterion(name, name, value) for name, value in values.items() if name not in idle}


def _without_preference(switches: Switches) -> set[str]:
    """Criteria for which the site prefers nobody: nothing need be known of them."""
    preferred = {"kernel": switches.kernel_preferred, "image type": switches.image_types_preferred}
    return {name for name, values in preferred.items() if not values}


def _tie_breakers(candidates: Sequence[Candidate], switches: Switches) -> list[Criterion]:
    """
    What is told beside the criteria: kernels in the order of the site's lists, the fuller ImageType, then
    text by text.

    No text is better than another one. But a choice by what a person can see in the header can be explained
    and repeated; by UID it is a lot.
    """
    patterns = (*switches.kernels_lung, *switches.kernels_mediastinum)
    return [
        Criterion("kernel", "kernel class", lambda one: _pattern_place(one.kernel, patterns)),
        Criterion("kernel", "kernel class", lambda one: one.kernel.upper()),
        Criterion("image type", DETAILS, lambda one: -len(split_image_type(one.image_type))),
        *map(_by_detail, _told_details(candidates)),
    ]


def _told_details(candidates: Sequence[Candidate]) -> list[str]:
    """Names of the attributes that any of them tells, those that say most first."""
    told = {name for one in candidates for name, _ in one.details}
    return [*(name for name in _DETAILS_FIRST if name in told), *sorted(told - set(_DETAILS_FIRST))]


def _by_detail(name: str) -> Criterion:
    """An attribute's text; a number by its value, nothing told comes last."""

    def value(one: Candidate) -> tuple[bool, float, str]:
        text = dict(one.details).get(name, "")
        return (not text, (read_number(text) or 0.0) if name == "SeriesNumber" else 0.0, text)

    return Criterion(name, DETAILS, value)


def _may_beat(one: Candidate, best: Candidate, order: _Order) -> bool:
    for criterion in order:
        if criterion.fact in one.untold or criterion.fact in best.untold:
            return True
        mine, others = criterion.value(one), criterion.value(best)
        if mine != others:
            return bool(mine < others)  # type: ignore[operator]
    return one.series_uid < best.series_uid


def _decided_by(best: Candidate, second: Candidate, order: _Order) -> str:
    for one in order:
        if one.value(best) != one.value(second) or (one.fact in second.untold) != (one.fact in best.untold):
            return f"by {one.name} before {second.series_uid}"
    return f"equal to {second.series_uid}, by UID"


def _pattern_place(kernel: str, patterns: Sequence[str]) -> int:
    name = fold(kernel.split("\\")[0]).strip().upper()
    return next(
        (place for place, pattern in enumerate(patterns) if name and fnmatchcase(name, pattern.upper())),
        len(patterns),
    )


def kernel_rank(kernel: str, preferred: Sequence[str]) -> int:
    """
    The place of the first preferred name that equals the kernel or is part of it, case-insensitively; last
    when none.
    """
    name = fold(kernel).strip()
    for place, wish in enumerate(preferred):
        if fold(wish) == name:
            return place
    for place, wish in enumerate(preferred):
        if fold(wish) in name:
            return place
    return len(preferred)


def _place(word: str, preferred: Sequence[str]) -> int:
    return preferred.index(word) if word in preferred else len(preferred)


def _image_type_rank(image_type: str, preferred: Sequence[str]) -> int:
    values = set(split_image_type(image_type))
    return next(
        (place for place, kind in enumerate(preferred) if set(split_image_type(kind)) <= values),
        len(preferred),
    )


@dataclass(frozen=True)
class Resend:
    """Whether a study is handed over (again), and why in words."""

    send: bool
    why: str


def judge_resend(
    choice: Choice,
    last: HandedOver | None,
    dx: bool,
    forced: bool,
    switches: Switches,
    reception: int | None = None,
) -> Resend:
    """
    Say whether what is here now goes to the backend (again).

    Args:
        choice: What would be handed over now.
        last: What was handed over before, None if nothing was.
        dx: For DX the switch does not apply: handed over again whenever it grew.
        forced: A person asked, or the earlier hand-over was lost with the RAM disk.
        switches: RESEND_ONLY_THICKER_SERIES.
        reception: Its number. What was handed over in the same one was decided early, by what the PACS had
            announced; when the images turn out otherwise the right series follows.
    """
    if last is None:
        return Resend(True, "first hand-over")
    if forced:
        return Resend(True, "asked for")
    if choice.instances > last.instances:
        return Resend(True, f"{choice.instances} instances, last time {last.instances}")
    changed = not dx and tuple(one.series_uid for one in choice.series) != last.series_uids
    if changed and not switches.resend_only_thicker_series:
        return Resend(True, "another series, and RESEND_ONLY_THICKER_SERIES is off")
    if changed and last.reception == reception:
        return Resend(True, "another series than was announced")
    return Resend(False, f"{choice.instances} instances, last time {last.instances}")
