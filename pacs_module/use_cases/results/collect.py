"""Collect: what a backend leaves in the result folder is taken as if it had been posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...domain.errors import MessageError, RetriableError
from ...domain.json_messages.json_text import MESSAGE, read_object
from ...domain.json_messages.messages import Result, read_result
from ...domain.results.judge_result_object import Answer
from ...ports import EventLog
from ...ports.results import ResultInbox
from ..deliver.record_result import RecordResult
from .take import TakeResults

_JSON = ".json"


@dataclass
class CollectResults:
    """
    A file goes only after the study's document has it; one that is refused is put aside with the reason.
    """

    inbox: ResultInbox
    take: TakeResults
    record: RecordResult
    log: EventLog

    def __call__(self) -> bool:
        """
        Take what is whole.

        Raises:
            RetriableError: The store or a disk is away.
        """
        files = self.inbox.whole()
        for file in files:
            if file.suffix.lower() == _JSON:
                self._record(file)
        self._take([file for file in files if file.suffix.lower() != _JSON])
        return False

    def _take(self, files: Sequence[Path]) -> None:
        for one in self.take(files, "folder") if files else ():
            if one.answer is Answer.REFUSED:
                self.inbox.refuse(one.file, one.why)
            else:
                self.inbox.done(one.file)

    def _record(self, file: Path) -> None:
        """A result in JSON, as it would be posted."""
        try:
            answer = self.record(_read(file))
        except MessageError as error:
            self.inbox.refuse(file, str(error))
            return
        except OSError as error:
            raise RetriableError(f"the folder of results cannot be read: {error.strerror}") from error
        if answer is None:
            self.inbox.refuse(file, "no such study, or no hand-over of that series")
        else:
            self.inbox.done(file)


def _read(file: Path) -> Result:
    if file.stat().st_size > MESSAGE.size:
        raise MessageError("file", file.name, f"at most {MESSAGE.size} bytes")
    return read_result(read_object(file.read_bytes(), file.name))
