"""One place that turns the errors of ``requests`` into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests

from ..domain.errors import Refused, RetriableError, Unreachable

_AGAIN = frozenset({408, 425, 429})
_SERVER_ERROR = 500


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
        RetriableError: 5xx, and the 4xx that mean "later".
        Refused: Any other status.
    """
    if response.ok:
        return response
    if response.status_code >= _SERVER_ERROR or response.status_code in _AGAIN:
        raise RetriableError(f"{who} answered {response.status_code}: {response.text[:300]}")
    raise Refused(who, response.status_code, response.text[:300])
