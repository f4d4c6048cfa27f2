"""
K11: a question to the PACS inside a pull has the time that this PACS's settings give it.

Does not prove that Orthanc keeps its Timeout (tests/long/pull/test_k11_pull_without_text.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aipull.receive.ask_pacs import ANSWER_WAIT_S, AskPacs, Question
from aipull.receive.count_again import CountAgain
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.completeness import Expectations
from pacs_module.domain.receive.image_origin import PacsWord
from pacs_module.shared.logs import ContractLog
from tests.support.waiting import wait_for


class Rest:
    """Orthanc, which keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, float]] = []

    def post(self, _path: str, body: Any, within: float) -> dict[str, str]:
        self.asked.append((body, within))
        return {"ID": "q"}

    def get(self, _path: str) -> list[dict[str, str]]:
        return []


@pytest.mark.parametrize(("told", "timeout"), [(None, 55), (7.0, 7), (300.0, 300), (0.2, 1)])
@pytest.mark.parametrize("counts_only", [False, True])
def test_k11_each_query_of_a_question_has_the_time_of_its_pacs(
    tmp_path: Path, told: float | None, timeout: int, counts_only: bool
) -> None:
    rest = Rest()
    ask = AskPacs(rest, lambda *_: None, ContractLog(tmp_path, "plugins"))  # type: ignore[arg-type]
    question = Question("1.2", "PACS", frozenset({"1.2.3"}), (), counts_only, told)
    wait_for(lambda: ask.word(question), what="the answer")
    assert {body["Timeout"] for body, _ in rest.asked} == {timeout}
    assert {within for _, within in rest.asked} == {told or 55.0}


@pytest.mark.parametrize(("told", "seconds"), [(None, 60), (7.0, 60), (55.0, 60), (300.0, 305)])
def test_k11_a_study_waits_no_shorter_than_its_pacs_may_take(told: float | None, seconds: float) -> None:
    assert Question("1.2", "PACS", frozenset(), within_s=told).wait_s == seconds
    assert seconds >= ANSWER_WAIT_S


def test_k11_the_pull_gives_it() -> None:
    class Asked:
        def word(self, question: Question) -> PacsWord:
            self.question = question
            return PacsWord()

        def forget(self, study_uid: str) -> None: ...

    class Pull:
        request = PullRequest("p", "1.2", "PACS", count_again_after_s=0.0, find_timeout_s=9.0)
        asked_at = 0

    asked = Asked()
    CountAgain(asked, lambda: 1).expected(Pull(), Expectations())  # type: ignore[arg-type]
    assert asked.question.within_s == 9.0
