"""One place that turns the errors of ``requests`` into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import requests

from ..domain.errors import Busy, Refused, RetriableError, Unreachable

_AGAIN = frozenset({408, 425})
_BUSY = frozenset({429, 503})
_SERVER_ERROR = 500
_LONGEST_WAIT_S = 3600


@contextmanager
def translated(who: str) -> Iterator[None]:
    """Map what ``requests`` raises: nobody there is Unreachable, everything else on the way is Retriable."""
    try:
        yield
    except requests.exceptions.ConnectTimeout as error:
        raise Unreachable(f"{who} does not answer: {error}") from error
    except requests.exceptions.ConnectionError as error:
        refused = "NewConnectionError" in repr(error) or "Connection refused" in repr(error)
        kind = Unreachable if refused else RetriableError
        raise kind(f"{who}: {error}") from error
    except requests.exceptions.RequestException as error:
        raise RetriableError(f"{who}: {type(error).__name__} {error}") from error


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
    if response.status_code in _BUSY:
        raise Busy(f"{who} answered {response.status_code}: {response.text[:300]}", _retry_after(response))
    if response.status_code >= _SERVER_ERROR or response.status_code in _AGAIN:
        raise RetriableError(f"{who} answered {response.status_code}: {response.text[:300]}")
    raise Refused(who, response.status_code, response.text[:300])


def _retry_after(response: requests.Response) -> timedelta | None:
    """RFC 9110 10.2.3; its form with a date is taken as not said: the clocks may differ."""
    said = response.headers.get("Retry-After", "").strip()
    return timedelta(seconds=min(int(said), _LONGEST_WAIT_S)) if said.isascii() and said.isdigit() else None
