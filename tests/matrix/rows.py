"""
Which habits are played: each one alone, seeded combinations of three, and what each has to do with finding.
"""

from __future__ import annotations

import random

# Each row: what is switched on. A habit that shows itself only where a list must be split comes with a cap.
ALONE: tuple[tuple[str, ...], ...] = (
    (),
    ("cap=100",),
    ("cap-a700=100",),
    ("no-counts",),
    ("counts-as-text",),
    ("overloaded",),
    ("never-answers=20",),
    ("slow=0.05",),
    ("trickle=0.0002",),
    ("empty-uid",),
    ("empty-uid-everywhere",),
    ("dirty-uid",),
    ("duplicate-answers",),
    ("no-modalities-in-study",),
    ("modalities-single",),
    ("modalities-as-text",),
    ("modalities-as-text=comma",),
    ("modalities-equal", "cap=100", "time-range-ignored"),
    ("no-series-level",),
    ("series-needs-study-uid",),
    ("empty-image-level",),
    ("time-range-independent", "cap=100"),
    ("time-range-ignored", "cap=100"),
    ("date-range-ignored",),
    ("wildcard-ignored", "cap=100", "time-range-ignored"),
    ("wildcard-ignored=literal", "cap=100", "time-range-ignored"),
    ("uid-list-first",),
    ("gbk-undeclared",),
    ("gbk-declared-empty",),
    ("gbk-as-latin1",),
    ("gbk-as-utf8",),
    ("gbk-declared",),
    ("gb18030",),
    ("utf8",),
    ("utf8-undeclared",),
    ("utf8-as-latin1",),
    ("escapes",),
    ("escapes-second",),
    ("escapes-after-ir6",),
    ("gb2312-declared",),
    ("one-association",),
    ("refuse-associations=3",),
    ("late-series",),
    ("cap=130",),
    ("cap=130", "time-range-ignored"),
    ("ignores-key=AccessionNumber+PatientID+ModalitiesInStudy",),
    ("ignores-key=StudyDate",),
    ("ignores-key=StudyInstanceUID",),
    ("ignores-key=StudyDate", "cap=100"),
    ("foreign-answers",),
    ("bad-uid-answers",),
    ("answers-without-data",),
    ("answers-shuffled",),
    ("flapping-rows",),
    ("flapping-text",),
    ("patient-id-blanks",),
    ("counts-fewer",),
    ("endless-answers=20",),
    ("long-text",),
    ("moved-uid",),
    ("other-study-date",),
    ("enhanced-ct",),
)
COMBINABLE = (
    "cap=100", "cap-a700=100", "no-counts", "counts-as-text", "overloaded", "empty-uid", "dirty-uid",
    "duplicate-answers",
    "no-modalities-in-study", "modalities-single", "no-series-level", "time-range-independent",
    "time-range-ignored",
    "gbk-undeclared", "utf8-as-latin1", "escapes-second", "one-association", "refuse-associations=3",
    "late-series",
    "foreign-answers", "bad-uid-answers", "answers-without-data", "answers-shuffled", "flapping-rows",
    "ignores-key=StudyDate",
)  # fmt: skip
EXCLUSIVE = (
    {"cap=100", "cap-a700=100"},
    {"no-counts", "counts-as-text"},
    {"no-modalities-in-study", "modalities-single"},
    {"gbk-undeclared", "utf8-as-latin1"},
    {"gbk-undeclared", "escapes-second"},
    {"utf8-as-latin1", "escapes-second"},
)
NOT_ABOUT_FINDING = {
    "slow": "costs time only",
    "trickle": "costs time only",
    "one-association": "bites who asks twice at a time; the control is one question",
    "modalities-as-text=backslash": "shows in the VR alone, which implicit VR does not send",
    "date-range-ignored": "bites who asks for several days at once; neither we nor the control do",
    "uid-list-first": "bites who asks for several studies by UID; neither we nor the control do",
    "gbk-declared": "text is what it is declared to be, as on a plain day",
    "gb18030": "text is what it is declared to be, as on a plain day",
    "utf8": "text is what it is declared to be, as on a plain day",
    "answers-shuffled": "the order of answers means nothing to who asks once",
    "moved-uid": "the control asks once, before it",
    "flapping-text": "bites who compares two lists; the control asks once",
    "patient-id-blanks": "bites who compares PatientIDs; the control does not",
    "ignores-key=AccessionNumber+PatientID+ModalitiesInStudy": "bites who asks by these keys; the control asks by StudyDate",
    "ignores-key=StudyInstanceUID": "bites who asks for one study; the control asks by StudyDate",
}
"""Habits with which a control that asks once does as well as without them, and why."""
ABOUT_IMAGES = frozenset({
    "scout-inside", "dose-page-inside", "thickness-inside", "poison-deep", "poison-bomb", "poison-private",
})  # fmt: skip
"""Habits that show in received images only: no find can meet them."""
SERIES_LEVEL = frozenset({"no-series-level", "series-needs-study-uid"})
IMAGE_LEVEL = frozenset({"empty-image-level"})
"""Habits at which the control asks at that level, too."""


def name_of(habit: str) -> str:
    """As in NOT_ABOUT_FINDING: the word ``backslash`` is a default."""
    name = habit.split("=")[0]
    if name == "ignores-key":
        return habit
    return (
        f"{name}=backslash"
        if habit == "modalities-as-text"
        else habit
        if name == "modalities-as-text"
        else name
    )


def must_bite(habits: tuple[str, ...]) -> bool:
    """Whether the naive control has to fail."""
    return any(name_of(habit) not in NOT_ABOUT_FINDING for habit in habits)


def combinations(seed: int, number: int = 10) -> list[tuple[str, ...]]:
    """Seeded random threes that do not exclude each other."""
    rng = random.Random(seed)
    threes: list[tuple[str, ...]] = []
    while len(threes) < number:
        three = tuple(sorted(rng.sample(COMBINABLE, 3)))
        if three not in threes and not any(pair <= set(three) for pair in EXCLUSIVE):
            threes.append(three)
    return threes
