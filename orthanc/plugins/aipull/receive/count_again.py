"""
A pull that began as soon as its series had stopped growing: the PACS is asked once more how many images they
have, when the time is over after which a series that stands still has ended (N1).

It is asked while the images still come, so that the answer is here with the last of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.completeness import Expectations

from ..journal.pulls import Pull
from ..runtime.clock import now_ms
from .ask_pacs import Answers, Question


@dataclass
class CountAgain:
    """
    Asks without waiting.

    Args:
        answers: Of the PACS; for these questions alone.
        now: Epoch milliseconds.
    """

    answers: Answers
    now: Callable[[], int] = now_ms

    def expected(self, pull: Pull | None, expected: Expectations) -> Expectations | None:
        """
        What a pull is compared with; None while the PACS is still to be asked, or has not answered.

        A series of which the PACS has more now has grown. One that it does not answer for is as it was
        announced.
        """
        if pull is None or pull.request.count_again_after_s is None:
            return expected
        is_time = self.now() >= pull.asked_at + 1000 * pull.request.count_again_after_s
        word = self.answers.word(_question(pull.request)) if is_time else None
        if word is None:
            return None
        now = {uid: max(count, word.series.get(uid, 0)) for uid, count in expected.series.items()}
        return replace(expected, series=now)

    def forget(self, study_uid: str) -> None:
        """The study is dealt with."""
        self.answers.forget(study_uid)


def _question(request: PullRequest) -> Question:
    return Question(
        request.study_uid, request.pacs, frozenset(), (request.pull_id,), counts_only=True,
        within_s=request.find_timeout_s,
    )  # fmt: skip
