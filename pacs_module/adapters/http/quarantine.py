"""
The quarantines of several receiving Orthancs as one.

Each numbers its images by itself: of ``n`` Orthancs the image ``k`` of the one at place ``p`` has the number
``k * n + p`` here, which of one Orthanc is its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...domain.errors import PipelineError
from ...ports.plugins import Quarantine

Question = Callable[[Quarantine, int], Mapping[str, Any]]
"""Asked of one, and the place that it has."""


@dataclass(frozen=True)
class Quarantines:
    """Asks each, in the order of the settings; who is away is left out as long as another one answers."""

    each: Sequence[Quarantine]

    def validation(self) -> Mapping[str, Any]:
        """The policy of the first one that answers, and the rates of all."""
        answers = [told for _, told in self._asked(lambda one, _place: one.validation())]
        if len(answers) == 1:
            return answers[0]
        kept: dict[str, Any] = {"counts": Counter(), "bytes": 0, "maxFiles": 0, "maxBytes": 0}
        for told in answers:
            kept["counts"].update(told["quarantine"]["counts"])
            for key in ("bytes", "maxFiles", "maxBytes"):
                kept[key] += told["quarantine"][key]
        senders = [sender for told in answers for sender in told["senders"]]
        return {**answers[0], "senders": senders, "quarantine": {**kept, "counts": dict(kept["counts"])}}

    def quarantined(self, states: Sequence[str], before: int, limit: int) -> Mapping[str, Any]:
        """Images of all, by their number here."""
        images: list[dict[str, Any]] = []
        counts: Counter[str] = Counter()
        number = len(self.each)

        def ask(one: Quarantine, place: int) -> Mapping[str, Any]:
            return one.quarantined(states, max(-((place - before) // number), 1) if before else 0, limit)

        for place, told in self._asked(ask):
            counts.update(told["counts"])
            images += [{**one, "number": one["number"] * number + place} for one in told["images"]]
        images.sort(key=lambda one: int(one["number"]), reverse=True)
        return {"images": images[:limit], "counts": dict(counts)}

    def decide_quarantined(
        self, action: str, numbers: Sequence[int], study_uid: str, by: str, why: str
    ) -> Mapping[str, Any]:
        """
        Each decides of its own.

        Raises:
            PipelineError: One that has an image to decide of does not answer, or does not know it.
        """
        told: dict[str, list[Any]] = {"decided": [], "refused": [], "studies": [], "pullAgain": []}
        number = len(self.each)
        for place, one in enumerate(self.each):
            own = [named // number for named in numbers if named % number == place]
            if not (own or study_uid):
                continue
            said = one.decide_quarantined(action, own, study_uid, by, why)
            told["decided"] += [named * number + place for named in said["decided"]]
            told["refused"] += [
                {**refused, "number": refused["number"] * number + place} for refused in said["refused"]
            ]
            for key in ("studies", "pullAgain"):
                told[key] = sorted({*told[key], *said[key]})
        return told

    def _asked(self, question: Question) -> list[tuple[int, Mapping[str, Any]]]:
        """
        The answers by place.

        Raises:
            PipelineError: Nobody answers.
        """
        answers: list[tuple[int, Mapping[str, Any]]] = []
        failed: PipelineError | None = None
        for place, one in enumerate(self.each):
            try:
                answers.append((place, question(one, place)))
            except PipelineError as error:
                failed = error
        if not answers and failed is not None:
            raise failed
        return answers
