"""The plugins' quarantine as pacs_module sees it, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pacs_module.domain.errors import RetriableError
from pacs_module.domain.json_messages.json_text import plain

TALLY = {"passed": 190, "failed": 10, "failureRate": 0.05, "beyond": False}


def image(number: int, study: str, words: str = "pixels: PixelData has 100 of 512 bytes") -> dict[str, Any]:
    test, _, rest = words.partition(": ")
    attribute, _, value = rest.partition(" ")
    return {
        "number": number, "studyUID": study, "sopInstanceUID": f"{study}.1.{number}", "state": "held",
        "at": 1_796_000_000_000 + number, "lastAt": 1_796_000_000_000 + number, "times": 1, "bytes": 525_000,
        "isPush": True, "aeTitle": "CT1", "address": "10.1.2.3", "called": "AIPULL",
        "failures": [{"test": test, "attribute": attribute, "value": value}], "words": words,
        "header": {"PatientID": "10939048", "AccessionNumber": "A-1", "Modality": "CT", "Rows": "512"},
        "decidedAt": None, "decidedBy": "", "why": "",
    }  # fmt: skip


class FakeQuarantine:
    """``away``: it does not answer. ``pulled``: studies that came by a pull."""

    def __init__(self, *images: dict[str, Any]) -> None:
        self.images = list(images)
        self.away = False
        self.pulled: set[str] = set()
        self.senders: list[dict[str, Any]] = [
            {"aeTitle": "CT1", "window": TALLY, "day": TALLY, "perSecond": 3.25, "highestPerSecond": 12.5, "lastAt": None}
        ]  # fmt: skip
        self.policy: dict[str, Any] | None = {"windowMinutes": 60}

    def validation(self) -> Mapping[str, Any]:
        self._answer()
        held = sum(one["state"] == "held" for one in self.images)
        kept = {"counts": {"held": held}, "bytes": 525_000 * held, "maxFiles": 20_000, "maxBytes": 10**10}
        return {"policy": self.policy, "senders": self.senders, "quarantine": kept}

    def quarantined(self, states: Sequence[str], before: int, limit: int) -> Mapping[str, Any]:
        self._answer()
        found = [one for one in reversed(self.images) if one["state"] in states]
        shown = [one for one in found if not before or one["number"] < before][:limit]
        counts: dict[str, int] = {}
        for one in self.images:
            counts[one["state"]] = counts.get(one["state"], 0) + 1
        return dict(plain({"images": shown, "counts": counts}))

    def decide_quarantined(
        self, action: str, numbers: Sequence[int], study_uid: str, by: str, why: str
    ) -> Mapping[str, Any]:
        self._answer()
        named = [one for one in self.images if one["number"] in numbers or one["studyUID"] == study_uid]
        held = [one for one in named if one["state"] == "held"]
        for one in held:
            one.update(
                state="released" if action == "release" else "dropped", decidedBy=by, why=why, decidedAt=1
            )
        studies = {one["studyUID"] for one in held}
        again = studies & self.pulled if action == "release" else set()
        refused = [{"number": one["number"], "why": "over"} for one in named if one not in held]
        return {
            "decided": [one["number"] for one in held], "refused": refused, "studies": sorted(studies),
            "pullAgain": sorted(again),
        }  # fmt: skip

    def _answer(self) -> None:
        if self.away:
            raise RetriableError("the receiving Orthanc does not answer")
