from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aipull.hand_over import notifier
from aipull.hand_over.notifier import Notifier, pause_after
from aipull.journal.journal import Journal
from pacs_module.domain.errors import Unreachable
from pacs_module.shared.http import Answer
from pacs_module.shared.http_addresses import HttpAddresses
from pacs_module.shared.logs import ContractLog


class Post:
    """In the place of the link: ``answers`` by study, else 200."""

    who = "pacs_module"

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.posted: list[tuple[str, str]] = []

    def call(self, method: str, url: str, *, json_body: dict[str, Any], timeout: float) -> Answer:
        self.posted.append((json_body["studyUID"], url.rsplit("/", 1)[1]))
        answer = self.answers.get(json_body["studyUID"], 200)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, b"")


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(notifier, "time", made)
    return made


@pytest.fixture
def sender(journal: Journal, tmp_path: Path, clock: Clock) -> tuple[Notifier, Post]:
    post = Post()
    module = HttpAddresses(post, ["http://pacs"])  # type: ignore[arg-type]
    made = Notifier(journal, module, ContractLog(tmp_path, "orthanc-python"))
    for study, kind in (("1", "notify"), ("1", "pull_report"), ("2", "notify")):
        journal.to_send(study, kind, {"studyUID": study})
    return made, post


def test_all_is_sent_in_order_and_gone(
    sender: tuple[Notifier, Post], journal: Journal, tmp_path: Path
) -> None:
    worker, post = sender
    assert worker.step() == worker.IDLE_S
    assert post.posted == [("1", "notify"), ("2", "notify"), ("1", "pull_report")]
    assert journal.outbox_heads() == []
    assert (tmp_path / "orthanc-python.log").read_text().count("inform pacs_module {") == 2


@pytest.mark.parametrize("fault", [503, 429, Unreachable("refused")])
def test_passing_fault_is_tried_again_after_a_pause_and_holds_only_its_own_study(
    sender: tuple[Notifier, Post], fault: object, clock: Clock, tmp_path: Path
) -> None:
    worker, post = sender
    post.answers["1"] = fault
    worker.step()
    assert post.posted == [("1", "notify"), ("2", "notify")]
    worker.step()
    assert len(post.posted) == 2
    post.answers.clear()
    clock.now += 0.6
    worker.step()
    assert post.posted[2:] == [("1", "notify"), ("1", "pull_report")]
    assert (tmp_path / "orthanc-python.log").read_text().count("inform pacs_module") == 2


@pytest.mark.parametrize("status", [422, 301])
def test_refused_message_is_kept_and_tried_slowly(
    sender: tuple[Notifier, Post], journal: Journal, clock: Clock, status: int
) -> None:
    worker, post = sender
    post.answers["1"] = status
    worker.step()
    clock.now += 29
    worker.is_back()
    worker.step()
    assert len(post.posted) == 2
    clock.now += 32
    worker.step()
    assert post.posted[2:] == [("1", "notify")]
    assert len(journal.outbox_heads()) == 1


def test_a_call_from_pacs_module_ends_the_pause(sender: tuple[Notifier, Post]) -> None:
    worker, post = sender
    post.answers["1"] = 503
    worker.step()
    post.answers.clear()
    worker.is_back()
    worker.step()
    assert post.posted[-1] == ("1", "pull_report")


def test_pauses_grow_up_to_half_a_minute() -> None:
    assert [pause_after(attempt) for attempt in (1, 2, 3, 7, 100)] == [0.5, 1.0, 2.0, 30.0, 30.0]
