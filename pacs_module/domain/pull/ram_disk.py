"""
Room on the RAM disk: what a pull will bring, and whether it may begin (M19).

Bytes are reserved in the order of the wishes, not of the questions: a large pull that waits is not passed for
ever by small ones that always fit, and what is urgent goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..json_messages.messages import PullRequest

MB = 1_000_000
CT_BYTES = 600_000
"""A CT slice of 512 x 512 x 2 bytes with its header; reckoned with until enough was seen."""
DX_BYTES = 32_000_000
"""A radiograph of 4,000 x 4,000 x 2 bytes."""
UNTOLD_INSTANCES = {True: 4, False: 600}
"""Instances of a study that the PACS does not count, radiography or not."""
_ENOUGH = {True: 20, False: 1000}
"""Instances seen from which on the usual size is what was seen, radiography or not."""
_MARGIN = 1.1
_INDEX = 8 * MB
"""Orthanc's index and its write-ahead log, at least."""
_END_OF_ALARM = 10
"""Percentage points below the mark."""


@dataclass(frozen=True)
class Seen:
    """What a kind of device sent: so many instances of so many bytes in all; ``matrix`` as ``512x512``."""

    modality: str
    manufacturer: str
    model: str
    matrix: str
    instances: int
    size: int


@dataclass(frozen=True)
class Here:
    """What is on the disk of the study already."""

    instances: int = 0
    size: int = 0


@dataclass(frozen=True)
class Disk:
    """
    Bytes: the whole disk, what is free of it, what no new pull may touch, and Orthanc's index on it, as large
    as it is now.
    """

    total: int
    free: int
    reserve: int
    index: int = 0

    @property
    def usable(self) -> int:
        """The most that pulls may fill: the index lies on the disk too."""
        return max(self.total - self.reserve - max(self.total // 20, _INDEX, self.index), 0)


@dataclass(frozen=True)
class Wish:
    """
    A pull that wants room: bytes ``needed`` beside the ``here`` that lie on the disk from before.

    ``since``: when it was first asked for. ``sure``: its size was seen and is no guess.
    """

    study_uid: str
    priority: int
    since: float
    needed: int
    sure: bool = True
    here: int = 0

    def goes_before(self, other: Wish) -> bool:
        """More urgent, or as urgent and asked for earlier."""
        return (-self.priority, self.since, self.study_uid) < (-other.priority, other.since, other.study_uid)


@dataclass(frozen=True)
class RoomVerdict:
    """
    ``fits`` now; ``never``: larger than the disk, whatever becomes free; ``why`` in words, empty when it
    fits.
    """

    fits: bool
    never: bool = False
    why: str = ""


def judge_room(
    wish: Wish, disk: Disk, promised: int, waiting: Iterable[Wish] = (), idle: bool = False
) -> RoomVerdict:
    """
    Whether a pull may begin.

    A wish that must wait keeps the others back only while waiting can help it: what an empty disk has no room
    for, to its last byte, would keep them for ever.

    Args:
        wish: The pull.
        disk: As it is now; handed-over series lie on it and count by themselves.
        promised: Bytes that running pulls, and copies that are owed, will still bring.
        waiting: Pulls that had no room so far.
        idle: Nothing of any other study lies on the disk or is on its way, so that nothing will become free.
    """
    why_never = _why_never(wish, disk, idle)
    if why_never:
        return RoomVerdict(False, True, why_never)
    # A guess that is larger than the disk is tried when the disk is empty.
    needed = min(wish.needed, max(disk.usable - wish.here, 0))
    before = _kept_for_others(wish, disk, waiting, idle)
    if disk.free - disk.reserve - promised - sum(before) >= needed:
        return RoomVerdict(True)
    if idle and not before and disk.free >= needed:
        # The last few bytes are the reserve's: it is there for the index, which has grown.
        return RoomVerdict(True)
    return RoomVerdict(False, False, _no_room_words(disk, promised, needed, before))


def _no_room_words(disk: Disk, promised: int, needed: int, before: Sequence[int]) -> str:
    words = (
        f"no room: {disk.free // MB} MB free, {disk.reserve // MB} MB kept in reserve, "
        f"{promised // MB} MB promised to running pulls, {needed // MB} MB needed"
    )
    if before:
        words += f", {sum(before) // MB} MB kept for {len(before)} that came before"
    return words


def _why_never(wish: Wish, disk: Disk, idle: bool) -> str:
    """Why a pull is larger than the whole disk; empty: it may fit, or its size is only a guess."""
    if idle and _is_full_of(wish, disk):
        return (
            f"larger than the RAM disk: it has filled it alone with {wish.here // MB} MB and is not whole, "
            f"the whole disk has {disk.total // MB} MB"
        )
    whole = wish.needed + wish.here
    if wish.sure and whole > disk.usable:
        return (
            f"larger than the RAM disk: {whole // MB} MB needed, the whole disk has {disk.total // MB} MB, "
            f"{disk.reserve // MB} MB of it kept in reserve"
        )
    return ""


def _kept_for_others(wish: Wish, disk: Disk, waiting: Iterable[Wish], idle: bool) -> list[int]:
    """Bytes that each pull which goes before this one needs; a wild guess must not keep everybody waiting."""
    most = min(disk.usable, disk.free) if idle else disk.usable
    others = (other for other in waiting if other.study_uid != wish.study_uid)
    return [other.needed for other in others if other.goes_before(wish) and other.needed <= most]


def _is_full_of(wish: Wish, disk: Disk) -> bool:
    """
    Whether what is here of a study has filled the disk, so that no image of it can come any more.

    Its size may still be a guess: a PACS that told too few, or so many that what came is no measure.
    """
    return disk.free <= max(disk.reserve // 2, MB) and 2 * wish.here >= disk.usable


def usual_size(
    seen: Sequence[Seen], dx: bool, modalities: Sequence[str], device: tuple[str, str] = ("", "")
) -> tuple[int, bool]:
    """
    Bytes of one instance to reckon with, and whether that is more than a guess.

    Args:
        seen: What devices have sent so far.
        dx: Radiography.
        modalities: Those that are radiography, or those that are CT: only they count.
        device: Manufacturer and model, empty where not known: then all devices count, by their instances.
    """
    alike = [one for one in seen if one.modality in modalities]
    same = [one for one in alike if any(device) and (one.manufacturer, one.model) == device]
    for rows, enough in ((same, 1), (alike, _ENOUGH[dx])):
        instances, size = sum(one.instances for one in rows), sum(one.size for one in rows)
        if instances >= enough:
            return int(_MARGIN * size / instances), True
    return (DX_BYTES if dx else CT_BYTES), False


@dataclass(frozen=True)
class Expected:
    """
    Instances that a pull will bring in all, as far as the PACS told; ``whole``: of everything that is pulled.
    """

    instances: int
    whole: bool


def expected_instances(request: PullRequest) -> Expected:
    """
    Count what a pull will bring.

    A series is counted by what SERIES level told or by its SOPInstanceUIDs, whichever is more; the study by
    its own number or by its series, whichever is more. Of a series that nobody counted nothing is known: the
    number is not the whole then.
    """
    series = _counted(request)
    if request.level == "SERIES":
        wanted = set(request.series_uids)
        return Expected(sum(series.get(uid, 0) for uid in wanted), wanted <= series.keys())
    return _of_study(request, series)


def _of_study(request: PullRequest, series: Mapping[str, int]) -> Expected:
    told = sum(series.values())
    if request.expected:
        return Expected(max(request.expected, told), True)
    return Expected(told, bool(series) and request.announced.keys() <= series.keys())


def _counted(request: PullRequest) -> dict[str, int]:
    """Images by series, of those that somebody counted."""
    counts = {uid: len(set(uids)) for uid, uids in request.expected_instances.items()}
    for uid, count in request.expected_series.items():
        counts[uid] = max(count, counts.get(uid, 0))
    return counts


def still_to_come(expected: Expected, here: Here, each: int, sure: bool, dx: bool) -> tuple[int, bool]:
    """
    Bytes that a pull will still bring, and whether that is more than a guess.

    What is here of the study tells best how large its instances are; a few of them tell nothing of the rest.
    """
    number = expected.instances
    if not expected.whole:
        number, sure = max(UNTOLD_INSTANCES[dx], number, here.instances), False
    if here.instances * 10 >= number:
        each, sure = int(_MARGIN * here.size / max(here.instances, 1)), sure or here.instances * 2 >= number
    return max(number - here.instances, 0) * each, sure


def is_full(disk: Disk, percent: int, was: bool) -> bool:
    """Whether the disk is filled above the mark; it must become clearly emptier before that is over."""
    used = 100 * (disk.total - disk.free) / disk.total if disk.total else 0.0
    return used >= (percent - _END_OF_ALARM if was else percent)


def deadlocked(
    waiting: Sequence[Wish], running: int, to_delete: int, given: int, parked: Sequence[str]
) -> str | None:
    """
    Which half-received study has to go so that others can: its images are at the PACS, and its next pull
    brings them again.

    Only when nothing else will make room: pulls wait, none runs, nothing is about to be deleted, no hand-over
    waits for a result.

    Args:
        waiting: Pulls without room, in their order.
        running: Pulls under way.
        to_delete: Studies that are being deleted or will be.
        given: Hand-overs whose folders are kept.
        parked: StudyInstanceUIDs of half-received studies, oldest first.

    Returns:
        The newest of them, never the one that is pulled next; None when there is no need.
    """
    if not waiting or running or to_delete or given or not parked:
        return None
    others = [uid for uid in parked if uid != waiting[0].study_uid]
    return others[-1] if others else None
