"""Work that takes minutes, one at a time: begun by a person at a page, looked at until it has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...domain.errors import PipelineError
from ...domain.instants import iso
from ...ports import Clock, EventLog

MOST_WORDS = 200
Say = Callable[[str], None]


@dataclass
class Job:
    """What was begun: by whom, since when, what it has said so far, and its result or its error."""

    what: str
    by: str
    begun_at: str
    running: bool = True
    said: list[str] = field(default_factory=list)
    result: Any = None
    error: str = ""


class Jobs:
    """Runs one job at a time in a thread of its own, and remembers the last one."""

    def __init__(self, clock: Clock, log: EventLog) -> None:
        self._clock, self._log = clock, log
        self._lock = threading.Lock()
        self.last: Job | None = None

    def begin(self, what: str, by: str, work: Callable[[Say], Any]) -> bool:
        """Begin a job; False, and nothing begun, while another one runs."""
        with self._lock:
            if self.last is not None and self.last.running:
                return False
            job = self.last = Job(what, by, iso(self._clock.now()))
        threading.Thread(target=self._run, args=(job, work), name=f"page {what}", daemon=True).start()
        return True

    def _run(self, job: Job, work: Callable[[Say], Any]) -> None:
        def say(words: str) -> None:
            job.said = [*job.said, words][-MOST_WORDS:]

        try:
            job.result = work(say)
        except PipelineError as error:
            job.error = str(error)
        except Exception as error:
            job.error = f"unexpected {type(error).__name__}: see the log"
            self._log.event(
                "page_job_failed", "a job of a page failed", "ERROR", what=job.what, error=repr(error)
            )
        finally:
            job.running = False
