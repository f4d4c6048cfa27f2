"""
The error tree. The name says what the caller must do.

::

    PipelineError
    ├── RetriableError          try again later, nothing is wrong with the request
    │   ├── Unreachable         nobody answers at all: not the fault of this request, no attempt is counted
    │   ├── Busy                it is there and says "not now" (HTTP 429, 503): no attempt is counted either
    │   ├── StoreAway           the study store does not answer: says nothing of whoever else was asked
    │   │   └── StoreLost       it was removed, replaced or emptied while in use; nothing is written
    │   ├── FilesGone           a hand-over's folder is not there any more: the study is pulled again
    │   ├── NoRoom              the RAM disk has no room for this pull now
    │   └── TooManyAnswers      the PACS cut the list: ask in smaller parts; what came is in ``partial``
    └── PermanentError          the same request will fail again
        ├── ConfigurationError  a setting: names key, value and what is allowed
        │   └── ConfigurationErrors     several of them at once
        ├── MessageError        a message of another process: names key, value and what is allowed
        ├── TooLarge            the pull needs more than the whole RAM disk
        ├── Unreadable          a study's document is damaged, or another version wrote it
        ├── UnreadableAnswers   the PACS answered, and whoever asked for us cannot read it: another finder may
        ├── InvalidTransition   the life cycle has no row for this state and event
        └── Refused             the other side understood and said no (HTTP 4xx), with its words

Each says which server it is about (``server``), as people know it, and holds two texts: ``str(error)`` for
the log, and ``public`` for health, which needs no key: without values and without what the other side wrote,
in which a patient may stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from .dicom.attributes import Attributes

OUT_OF_RESOURCES = 0xA700
"""Status of a C-FIND that has too many answers for the PACS (PS3.4 C.4.1.1.4)."""
MAX_SHOWN = 300
"""Characters of a refused value that its error shows."""


class PipelineError(Exception):
    """
    Base of everything that the pipeline raises on purpose.

    Args:
        words: What is wrong, in words of ours.
        said: What the other side wrote of it: for the log alone.
    """

    server: str = ""
    """Whom it is about; empty: nobody but ourselves. Set by :func:`about`."""
    find_status: int | None = None
    """The DIMSE status with which a PACS ended a C-FIND; None: it told none."""

    def __init__(self, words: str = "", said: str = "") -> None:
        self.public = words
        super().__init__(f"{words}: {said}" if said else words)


@contextmanager
def about(server: str) -> Iterator[None]:
    """Our errors out of the block are about this server, unless a narrower block has said otherwise."""
    try:
        yield
    except PipelineError as error:
        error.server = error.server or server
        raise


class RetriableError(PipelineError):
    """A passing fault: a connection refused, a time-out, a server that is starting."""


class Unreachable(RetriableError):
    """Nobody answers there: connection refused or no route; the request was never seen."""


class Busy(RetriableError):
    """The other side is there and says "not now"; ``wait`` is for how long, when it said so."""

    def __init__(self, words: str, wait: timedelta | None = None, said: str = "") -> None:
        self.wait = wait
        super().__init__(words, said)


class StoreAway(RetriableError):
    """
    The study store does not answer, or cannot write now; what was to be written may or may not have been.
    """


class StoreLost(StoreAway):
    """The store in use was removed, replaced or emptied: nothing is written to what lies in its place."""


class NoRoom(RetriableError):
    """The RAM disk cannot take the pull now."""


class FilesGone(RetriableError):
    """The folder of a hand-over is not there: the RAM disk lost it, or it was let go."""


class TooManyAnswers(RetriableError):
    """
    The PACS ended a C-FIND with a failure after some answers: Out of Resources (0xA700, PS3.4 C.4.1.1.4), or
    another status.

    ``partial`` holds the answers that came before; they are true, but not all. ``number`` is how many came,
    None where whoever asked for us threw them away: then nobody knows where the PACS stops. Only A700 says
    that there were too many (``says_so``); another status may have another cause.
    """

    def __init__(
        self, partial: Sequence[Attributes] | None, words: str = "", status: int = OUT_OF_RESOURCES
    ) -> None:
        self.partial: list[Attributes] = list(partial or ())
        self.number: int | None = None if partial is None else len(self.partial)
        self.find_status = status
        self.says_so = status == OUT_OF_RESOURCES
        after = "after some answers" if partial is None else f"after {self.number} answers"
        why = "too many for it (status A700)" if self.says_so else f"with failure status {status:04X}"
        super().__init__(f"the PACS stopped {after}, {why}", words)


class PermanentError(PipelineError):
    """Asking again in the same way will fail in the same way."""


class TooLarge(PermanentError):
    """The pull needs more than the whole RAM disk: no waiting helps."""


class UnreadableAnswers(PermanentError):
    """
    The PACS answered a C-FIND, and whoever asked for us cannot read it, or not hold it; another finder may.
    """


class _KeyedError(PermanentError):
    def __init__(self, key: str, value: object, allowed: str) -> None:
        self.key = key
        self.value = value
        self.allowed = allowed
        super().__init__(f"{key} = {_shown(value)} is not allowed: {allowed}")
        self.public = f"{key} is not allowed: {allowed}"


def _shown(value: object) -> str:
    """The value for people: what was sent to us may be as long as its sender likes."""
    try:
        shown = repr(value)
    except ValueError:  # a number of more digits than CPython writes
        return f"a {type(value).__name__}"
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}..."


class ConfigurationError(_KeyedError):
    """A setting that cannot be used; carries ``key``, ``value`` and ``allowed``."""


class ConfigurationErrors(ConfigurationError):
    """
    Several settings that cannot be used, told at once; ``key``, ``value`` and ``allowed`` are the first
    one's.
    """

    def __init__(self, errors: Sequence[ConfigurationError]) -> None:
        first = errors[0]
        super().__init__(first.key, first.value, first.allowed)
        self.errors = tuple(errors)
        self.args = ("\n".join(str(error) for error in errors),)
        self.public = "; ".join(error.public for error in errors)


class MessageError(_KeyedError):
    """A message that cannot be used; carries ``key``, ``value`` and ``allowed``."""


class Unreadable(PermanentError):
    """
    What was stored and this version cannot read: damaged, or written by another. It costs that study, entry
    or file, no other.
    """


class InvalidTransition(PermanentError):
    """A pair of state and event that the life cycle does not know; ``at``: when, epoch milliseconds."""

    def __init__(self, words: str, at: int = 0) -> None:
        self.at = at
        super().__init__(words)


class Refused(PermanentError):
    """The other side refused for good; ``status`` is its HTTP status, ``words`` what it said."""

    def __init__(self, who: str, status: int, words: str) -> None:
        self.status = status
        self.words = words
        super().__init__(f"{who} refused with status {status}", words)
        if self.redirects:
            self.public = f"{who} answered {status}: redirects are not followed"

    @property
    def redirects(self) -> bool:
        """Whether it sends us elsewhere (3xx): the address is wrong, not what was asked."""
        return 300 <= self.status < 400
