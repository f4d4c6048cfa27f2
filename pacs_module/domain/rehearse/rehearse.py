"""
Compare what two sets of rules make of recorded studies (M36).

A study is judged twice and chosen from only where its verdicts or the rules of the choice differ: what is the
same twice needs no second look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..rules.switches import Switches
from ..rules.verdict import Verdict
from .judging import Outcome, as_recorded, choose_by, verdicts_by
from .record import JudgedStudy
from .result import Count, Example, Group, Kind, Rehearsal

MAX_EXAMPLES = 3
MAX_GROUPS = 200
_BY_CHOICE = "choice"
Results = Callable[[str], Mapping[str, str]]
"""What the AI said of the series of a study that were computed, by SeriesInstanceUID."""


@dataclass(frozen=True)
class Difference:
    """One series (or study) of which the rules make something else."""

    kind: Kind
    device: str
    rule: str
    because: str
    example: Example


@dataclass
class _Gathered:
    """A group that is being counted."""

    series: int = 0
    images: int = 0
    studies: set[str] = field(default_factory=set)
    examples: list[Example] = field(default_factory=list)
    computed: set[tuple[str, str]] = field(default_factory=set)

    def take(self, study_uid: str, example: Example) -> None:
        """Count one series; the newest examples are kept."""
        self.series += 1
        self.images += example.images
        self.studies.add(study_uid)
        self.examples = [*self.examples, example][-MAX_EXAMPLES:]
        self.computed.add((study_uid, example.series_uid))


@dataclass
class Comparison:
    """
    Takes recorded studies in one after the other, oldest first.

    Args:
        before: The rules to compare with; None: what was decided at the time.
        after: The changed ones.
    """

    before: Switches | None
    after: Switches
    studies: int = 0
    series: int = 0
    days: set[str] = field(default_factory=set)
    taken_images: int = 0
    computed_images: int = 0
    _groups: dict[tuple[Kind, str, str, str], _Gathered] = field(default_factory=dict)
    newly_computed: dict[str, int] = field(default_factory=dict)
    """Images by StudyInstanceUID of the studies that the changed rules would compute and the others not."""

    def take(self, study: JudgedStudy) -> None:
        """Judge a study by both."""
        self.studies += 1
        self.series += len(study.series)
        self.days.add(study.day)
        for difference in self._differences(study):
            self._count(study, difference)

    def result(self, changes: Iterable[str] = (), results: Results = lambda uid: {}) -> Rehearsal:
        """What was found so far."""
        days = max(len(self.days), 1)
        return Rehearsal(
            changes=tuple(changes),
            rules_now="" if self.before is None else self.before.version,
            rules_then=self.after.version,
            first=min(self.days, default=""),
            last=max(self.days, default=""),
            days=len(self.days),
            studies=self.studies,
            series=self.series,
            kinds=self._kinds(),
            groups=self._largest_groups(results),
            more_groups=max(len(self._groups) - MAX_GROUPS, 0),
            taken_images_a_day=round(self.taken_images / days, 1),
            computed_images_a_day=round(self.computed_images / days, 1),
        )

    def _largest_groups(self, results: Results) -> tuple[Group, ...]:
        """With what the AI said of their studies."""
        said: dict[str, Mapping[str, str]] = {}
        ranked = sorted(self._groups.items(), key=lambda one: (-one[1].images, -one[1].series, one[0]))
        groups = []
        for key, found in ranked[:MAX_GROUPS]:
            examples = tuple(reversed(found.examples))
            group = Group(*key, found.series, len(found.studies), found.images, examples)
            groups.append(replace(group, results=_said(found, said, results)))
        return tuple(groups)

    def _differences(self, study: JudgedStudy) -> Iterator[Difference]:
        after = verdicts_by(study, self.after)
        recorded = as_recorded(study)
        before = recorded.verdicts if self.before is None else verdicts_by(study, self.before)
        same = all(before[uid].taken == verdict.taken for uid, verdict in after.items())
        if not same:
            yield from _of_series(study, before, after)
        elif self.before is None or _choose_alike(self.before, self.after):
            return
        now = recorded if self.before is None else choose_by(study, before, self.before)
        then = choose_by(study, after, self.after)
        if set(now.chosen) != set(then.chosen):
            yield _of_choice(study, now, then)

    def _count(self, study: JudgedStudy, found: Difference) -> None:
        key = (found.kind, found.device, found.rule, found.because)
        group = self._groups.setdefault(key, _Gathered())
        group.take(study.study_uid, found.example)
        images = found.example.images
        match found.kind:
            case Kind.NEWLY_TAKEN:
                self.taken_images += images
            case Kind.NEWLY_DROPPED:
                self.taken_images -= images
            case Kind.NEWLY_COMPUTED:
                self.computed_images += images
                self.newly_computed[study.study_uid] = images
            case Kind.NO_LONGER_COMPUTED:
                self.computed_images -= images
            case Kind.CHOSEN_DIFFERENTLY:
                self.computed_images += images

    def _kinds(self) -> dict[str, Count]:
        counts: dict[str, Count] = {}
        for kind in Kind:
            found = [one for key, one in self._groups.items() if key[0] is kind]
            studies: set[str] = set()
            for one in found:
                studies |= one.studies
            series, images = sum(one.series for one in found), sum(one.images for one in found)
            counts[kind.value] = Count(series, len(studies), images)
        return counts


def _of_series(
    study: JudgedStudy, before: Mapping[str, Verdict], after: Mapping[str, Verdict]
) -> Iterator[Difference]:
    for uid, then in after.items():
        now = before[uid]
        if now.taken == then.taken:
            continue
        kind, deciding = (Kind.NEWLY_TAKEN, now) if then.taken else (Kind.NEWLY_DROPPED, then)
        example = _example(study, uid, _images(study, (uid,)), now.because, then.because)
        yield Difference(kind, study.series[uid].device, deciding.rule, deciding.because, example)


def _of_choice(study: JudgedStudy, now: Outcome, then: Outcome) -> Difference:
    more, less = _images(study, then.chosen), _images(study, now.chosen)
    if now.chosen and then.chosen:
        uid, images = then.chosen[0], more - less
        because = f"{_describe(study, uid)} instead of {_describe(study, now.chosen[0])}"
        kind, rule = Kind.CHOSEN_DIFFERENTLY, _BY_CHOICE
    elif then.chosen:
        kind, uid, images = Kind.NEWLY_COMPUTED, then.chosen[0], more
        rule, because = _deciding(now, uid)
    else:
        kind, uid, images = Kind.NO_LONGER_COMPUTED, now.chosen[0], less
        rule, because = _deciding(then, uid)
    example = _example(study, uid, images, now.why, then.why)
    return Difference(kind, study.series[uid].device, rule, because, example)


def _deciding(without: Outcome, uid: str) -> tuple[str, str]:
    """The rule that drops a series in the outcome where it is not computed, and the reason."""
    verdict = without.verdicts[uid]
    return verdict.rule, verdict.because


def _example(study: JudgedStudy, uid: str, images: int, before: str, after: str) -> Example:
    return Example(study.study_uid, uid, study.day, images, _describe(study, uid), before, after)


def _describe(study: JudgedStudy, uid: str) -> str:
    return study.series[uid].facts.text("SeriesDescription") or uid


def _images(study: JudgedStudy, uids: Iterable[str]) -> int:
    return sum(study.series[uid].facts.instances or 0 for uid in uids)


def _said(found: _Gathered, known: dict[str, Mapping[str, str]], results: Results) -> dict[str, int]:
    """What the AI said of the series in a group."""
    counts: Counter[str] = Counter()
    for study_uid, series_uid in sorted(found.computed):
        if study_uid not in known:
            known[study_uid] = results(study_uid)
        if series_uid in known[study_uid]:
            counts[known[study_uid][series_uid]] += 1
    return dict(counts)


_OF_THE_CHOICE = (
    "ct_modalities",
    "dx_modalities",
    "choice_order",
    "kernel_preferred",
    "kernel_class_preferred",
    "kernels_lung",
    "kernels_mediastinum",
    "image_types_preferred",
    "contrast_preferred",
    "contrast_keywords",
    "contrast_arterial_keywords",
    "contrast_venous_keywords",
    "contrast_delayed_keywords",
    "hold_back_different_patient_ids",
)


def _choose_alike(before: Switches, after: Switches) -> bool:
    """Whether the same series would be chosen among the same candidates."""
    return all(getattr(before, name) == getattr(after, name) for name in _OF_THE_CHOICE)
