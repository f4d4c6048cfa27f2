"""From findings to the settings for this PACS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .character_sets import Sent, Text, agrees
from .findings import Findings, Value, Verdict

JUDGED_BY = ("BodyPartExamined", "ProtocolName", "SeriesDescription")


class Place(StrEnum):
    """Where a setting lives; only those of PACS are taken from the profile by themselves."""

    PACS = "[[pacs]]"
    SETTINGS = "settings"
    ORTHANC = "orthanc.json"


Setting = str | int | float | bool | tuple[int, ...] | tuple[str, ...]


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
# Orthanc 1.10.1 [ran]: it reads an answer that declares one of these, and only one; any other declaration
# loses the whole query, also when the text is ASCII.
_PARTS = ("6", "13", "100", "101", "109", "110", "126", "127", "138", "144", "148", "166")
_ORTHANC_TERMS = frozenset(
    {"", "GB18030", "GBK", "ISO_IR 192"}
    | {f"ISO_IR {part}" for part in _PARTS}
    | {f"ISO 2022 IR {part}" for part in (*_PARTS, "58", "87", "149", "159")}
)
_EVERY = frozenset({LATIN1, UTF8, CHINESE})
_UNICODE = frozenset({UTF8, CHINESE})
# docs/field-guide.md, Character sets: with which DefaultEncoding text that is not as declared can be read or
# repaired.
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
        _follow(findings),
        _count_by_image(findings),
        _repair(findings),
        _trust_modalities(findings),
        _caps(findings),
        _ignores(findings),
        _senders(findings),
        *_find_schedule(findings),
        _stability(findings),
        _parallel(findings),
        _timeout(findings),
        _find_timeout(findings),
        _find_deadline(findings),
        _direct_fallback(findings),
    )


def _for_pacs(setting: str, value: Setting | None, why: str) -> Recommendation:
    """A setting of its section ``[[pacs]]``."""
    return Recommendation(setting, Place.PACS, value, why)


def _finder(texts: Sequence[Text]) -> Recommendation:
    if not any(text.odd or text.declared for text in texts):
        return _for_pacs("finder", None, "no answer declared a character set or held more than ASCII")
    if _common(texts):
        return _for_pacs("finder", "orthanc", "Orthanc 1.10.1 can read all that came")
    bad = next((text for text in texts if not readable_by_orthanc(text)), None)
    why = "different studies need different DefaultEncodings"
    if bad is not None:
        why = f"{bad.sent} declared as {bad.shown}"
    return _for_pacs("finder", "pynetdicom", f"Orthanc 1.10.1 cannot read it: {why}")


def _common(texts: Iterable[Text]) -> frozenset[str]:
    """The DefaultEncodings with which Orthanc reads them all."""
    return _EVERY.intersection(*(readable_by_orthanc(text) for text in texts))


def _default_encoding(texts: Sequence[Text]) -> Recommendation:
    told = [text for text in texts if text.odd]
    common = _common(told)
    undeclared = next((text.sent for text in told if not any(text.declared)), None)
    if not told or (common == _EVERY and undeclared is None):
        return _encoding(None, "what came is read alike with every value")
    if not common:
        return _encoding(None, "no value reads what came; see finder")
    best = _BEST.get(undeclared or Sent.GBK, CHINESE)
    value = best if best in common else sorted(common)[0]
    what = ", ".join(f"{text.sent} declared as {text.shown}" for text in told)
    return _encoding(value, f"reads {what}; one value for all PACS of this Orthanc")


_BEST = {Sent.GBK: CHINESE, Sent.UTF8: UTF8, Sent.SINGLE: LATIN1}


def _encoding(value: str | None, why: str) -> Recommendation:
    return Recommendation("DefaultEncoding", Place.ORTHANC, value, why)


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
    counts = (
        "with counts"
        if _value(findings, "count.series") == "number"
        else "without usable counts: pulls are UNVERIFIED"
    )
    return Recommendation("series_level", Place.PACS, True, f"SERIES level answers, {counts}")


def _use_series(findings: Findings) -> Recommendation:
    name = "use_series"
    level = _told(findings, "level.series")
    if level is Verdict.NOT_TOLD:
        return _for_pacs(name, None, "SERIES level was not told")
    if level is Verdict.NO:
        return _for_pacs(name, False, "FIND_PACS_USE_SERIES needs SERIES level")
    filled = ", ".join(key for key in JUDGED_BY if _value(findings, f"key.{key}") == "filled")
    if filled:
        return _for_pacs(name, True, f"FIND_PACS_USE_SERIES: the filter can judge by {filled}")
    why = "FIND_PACS_USE_SERIES: SERIES level brings no attribute that tells a chest"
    return _for_pacs(name, False, why)


def _follow(findings: Findings) -> Recommendation:
    name, count = "follow", _value(findings, "count.series")
    if _told(findings, "level.series") is Verdict.NOT_TOLD or not count:
        return Recommendation(name, Place.PACS, None, "SERIES level or its counts were not told")
    if count == "number" and _value(findings, "count.study") == "number":
        return Recommendation(name, Place.PACS, True, "each series is counted: it is seen to stand still")
    why = f"counts are {count} at SERIES level: no series is seen to stand still"
    return Recommendation(name, Place.PACS, False, why)


def _count_by_image(findings: Findings) -> Recommendation:
    name, image = "count_by_image", _told(findings, "level.image")
    series, study = _value(findings, "count.series"), _value(findings, "count.study")
    if image is Verdict.NO:
        return _for_pacs(name, False, "IMAGE level is refused or empty")
    if image is Verdict.NOT_TOLD or not series or not study:
        return _for_pacs(name, None, "IMAGE level or counts were not told")
    if image is Verdict.PARTLY:
        return _image_level_differs(findings)
    if "number" in (series, study):
        level = "SERIES" if series == "number" else "STUDY"
        return _for_pacs(name, False, f"counts come as numbers at {level} level, none was seen to be wrong")
    why = f"counts are {series} at SERIES level and {study} at STUDY level, and IMAGE level answers"
    return _for_pacs(name, True, why)


def _image_level_differs(findings: Findings) -> Recommendation:
    name, number = "count_by_image", _value(findings, "level.image")
    if number and _value(findings, "move") == number:
        why = f"the count of a series is wrong: IMAGE level lists {number} images, and as many came"
        return _for_pacs(name, True, why)
    why = "the count of a series and its list at IMAGE level differ; --move tells which is right"
    return _for_pacs(name, None, why)


def _repair(findings: Findings) -> Recommendation:
    """Only a series is ever moved by the probe, so only SERIES can be recommended."""
    verdict = _told(findings, "move")
    if verdict is Verdict.NOT_TOLD:
        return Recommendation("repair", Place.PACS, None, "no series was moved (--move)")
    if verdict is Verdict.NO:
        why = "the one series that was asked for did not come; set STUDY where only whole studies are moved"
        return Recommendation("repair", Place.PACS, None, why)
    return Recommendation("repair", Place.PACS, "SERIES", "a single series was moved; IMAGE was not tried")


def _caps(findings: Findings) -> Recommendation:
    verdict, number = _told(findings, "cap"), _value(findings, "cap")
    if verdict is Verdict.YES and not number:
        return _for_pacs("caps", None, "it ends long lists before their first answer: that is no number")
    if verdict is Verdict.YES and isinstance(number, int):
        return _for_pacs("caps", (number,), f"a list ended at {number} although there is more")
    if verdict is Verdict.NO:
        return _for_pacs("caps", (), f"{number} answers came whole")
    return _for_pacs("caps", None, f"too few answers to tell ({number or 0} at most)")


_IGNORED = {
    "match.AccessionNumber": "AccessionNumber",
    "match.PatientID": "PatientID",
    "match.uid": "StudyInstanceUID",
    "match.modality": "ModalitiesInStudy",
}
_NOT_HONOURED = {"match.date": "StudyDate", "match.time_range": "StudyTime"}
"""Findings that say which matching keys are not honoured: by their value, or by their verdict."""


def _ignores(findings: Findings) -> Recommendation:
    keys = {keyword for key, keyword in _IGNORED.items() if _value(findings, key) == "ignored"}
    keys |= {keyword for key, keyword in _NOT_HONOURED.items() if _told(findings, key) is Verdict.NO}
    if keys:
        why = "answers beside the question came; they are dropped, and no list is split by these keys"
        return _for_pacs("ignores", tuple(sorted(keys)), why)
    if all(_told(findings, key) is Verdict.NOT_TOLD for key in (*_IGNORED, *_NOT_HONOURED)):
        return _for_pacs("ignores", None, "matching keys were not told")
    return _for_pacs("ignores", (), "every key that was told is honoured")


def _senders(findings: Findings) -> Recommendation:
    told = _value(findings, "move.senders")
    if not isinstance(told, str):
        return Recommendation("senders", Place.PACS, None, "no series was moved to us (--move)")
    if not told:
        return Recommendation(
            "senders", Place.PACS, (), "images came from the AE title and the address that was asked"
        )
    return Recommendation(
        "senders", Place.PACS, tuple(told.split("\\")), "images came from others than who was asked"
    )


def _trust_modalities(findings: Findings) -> Recommendation:
    name, kind = "trust_modalities", _value(findings, "modalities")
    if kind == "single":
        return Recommendation(
            name, Place.PACS, False, "ModalitiesInStudy has one of a study's modalities only"
        )
    if kind in ("list", "comma", "slash", "semicolon"):
        return Recommendation(name, Place.PACS, True, "ModalitiesInStudy has all of a study's modalities")
    return Recommendation(name, Place.PACS, None, "no study with several modalities was seen")


def _find_schedule(findings: Findings) -> tuple[Recommendation, ...]:
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
    why = f"counts are {kind}: its studies wait stability_delay_s (600 s) whatever the rule is"
    return Recommendation(name, Place.SETTINGS, "fixed_delay", why)


def _parallel(findings: Findings) -> Recommendation:
    number = _value(findings, "parallel")
    if not isinstance(number, int) or _told(findings, "parallel") is Verdict.NOT_TOLD:
        return Recommendation("parallel_pulls", Place.PACS, None, "parallel associations were not told")
    if number <= 1:
        return Recommendation(
            "parallel_pulls", Place.PACS, 1, "one association at a time: finds wait while a pull runs, too"
        )
    pulls = min(2, number - 1)
    return Recommendation(
        "parallel_pulls", Place.PACS, pulls, f"{number} associations at once, one of them kept for finds"
    )


def _timeout(findings: Findings) -> Recommendation:
    silence = _value(findings, "move.silence")
    timed = isinstance(silence, int | float)
    told = f"the longest silence of the one move was {silence} s" if timed else "moves were not timed"
    value = max(TIMEOUT_S, 10 * int(silence or 0)) if timed else TIMEOUT_S
    why = f"{told}; Timeout is the silence allowed within a C-MOVE; near-line storage is silent for minutes"
    return Recommendation("Timeout", Place.ORTHANC, value, why)


def _find_timeout(findings: Findings) -> Recommendation:
    slowest = _value(findings, "speed.slowest")
    if not isinstance(slowest, int | float):
        return Recommendation("orthanc.find_timeout_s", Place.SETTINGS, None, "no query was answered")
    value = max(FIND_TIMEOUT_S, 10 * round(slowest))
    return Recommendation(
        "orthanc.find_timeout_s", Place.SETTINGS, value, f"the slowest query took {slowest:.2f} s"
    )


def _find_deadline(findings: Findings) -> Recommendation:
    name, slowest = "find_deadline_s", _value(findings, "speed.slowest")
    if not isinstance(slowest, int | float):
        return Recommendation(name, Place.PACS, None, "no query was answered")
    if 10 * slowest <= FIND_TIMEOUT_S:
        return Recommendation(
            name, Place.PACS, None, f"orthanc.find_timeout_s is enough: {slowest:.2f} s at most"
        )
    return Recommendation(name, Place.PACS, 10 * round(slowest), f"the slowest query took {slowest:.2f} s")


def _direct_fallback(findings: Findings) -> Recommendation:
    if _told(findings, "level.study") is Verdict.YES:
        return Recommendation(
            "direct_fallback", Place.PACS, True, "it answers who asks it directly, as the probe did"
        )
    return Recommendation("direct_fallback", Place.PACS, None, "STUDY level was not told")


def profile_settings(recommendations: Iterable[Recommendation]) -> dict[str, Setting]:
    """Those that the pipeline takes from a profile."""
    return {
        each.setting: each.value
        for each in recommendations
        if each.place is Place.PACS and each.value is not None
    }
