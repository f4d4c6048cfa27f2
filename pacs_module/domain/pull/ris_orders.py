"""
What the orders in the RIS say of a study: is it chest, and how urgent (M7, field cases 14 and 15).

An order is a hint and never the last word against a study: what the RIS does not know, or says in a code that
the site's table lacks, drops nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..dicom.attributes import unpadded
from ..dicom.text_repair import readable
from ..rules.keywords import Keywords
from ..study.priority import EMERGENCY, GREEN_CHANNEL, ROUTINE

_BETWEEN_BODY_PARTS = re.compile(r"[\\,;|/+，；、]+")


@dataclass(frozen=True)
class RisOrder:
    """
    One order as the RIS has it; ``day`` is YYYY-MM-DD or empty, ``body_part`` a hospital's code or words,
    several allowed.
    """

    accession_number: str
    patient_id: str
    day: str
    body_part: str
    urgency: str = ""


@dataclass(frozen=True)
class RisPolicy:
    """
    How a site's orders are read.

    ``body_parts`` turns its codes into words; ``emergency`` and ``green_channel`` are what it writes for
    those. ``tolerant``: all of the patient's orders of that day are joined, because technicians file chest
    images under the abdomen order.
    """

    body_parts: Mapping[str, str] = field(default_factory=dict)
    emergency: tuple[str, ...] = ()
    green_channel: tuple[str, ...] = ()
    tolerant: bool = False


class Wanted(StrEnum):
    """What the orders say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """The RIS has no order for it (yet): to be asked again later."""


@dataclass(frozen=True)
class OrderVerdict:
    """What the orders say, how urgent the study is, and why."""

    wanted: Wanted
    priority: int
    why: str


def judge_orders(
    accession_number: str,
    patient_id: str,
    day: str,
    orders: Iterable[RisOrder],
    policy: RisPolicy,
    keywords: Keywords,
) -> OrderVerdict:
    """
    Judge a study by its orders.

    Args:
        accession_number: Of the study; empty matches no order.
        patient_id: Of the study.
        day: Its StudyDate, YYYY-MM-DD.
        orders: Whatever the RIS gave: orders of others are left out.
        policy: The site's.
        keywords: The chest keywords; one in one body part is enough.

    Returns:
        Wanted YES, NO or UNKNOWN with the values that decided, and the priority of the study's own order (in
        tolerant mode, when it has none, of the patient's most urgent one of that day).
    """
    own, heard = _orders_that_count(accession_number, patient_id, day, list(orders), policy)
    if not heard:
        return OrderVerdict(
            Wanted.UNKNOWN, ROUTINE, f"the RIS has no order {accession_number or 'without number'}"
        )
    priority = max(_priority(order, policy) for order in own or heard)
    wanted, why = _judge_parts([part for order in heard for part in _parts(order)], policy, keywords)
    return OrderVerdict(wanted, priority, why)


def _orders_that_count(
    accession_number: str, patient_id: str, day: str, orders: list[RisOrder], policy: RisPolicy
) -> tuple[list[RisOrder], list[RisOrder]]:
    """
    Sort out the study's own orders, and all that are heard: with ``tolerant`` also the patient's others of
    that day.
    """
    own = [order for order in orders if _same(order.accession_number, accession_number)]
    if not policy.tolerant:
        return own, own
    of_the_day = [order for order in orders if _same(order.patient_id, patient_id) and order.day == day]
    return own, [*own, *(order for order in of_the_day if order not in own)]


def _judge_parts(parts: list[str], policy: RisPolicy, keywords: Keywords) -> tuple[Wanted, str]:
    """Judge the body parts of all orders together: one chest keyword in one of them is enough."""
    if not parts:
        return Wanted.YES, "the order names no body part"
    words = {part: _words(part, policy) for part in parts}
    shown = ", ".join(_shown(part, word) for part, word in words.items())
    texts = [*parts, *words.values(), " ".join(parts)]  # C/A/P is one word to those who write it
    if any(keywords.names_chest(text) for text in texts):
        return Wanted.YES, f"order body part {shown}"
    return _judge_codes(parts, policy) or (Wanted.NO, f"order body part {shown}")


def _judge_codes(parts: list[str], policy: RisPolicy) -> tuple[Wanted, str] | None:
    """A code that the site's table does not know drops nothing."""
    unknown = [part for part in parts if _is_unknown_code(part, policy)]
    if not unknown:
        return None
    return Wanted.YES, f"order body part {', '.join(unknown)} is not in the site's table"


def _shown(part: str, word: str) -> str:
    return readable(part) if word == part else f"{readable(part)}={word}"


def _priority(order: RisOrder, policy: RisPolicy) -> int:
    said = _plain(order.urgency)
    if said and said in map(_plain, policy.emergency):
        return EMERGENCY
    if said and said in map(_plain, policy.green_channel):
        return GREEN_CHANNEL
    return ROUTINE


def _parts(order: RisOrder) -> list[str]:
    return [part.strip() for part in _BETWEEN_BODY_PARTS.split(order.body_part) if part.strip()]


def _words(part: str, policy: RisPolicy) -> str:
    table = {_plain(code): words for code, words in policy.body_parts.items()}
    return table.get(_plain(part), part)


def _is_unknown_code(part: str, policy: RisPolicy) -> bool:
    """`1023` without a row in the table may be anything, `ABDOMEN` may not."""
    return _words(part, policy) == part and any(character.isdigit() for character in part)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", readable(text)).strip().casefold()


def _same(told: str, asked: str) -> bool:
    """
    A RIS pads numbers with blanks, or writes them full width: the same number all the same. Empty matches
    nothing.
    """
    return bool(_number(asked)) and _number(told) == _number(asked)


def _number(text: str) -> str:
    return unicodedata.normalize("NFKC", unpadded(text)).strip().casefold()
