"""
What a PACS was asked, what came, and what that says: findings, and from them the settings for this PACS
(M35).

Pure. A finding that the content did not allow is NOT_TOLD, never a guess; nothing here holds a value of a
patient.
"""

from __future__ import annotations

from .character_sets import Sent, Text, agrees, judge_text, sent_as
from .findings import (
    MODELS,
    Answer,
    Finding,
    Findings,
    Hello,
    Moved,
    Reply,
    Together,
    Value,
    Verdict,
    declared_in,
    text_of,
    uid_of,
)
from .judging import (
    ENOUGH,
    MATCH_VERDICT,
    DateRange,
    Match,
    Whole,
    best_prefix,
    dirty_uids,
    duplicates,
    judge_cap,
    judge_counts,
    judge_date_range,
    judge_key,
    judge_match,
    judge_modalities,
    time_parts,
    worst_match,
)
from .recommending import (
    CHINESE,
    LATIN1,
    UTF8,
    Place,
    Recommendation,
    profile_settings,
    readable_by_orthanc,
    recommend,
)

__all__ = [
    "CHINESE",
    "ENOUGH",
    "LATIN1",
    "MATCH_VERDICT",
    "MODELS",
    "UTF8",
    "Answer",
    "DateRange",
    "Finding",
    "Findings",
    "Hello",
    "Match",
    "Moved",
    "Place",
    "Recommendation",
    "Reply",
    "Sent",
    "Text",
    "Together",
    "Value",
    "Verdict",
    "Whole",
    "agrees",
    "best_prefix",
    "declared_in",
    "dirty_uids",
    "duplicates",
    "judge_cap",
    "judge_counts",
    "judge_date_range",
    "judge_key",
    "judge_match",
    "judge_modalities",
    "judge_text",
    "profile_settings",
    "readable_by_orthanc",
    "recommend",
    "sent_as",
    "text_of",
    "time_parts",
    "uid_of",
    "worst_match",
]
