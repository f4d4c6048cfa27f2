"""
RAM disk, cores, growth of the store and load of the PACS for a site, from what a study was measured to cost.

The costs are those of ``make bench`` (row 12); nothing here knows a number of its own but the reserves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

USED = 0.7
"""Of a core, and of the images a second that the receiving Orthanc takes: the rest is for bursts."""
PULLS_AT_ONCE = 4
"""Studies that come at the same time, each whole on the RAM disk."""
HOUR_S, YEAR_DAYS = 3600.0, 365
GIB = 2**30


@dataclass(frozen=True)
class Costs:
    """
    What was measured.

    Args:
        orthanc_ms: CPU milliseconds of the receiving Orthanc for an image.
        pacs_module_ms: The same of pacs_module.
        store_bytes: Of the store, for a study.
        queries: To the PACS for a study that is followed.
        pulled_per_used: Images that come for each one that is handed over.
        images_per_s: Images a second that one box received, all cores busy.
        cores: Of the box on which that was.
    """

    orthanc_ms: float
    pacs_module_ms: float
    store_bytes: float
    queries: float
    pulled_per_used: float
    images_per_s: float
    cores: int


@dataclass(frozen=True)
class Site:
    """
    What a site is.

    Args:
        studies_a_day: That are computed.
        known_a_day: That its PACS have, the others included: each gets a document.
        images: In the series that is computed.
        image_kb: Of one image, in kilobytes.
        busiest_hour: Part of the day's studies that come in it.
        backend_s: Until the backend has computed a study, in seconds: so long its images stay.
        away_h: Hours that the backend may be away while pulls go on.
        polls_a_minute: Finds of the day, at each PACS.
        pacs: How many PACS are asked.
    """

    studies_a_day: int
    known_a_day: int
    images: int
    image_kb: float
    busiest_hour: float
    backend_s: float
    away_h: float
    polls_a_minute: float
    pacs: int


@dataclass(frozen=True)
class Box:
    """
    What is needed; ``first``: what breaks first when there is more to do, in words.

    ``room``: how many times the site's busiest hour one receiving Orthanc could take.
    """

    cores: int
    ram_disk_gib: float
    store_mb_a_day: float
    store_gb_a_year: float
    images_a_second: float
    megabits_a_second: float
    queries_a_minute: float
    room: float
    first: str


def costs_of(lines: Mapping[str, float], cores: int) -> Costs:
    """
    Read the costs out of the lines of a run of the benchmarks, by key.

    Raises:
        KeyError: The run has not measured one of them.
    """
    used = lines["usedImages"]
    pulled = lines["pulledImages"]
    return Costs(
        lines["orthancCpuMsAnImage"],
        lines["pacsModuleCpuMsAnImage"],
        lines["storeBytesAStudy"],
        lines.get("queriesAStudy", 12.0),
        pulled / used,
        lines["studiesAnHour"] * pulled / HOUR_S,
        cores,
    )


def box_for(site: Site, costs: Costs) -> Box:
    """Say what a site needs."""
    an_hour = site.studies_a_day * site.busiest_hour
    images_a_second = an_hour * site.images * costs.pulled_per_used / HOUR_S
    cpu = images_a_second * (costs.orthanc_ms + costs.pacs_module_ms) / 1000
    ram_disk_gib = _ram_disk_gib(site, costs, an_hour)
    day_bytes = site.known_a_day * costs.store_bytes
    room = USED * costs.images_per_s / images_a_second if images_a_second else math.inf
    queries = an_hour * costs.queries / 60 + site.polls_a_minute * site.pacs
    return Box(
        max(2, math.ceil(cpu / USED)),
        ram_disk_gib,
        day_bytes / 1e6,
        day_bytes * YEAR_DAYS / 1e9,
        images_a_second,
        images_a_second * site.image_kb * 8 / 1000,
        queries,
        room,
        _first(room, ram_disk_gib),
    )


def _ram_disk_gib(site: Site, costs: Costs, an_hour: float) -> float:
    """What is pulled and not handed over goes with the hand-over; what is waits for the backend."""
    used_bytes = site.images * site.image_kb * 1000
    coming = PULLS_AT_ONCE * costs.pulled_per_used
    staying = math.ceil(an_hour * max(site.backend_s / HOUR_S, site.away_h))
    return (coming + staying) * used_bytes / GIB


def _first(room: float, ram_disk_gib: float) -> str:
    """What breaks first: most sites are bound by one of two."""
    if room < 1:
        return (
            f"the receiving Orthanc: it takes {room:.2g} of the busiest hour; share the pulls out among "
            f"{math.ceil(1 / room)} boxes, as further receivers of one pacs_module or each with its own"
        )
    if ram_disk_gib > 64:
        return f"the RAM disk: {ram_disk_gib:.0f} GiB while the backend is away; a shorter outage, or more memory"
    return f"the receiving Orthanc, at {room:.2g} times the busiest hour"


def words(site: Site, box: Box) -> Sequence[tuple[str, str]]:
    """For people: what, and how much."""
    return (
        ("cores", f"{box.cores}"),
        ("RAM disk", f"{box.ram_disk_gib:.1f} GiB (a backend that is away for {site.away_h:g} h among it)"),
        ("store", f"{box.store_mb_a_day:.1f} MB a day, {box.store_gb_a_year:.1f} GB a year"),
        (
            "load of the PACS",
            f"{box.images_a_second:.1f} images/s and {box.megabits_a_second:.0f} Mbit/s in the busiest hour, "
            f"{box.queries_a_minute:.1f} queries a minute",
        ),
        ("room", f"{box.room:.2g} times the busiest hour"),
        ("breaks first", box.first),
    )
