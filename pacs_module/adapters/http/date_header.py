"""Another server's time, as its HTTP answers tell it (``Date``, RFC 9110 6.6.1)."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

from ...domain.errors import PipelineError
from ...shared.http import HttpLink

ANSWER_S = 5.0


def clock_of(name: str, url: str, ca_file: str = "") -> Callable[[], int | None]:
    """What tells a server's time in epoch milliseconds, to a second; None: it tells none, or is away."""
    link = HttpLink(name, ca_file=ca_file)

    def ask() -> int | None:
        try:
            answer = link.call("HEAD", url, timeout=ANSWER_S)
            return int(parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() * 1000)
        except (PipelineError, TypeError, ValueError):
            return None

    return ask
