"""The page Dead letters: read, send again, drop (M22)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ...domain.errors import MessageError
from ...domain.json_messages.json_text import json_text
from ...ports import Delivery, EventLog, StudyStore
from ..operate.manual_work import ManualWork, Who

MOST = 200


class DeadLetters(Protocol):
    """The queue of dead letters."""

    def dead_letters(self, limit: int) -> list[Delivery]:
        """The oldest ones; they stay where they are."""
        ...

    def drop_dead(self, meant: Callable[[Delivery], bool]) -> bool:
        """Take the first that is meant out for good; whether there was one."""
        ...


@dataclass(frozen=True)
class Letter:
    """One dead letter; ``key`` names it. ``study_uid`` is empty when nobody can read which study it is of."""

    key: str
    message_id: str
    study_uid: str
    reason: str
    body: str
    accession_number: str = ""
    state: str = ""
    known: bool = False
    why: str = ""
    """What its study says of its state: RabbitMQ only tells that the worker gave it up."""


@dataclass(frozen=True)
class DeadLettersView:
    """The page."""

    letters: tuple[Letter, ...]


@dataclass(frozen=True)
class HandleDeadLetters:
    """Shows them, and does what a person wants with one."""

    queue: DeadLetters
    store: StudyStore
    work: ManualWork
    log: EventLog

    def show(self) -> DeadLettersView:
        """
        Make the page.

        Raises:
            RetriableError: RabbitMQ or the store is away.
        """
        return DeadLettersView(tuple(self._letter(one) for one in self.queue.dead_letters(MOST)))

    def send_again(self, key: str, who: Who) -> Mapping[str, Any]:
        """
        Pull and compute its study again, then drop the letter: its files may be gone, and its message is out
        of date.

        Raises:
            MessageError: There is no such letter, or no study of it is known.
        """
        letter = next((one for one in self.show().letters if one.key == key), None)
        if letter is None:
            raise MessageError("letter", key, "a dead letter that is still there")
        answer = self.work.redo(letter.study_uid, who) if letter.known else None
        if answer is None:
            raise MessageError(
                "letter", key, "the letter of a study that is known here; drop it, or pull by hand"
            )
        self._take_out(key)
        self._tell("dead_letter_sent_again", letter.study_uid, key, who)
        return answer

    def drop(self, key: str, who: Who) -> None:
        """
        Take a letter out of the queue for good.

        Raises:
            MessageError: There is no such letter.
        """
        if not self._take_out(key):
            raise MessageError("letter", key, "a dead letter that is still there")
        self._tell("dead_letter_dropped", "", key, who)

    def _take_out(self, key: str) -> bool:
        return self.queue.drop_dead(lambda letter: letter_key(letter) == key)

    def _tell(self, event: str, study_uid: str, key: str, who: Who) -> None:
        words = "a person dealt with a dead letter"
        self.log.event(event, words, by=who.by, why=who.why, letter=key, studyUID=study_uid)

    def _letter(self, letter: Delivery) -> Letter:
        uid = letter.message.get("studyUID")
        study = self.store.get(uid) if isinstance(uid, str) and uid else None
        body = json.dumps(letter.message, ensure_ascii=False, indent=1, default=str)
        return Letter(
            key=letter_key(letter),
            message_id=letter.message_id,
            study_uid=uid if isinstance(uid, str) else "",
            reason=letter.reason or letter.fault,
            body=body[:20_000],
            accession_number=study.accession_number if study else "",
            state=(study.state.value if study.state else "") if study else "",
            known=study is not None,
            why=study.why if study else "",
        )


def letter_key(letter: Delivery) -> str:
    """What names a letter, also one that came without an id: of its id and its words."""
    told = f"{letter.message_id} {json_text(letter.message)}"
    return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()[:20]
