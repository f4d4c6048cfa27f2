"""One place that turns the errors of ``requests`` into ours, and tells a server's address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import requests

from ...domain.errors import Busy, Refused, RetriableError, Unreachable

_AGAIN = frozenset({408, 425})
_BUSY = frozenset({429, 503})
_SERVER_ERROR = 500
_LONGEST_WAIT_S = 3600


def address_of(url: str) -> str:
    """``host:port`` of a URL: what of it can be shown to anybody, a password may stand before it and a token behind."""
    return urlsplit(url).netloc.rpartition("@")[2]


def host_and_port(url: str) -> tuple[str, int]:
    """Where a connection to that URL goes; the scheme's port where it names none."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def translated(who: str) -> Iterator[None]:
    """Map what ``requests`` raises: nobody there is Unreachable, everything else on the way is Retriable."""
    try:
        yield
    except requests.exceptions.ConnectTimeout as error:
        raise Unreachable(f"{who} does not answer: no connection in time", str(error)) from error
    except requests.exceptions.ConnectionError as error:
        refused = "NewConnectionError" in repr(error) or "Connection refused" in repr(error)
        kind = Unreachable if refused else RetriableError
        raise kind(f"{who} does not answer: {_reason(error)}", str(error)) from error
    except requests.exceptions.RequestException as error:
        raise RetriableError(f"{who}: {type(error).__name__}", str(error)) from error


def _reason(error: BaseException) -> str:
    """The operating system's own words for it, from the bottom of the chain; ``requests`` shows the whole URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def checked(who: str, response: requests.Response) -> requests.Response:
    """
    The response if it is 2xx.

    Raises:
        Busy: 429 and 503, with the time that ``Retry-After`` names in seconds.
        RetriableError: Any other 5xx, and the 4xx that mean "later".
        Refused: Any other status.
    """
    if response.ok:
        return response
    words = f"{who} answered {response.status_code}"
    if response.status_code in _BUSY:
        raise Busy(words, _retry_after(response), response.text[:300])
    if response.status_code >= _SERVER_ERROR or response.status_code in _AGAIN:
        raise RetriableError(words, response.text[:300])
    raise Refused(who, response.status_code, response.text[:300])


def _retry_after(response: requests.Response) -> timedelta | None:
    """RFC 9110 10.2.3; its form with a date is taken as not said: the clocks may differ."""
    said = response.headers.get("Retry-After", "").strip()
    return timedelta(seconds=min(int(said), _LONGEST_WAIT_S)) if said.isascii() and said.isdigit() else None
