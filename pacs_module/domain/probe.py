"""
What a PACS was asked, what came, and what that says: findings, and from them the settings for this PACS (M35).

Pure. A finding that the content did not allow is NOT_TOLD, never a guess; nothing here holds a value of a patient.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from .charsets import decode_text
from .values import clean_uid, parse_count

Answer = Mapping[str, bytes]
"""One C-FIND answer: keyword to the bytes of its value as they came."""

ENOUGH = 100
"""Caps in the wild begin here; fewer answers say nothing about a cap."""
FEW = 3
"""So many answers without an attribute may be chance: a scout has no slice thickness."""
TEXT_KEYS = ("PatientName", "StudyDescription", "SeriesDescription", "ProtocolName", "BodyPartExamined")
JUDGED_BY = ("BodyPartExamined", "ProtocolName", "SeriesDescription")
UID_KEYS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


class Verdict(StrEnum):
    """What a finding says."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"
    NOT_TOLD = "not told"


Value = str | int | float | bool | None


@dataclass(frozen=True)
class Finding:
    """
    One thing found out.

    ``key`` names it, ``words`` is the verdict for people, ``value`` for programs; ``asked`` and ``came`` are the evidence.
    """

    key: str
    verdict: Verdict
    words: str
    asked: str
    came: str
    value: Value = None


Findings = Mapping[str, Finding]


@dataclass(frozen=True)
class Reply:
    """
    One C-FIND (or C-ECHO): its answers and how it ended.

    ``status`` is None and ``error`` says why when no final response came; ``silent``: it was a time-out; ``refused``: the
    association was rejected.
    """

    answers: tuple[Answer, ...] = ()
    status: int | None = None
    seconds: float = 0.0
    first_after: float = 0.0
    error: str = ""
    silent: bool = False
    refused: bool = False

    @property
    def cut(self) -> bool:
        """Out of resources (PS3.4 C.4.1.1.4): there are more."""
        return self.status == 0xA700

    @property
    def ok(self) -> bool:
        """It ended as it should."""
        return self.status == 0

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        return self.error or ("Success" if self.ok else f"status {self.status:04X}")


MODELS = {
    "echo": "1.2.840.10008.1.1",
    "study find": "1.2.840.10008.5.1.4.1.2.2.1",
    "study move": "1.2.840.10008.5.1.4.1.2.2.2",
    "study get": "1.2.840.10008.5.1.4.1.2.2.3",
    "patient find": "1.2.840.10008.5.1.4.1.2.1.1",
    "patient move": "1.2.840.10008.5.1.4.1.2.1.2",
    "patient get": "1.2.840.10008.5.1.4.1.2.1.3",
}
"""SOP classes of query and retrieve (PS3.4 C.6), by a short name."""


@dataclass(frozen=True)
class Hello:
    """Which of MODELS a PACS accepts, and what it said to C-ECHO."""

    accepted: Mapping[str, bool] = field(default_factory=dict)
    echo_status: int | None = None
    seconds: float = 0.0
    error: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Together:
    """How many associations were open at once, the replies on them, and why there were no more."""

    opened: int
    replies: tuple[Reply, ...]
    why: str = ""


@dataclass(frozen=True)
class Moved:
    """
    One C-MOVE: its final status, what it counted, and what came.

    ``late``: images that came after the final response; ``silence``: longest pause between responses, in seconds.
    """

    status: int | None = None
    announced: int = 0
    completed: int = 0
    failed: int = 0
    pending: int = 0
    received: int = 0
    late: int = 0
    seconds: float = 0.0
    silence: float = 0.0
    error: str = ""


def text_of(answer: Answer, keyword: str) -> str | None:
    """A value as text, None when the PACS did not return the key."""
    if keyword not in answer:
        return None
    return decode_text(answer[keyword], declared_in(answer)).strip(" \0")


def declared_in(answer: Answer) -> tuple[str, ...]:
    """The values of SpecificCharacterSet."""
    raw = answer.get("SpecificCharacterSet", b"").decode("latin-1").strip(" \0")
    return tuple(term.strip(" \0") for term in raw.split("\\")) if raw else ()


def uid_of(answer: Answer, keyword: str = "StudyInstanceUID") -> str:
    """A UID, cleaned."""
    return clean_uid(text_of(answer, keyword) or "")


# --- return keys ---


def judge_counts(values: Sequence[str | None]) -> tuple[Verdict, str]:
    """
    How a PACS tells numbers of instances.

    Args:
        values: One an answer; None where the key did not come.

    Returns:
        The verdict, and ``number``, ``text`` (not a plain number in some answers), ``empty``, ``absent`` or ``""``.
    """
    if not values:
        return Verdict.NOT_TOLD, ""
    told = [value for value in values if value is not None]
    if not told:
        return Verdict.NO, "absent"
    if not any(told):
        return Verdict.NO, "empty"
    readable = [value for value in told if parse_count(value) is not None]
    if len(readable) == len(values) and all(value.isdigit() and value.isascii() for value in told):
        return Verdict.YES, "number"
    return (Verdict.PARTLY if readable else Verdict.NO), "text" if len(told) == len(values) else "sometimes"


def judge_key(values: Sequence[str | None]) -> tuple[Verdict, str]:
    """How a key comes back: ``filled``, ``empty`` (returned, never with a value) or ``absent``; few answers show no absence."""
    if any(values):
        return Verdict.YES, "filled"
    if len(values) < FEW:
        return Verdict.NOT_TOLD, ""
    return (Verdict.NO, "absent") if all(value is None for value in values) else (Verdict.PARTLY, "empty")


def judge_modalities(
    values: Sequence[str | None], by_series: Sequence[tuple[str | None, Collection[str]]]
) -> tuple[Verdict, str]:
    r"""
    How ModalitiesInStudy comes back.

    Args:
        values: One an answer.
        by_series: For some studies the value, and the modalities that SERIES level gave.

    Returns:
        The verdict, and ``list`` (``CT\PR``), ``comma``/``slash`` text, ``single``, ``one each`` (no study seemed to have
        more), ``absent``.
    """
    kind = judge_key(values)[1]
    if kind != "filled":
        return judge_key(values)[0], kind
    told = [value for value in values if value]
    for character, name in ((",", "comma"), ("/", "slash"), (";", "semicolon")):
        if any(character in value for value in told):
            return Verdict.PARTLY, name
    if any("\\" in value for value in told):
        return Verdict.YES, "list"
    if any(value and len(set(modalities)) > 1 for value, modalities in by_series):
        return Verdict.NO, "single"
    return Verdict.NOT_TOLD, "one each"


# --- matching ---


class Match(StrEnum):
    """What a PACS did with a matching key."""

    HONOURED = "honoured"
    IGNORED = "ignored"
    NOTHING = "matches nothing"
    PARTLY = "some are missing"
    NOT_TOLD = "not told"


MATCH_VERDICT = {
    Match.HONOURED: Verdict.YES,
    Match.IGNORED: Verdict.NO,
    Match.NOTHING: Verdict.NO,
    Match.PARTLY: Verdict.PARTLY,
    Match.NOT_TOLD: Verdict.NOT_TOLD,
}


def judge_match(wanted: Collection[str], others: Collection[str], got: Collection[str], *, cut: bool = False) -> Match:
    """
    Whether a matching key was honoured.

    Args:
        wanted: Known studies that match.
        others: Known studies that do not match but fulfil all the query's other keys.
        got: What came.
        cut: The list is as long as lists get at this PACS: what is missing says nothing.
    """
    if not wanted:
        return Match.NOT_TOLD
    if set(got) & set(others):
        return Match.IGNORED
    if not got:
        return Match.NOTHING
    if not set(wanted) <= set(got) and not cut:
        return Match.PARTLY
    return Match.HONOURED if others else Match.NOT_TOLD


def best_prefix(values: Iterable[str]) -> str:
    """The beginning that parts the values most evenly, empty when none parts them at all."""
    told = [value for value in values if value and not set(value) & set("*?\\")]
    counts = Counter(value[:length] for value in told for length in range(1, len(value) + 1))
    parting = {prefix: abs(2 * count - len(told)) for prefix, count in counts.items() if count < len(told)}
    return min(parting, key=lambda prefix: (parting[prefix], len(prefix), prefix), default="")


# --- caps ---


@dataclass(frozen=True)
class Whole:
    """A list that a PACS gave, and how many studies are known to belong there from other queries."""

    answers: int
    known: int
    cut: bool = False


def judge_cap(lists: Sequence[Whole]) -> tuple[Verdict, int]:
    """
    Whether a PACS cuts its answers.

    Returns:
        YES and the number at which it stops; NO and the longest list that was shown to be whole; NOT_TOLD and the longest.
    """
    cut = [whole.answers for whole in lists if whole.cut or 0 < whole.answers < whole.known]
    longest = max((whole.answers for whole in lists), default=0)
    if cut:
        return Verdict.YES, max(cut)
    if longest < ENOUGH:
        return Verdict.NOT_TOLD, longest
    return Verdict.NO, longest


# --- text ---


class Sent(StrEnum):
    """Which bytes a PACS sends for letters that are not ASCII."""

    ASCII = "ASCII only"
    GBK = "GBK"
    UTF8 = "UTF-8"
    ESCAPES = "ISO 2022 escapes"
    SINGLE = "one byte a letter"
    OTHER = "as declared"


_CHINESE = frozenset({"GB18030", "GBK"})
_SINGLE_BYTE = re.compile(r"ISO(_| 2022 )IR (13|100|101|109|110|126|127|138|144|148|166|203)$")
_OTHER_MULTIBYTE = re.compile(r"ISO[_ ]?(2022 )?IR ?(149|87|159|13)$")


def sent_as(values: Sequence[bytes], declared: tuple[str, ...] = ()) -> Sent:
    """What the text values of answers with one declaration are written in."""
    odd = [value for value in values if not value.isascii() or b"\x1b" in value]
    if not odd:
        return Sent.ASCII
    if any(b"\x1b" in value for value in odd):
        return Sent.ESCAPES
    if all(_decodes(value, "utf-8") for value in odd):
        return Sent.UTF8
    if any(_OTHER_MULTIBYTE.match(term) for term in declared):
        return Sent.OTHER
    # Chinese letters are pairs of high bytes; a name such as Müller has a high byte that stands alone.
    pairs = sum(_decodes(value, "gb2312") for value in odd)
    if 2 * pairs > len(odd) or (declared and declared[0] in _CHINESE):
        return Sent.GBK
    return Sent.SINGLE


def _decodes(value: bytes, codec: str) -> bool:
    try:
        value.decode(codec)
    except UnicodeError:
        return False
    return True


def agrees(declared: tuple[str, ...], sent: Sent) -> bool:
    """Whether the bytes are what the declaration says."""
    first = declared[0].upper() if declared else ""
    if sent is Sent.ASCII or sent is Sent.OTHER:
        return True
    if sent is Sent.GBK:
        return first in _CHINESE
    if sent is Sent.UTF8:
        return first == "ISO_IR 192"
    if sent is Sent.ESCAPES:
        return any(term.startswith("ISO 2022") for term in declared)
    return bool(_SINGLE_BYTE.match(first))


@dataclass(frozen=True)
class Text:
    """Answers with one declaration: how many, how many with letters beyond ASCII, and what those are written in."""

    declared: tuple[str, ...]
    answers: int
    odd: int
    sent: Sent

    @property
    def shown(self) -> str:
        r"""The declaration as it is written: ``\ISO 2022 IR 58``."""
        return "\\".join(self.declared) or "nothing"


def judge_text(answers: Iterable[Answer]) -> tuple[Text, ...]:
    """The text of all answers, by declaration."""
    values: dict[tuple[str, ...], list[list[bytes]]] = {}
    for answer in answers:
        texts = [answer[keyword] for keyword in TEXT_KEYS if answer.get(keyword)]
        values.setdefault(declared_in(answer), []).append(texts)
    return tuple(_text(declared, found) for declared, found in sorted(values.items()))


def _text(declared: tuple[str, ...], found: list[list[bytes]]) -> Text:
    odd = sum(any(not value.isascii() or b"\x1b" in value for value in values) for values in found)
    return Text(declared, len(found), odd, sent_as([value for values in found for value in values], declared))


# --- UIDs and duplicates ---


def dirty_uids(answers: Iterable[Answer]) -> Counter[str]:
    """What is wrong with UIDs: ``empty``, ``spaces``, ``other characters``; and ``all``: how many there were."""
    wrong: Counter[str] = Counter()
    for answer in answers:
        for keyword in UID_KEYS:
            if keyword in answer:
                wrong["all"] += 1
                wrong[_what_is_wrong(answer[keyword])] += 1
    del wrong[""]
    return wrong


def _what_is_wrong(raw: bytes) -> str:
    value = raw.removesuffix(b"\0").decode("latin-1")
    if not value.strip():
        return "empty"
    if any(character.isspace() for character in value):
        return "spaces"
    return "" if re.fullmatch(r"[0-9.]+", value) else "other characters"


def duplicates(answers: Iterable[Answer], keyword: str = "StudyInstanceUID") -> int:
    """How many answers of one list came once more."""
    uids = Counter(uid for answer in answers if (uid := uid_of(answer, keyword)))
    return sum(times - 1 for times in uids.values())


# --- recommendations ---


class Place(StrEnum):
    """Where a setting lives; only those of PACS are taken from the profile by themselves."""

    PACS = "[[pacs]]"
    SETTINGS = "settings"
    ORTHANC = "orthanc.json"


Setting = str | int | float | bool | tuple[int, ...]


@dataclass(frozen=True)
class Recommendation:
    """A setting for this PACS; ``value`` None: leave it as it is, what was found does not decide."""

    setting: str
    place: Place
    value: Setting | None
    why: str


RECENT_MIN = 60
WHOLE_DAY_S = 300
TIMEOUT_S = 600
FIND_TIMEOUT_S = 120
LATIN1, UTF8, CHINESE = "Latin1", "Utf8", "Chinese"
# Orthanc 1.10.1 [ran]: it reads an answer that declares one of these, and only one; any other declaration loses the whole query,
# also when the text is ASCII.
_PARTS = ("6", "13", "100", "101", "109", "110", "126", "127", "138", "144", "148", "166")
_ORTHANC_TERMS = frozenset(
    {"", "GB18030", "GBK", "ISO_IR 192"}
    | {f"ISO_IR {part}" for part in _PARTS}
    | {f"ISO 2022 IR {part}" for part in (*_PARTS, "58", "87", "149", "159")}
)
_EVERY = frozenset({LATIN1, UTF8, CHINESE})
_UNICODE = frozenset({UTF8, CHINESE})
# docs/field-guide.md, Character sets: with which DefaultEncoding text that is not as declared can be read or repaired.
_MISDECLARED = {
    ("", Sent.GBK): frozenset({CHINESE, LATIN1}),
    ("", Sent.UTF8): _EVERY,
    ("", Sent.SINGLE): frozenset({LATIN1}),
    ("", Sent.ESCAPES): _UNICODE,
    ("100", Sent.GBK): _EVERY,
    ("100", Sent.UTF8): _EVERY,
    ("58", Sent.GBK): _UNICODE,
    ("GB18030", Sent.UTF8): _UNICODE,
}


def readable_by_orthanc(text: Text) -> frozenset[str]:
    """The DefaultEncodings with which Orthanc 1.10.1 can read such answers; empty: with none."""
    term = text.declared[0].upper() if text.declared else ""
    if len(text.declared) > 1 or term not in _ORTHANC_TERMS:
        return frozenset()
    if text.sent is Sent.ASCII:
        return _EVERY
    part = term.rpartition(" ")[2]
    if agrees(text.declared, text.sent):
        return _EVERY if part == "100" else _UNICODE
    return _MISDECLARED.get((part, text.sent), frozenset())


def recommend(findings: Findings, texts: Sequence[Text]) -> tuple[Recommendation, ...]:
    """A recommendation for each switch and setting that depends on what this PACS can do."""
    return (
        _finder(texts),
        _default_encoding(texts),
        _series_level(findings),
        _use_series(findings),
        _caps(findings),
        *_look_back(findings),
        _stability(findings),
        _parallel(findings),
        _timeout(findings),
        _find_timeout(findings),
    )


def _finder(texts: Sequence[Text]) -> Recommendation:
    if not any(text.odd or text.declared for text in texts):
        return Recommendation("finder", Place.PACS, None, "no answer declared a character set or held more than ASCII")
    common = _EVERY.intersection(*(readable_by_orthanc(text) for text in texts))
    if common:
        return Recommendation("finder", Place.PACS, "orthanc", "Orthanc 1.10.1 can read all that came")
    bad = next((text for text in texts if not readable_by_orthanc(text)), None)
    why = f"{bad.sent} declared as {bad.shown}" if bad else "different studies need different DefaultEncodings"
    return Recommendation("finder", Place.PACS, "pynetdicom", f"Orthanc 1.10.1 cannot read it: {why}")


def _default_encoding(texts: Sequence[Text]) -> Recommendation:
    told = [text for text in texts if text.odd]
    common = _EVERY.intersection(*(readable_by_orthanc(text) for text in told))
    undeclared = next((text.sent for text in told if not any(text.declared)), None)
    if not told or (common == _EVERY and undeclared is None):
        return Recommendation("DefaultEncoding", Place.ORTHANC, None, "what came is read alike with every value")
    if not common:
        return Recommendation("DefaultEncoding", Place.ORTHANC, None, "no value reads what came; see finder")
    best = {Sent.GBK: CHINESE, Sent.UTF8: UTF8, Sent.SINGLE: LATIN1}.get(undeclared or Sent.GBK, CHINESE)
    value = best if best in common else sorted(common)[0]
    what = " and ".join(f"{text.sent} declared as {text.shown}" for text in told)
    return Recommendation("DefaultEncoding", Place.ORTHANC, value, f"reads {what}; one value for all PACS of this Orthanc")


def _told(findings: Findings, key: str) -> Verdict:
    return findings[key].verdict if key in findings else Verdict.NOT_TOLD


def _value(findings: Findings, key: str) -> Value:
    return findings[key].value if key in findings else None


def _series_level(findings: Findings) -> Recommendation:
    level = _told(findings, "level.series")
    if level is Verdict.NOT_TOLD:
        return Recommendation("series_level", Place.PACS, None, "SERIES level was not told")
    if level is Verdict.NO:
        return Recommendation("series_level", Place.PACS, False, "SERIES level is refused or empty")
    counts = "with counts" if _value(findings, "count.series") == "number" else "without usable counts: pulls are UNVERIFIED"
    return Recommendation("series_level", Place.PACS, True, f"SERIES level answers, {counts}")


def _use_series(findings: Findings) -> Recommendation:
    name = "use_series"
    level = _told(findings, "level.series")
    if level is Verdict.NOT_TOLD:
        return Recommendation(name, Place.PACS, None, "SERIES level was not told")
    if level is Verdict.NO:
        return Recommendation(name, Place.PACS, False, "FIND_PACS_USE_SERIES needs SERIES level")
    filled = [key for key in JUDGED_BY if _value(findings, f"key.{key}") == "filled"]
    if filled:
        return Recommendation(name, Place.PACS, True, f"FIND_PACS_USE_SERIES: the filter can judge by {', '.join(filled)}")
    return Recommendation(name, Place.PACS, False, "FIND_PACS_USE_SERIES: SERIES level brings no attribute that tells a chest")


def _caps(findings: Findings) -> Recommendation:
    verdict, number = _told(findings, "cap"), _value(findings, "cap")
    if verdict is Verdict.YES and isinstance(number, int):
        return Recommendation("caps", Place.PACS, (number,), f"a list ended at {number} although there is more")
    if verdict is Verdict.NO:
        return Recommendation("caps", Place.PACS, (), f"{number} answers came whole")
    return Recommendation("caps", Place.PACS, None, f"too few answers to tell ({number or 0} at most)")


def _look_back(findings: Findings) -> tuple[Recommendation, ...]:
    verdict = _told(findings, "match.time_range")
    if verdict is Verdict.NOT_TOLD:
        why = "StudyTime ranges were not told"
        values: tuple[float | None, float | None] = (None, None)
    elif verdict is Verdict.YES:
        why = "StudyTime ranges are honoured: a short window often, the whole day now and then"
        values = (RECENT_MIN, WHOLE_DAY_S)
    else:
        why = "StudyTime ranges are not honoured: the whole day in each round"
        values = (0, 0)
    return (
        Recommendation("recent_min", Place.PACS, values[0], why),
        Recommendation("whole_day_s", Place.PACS, values[1], why),
    )


def _stability(findings: Findings) -> Recommendation:
    name = "stability_rule"
    kind = _value(findings, "count.study")
    if not kind:
        return Recommendation(name, Place.SETTINGS, None, "counts were not told")
    if kind == "number":
        return Recommendation(name, Place.SETTINGS, "unchanged_count", "counts come as numbers")
    if kind in ("text", "sometimes"):
        why = f"counts come as {kind}: studies without a readable one wait stability_delay_s by themselves"
        return Recommendation(name, Place.SETTINGS, "unchanged_count", why)
    why = f"counts are {kind}: its studies wait stability_delay_s (600 s) whatever the rule, which may stay for other PACS"
    return Recommendation(name, Place.SETTINGS, "fixed_delay", why)


def _parallel(findings: Findings) -> Recommendation:
    number = _value(findings, "parallel")
    if not isinstance(number, int) or _told(findings, "parallel") is Verdict.NOT_TOLD:
        return Recommendation("parallel_pulls", Place.PACS, None, "parallel associations were not told")
    if number <= 1:
        return Recommendation("parallel_pulls", Place.PACS, 1, "one association at a time: finds wait while a pull runs, too")
    pulls = min(2, number - 1)
    return Recommendation("parallel_pulls", Place.PACS, pulls, f"{number} associations at once, one of them kept for finds")


def _timeout(findings: Findings) -> Recommendation:
    silence = _value(findings, "move.silence")
    timed = isinstance(silence, int | float)
    told = f"the longest silence of the one move was {silence} s; " if timed else "moves were not timed; "
    value = max(TIMEOUT_S, 10 * int(silence or 0)) if timed else TIMEOUT_S
    why = f"{told}Timeout is the silence allowed within a C-MOVE, and recalls from near-line are silent for minutes"
    return Recommendation("Timeout", Place.ORTHANC, value, why)


def _find_timeout(findings: Findings) -> Recommendation:
    slowest = _value(findings, "speed.slowest")
    if not isinstance(slowest, int | float):
        return Recommendation("orthanc.find_timeout_s", Place.SETTINGS, None, "no query was answered")
    value = max(FIND_TIMEOUT_S, 10 * round(slowest))
    return Recommendation("orthanc.find_timeout_s", Place.SETTINGS, value, f"the slowest query took {slowest:.2f} s")


def profile_settings(recommendations: Iterable[Recommendation]) -> dict[str, Setting]:
    """Those that the pipeline takes from a profile."""
    return {each.setting: each.value for each in recommendations if each.place is Place.PACS and each.value is not None}
