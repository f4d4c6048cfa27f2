"""
One service at several addresses: the next one is asked where one is away, hangs or says "not now".

What is asked must be harmless twice: one that hangs may have done it all the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from ..domain.addresses import Addresses
from ..domain.errors import PermanentError, RetriableError
from .http import Answer, HttpLink, checked

ANSWER_S = 10.0
"""So long one of several may take before the next one is asked; the last one has all the time of the call."""
LOOK_S = 3.0
"""So long it may take to say that it is alive, before it is asked what takes long."""
_ALIVE = "/health/live"


class HttpAddresses:
    """
    Safe to use from several threads; shared by all who ask the same service, so that one is learned once.

    Args:
        link: With the key and the policy of all links.
        urls: At least one, without a slash at the end.
    """

    def __init__(self, link: HttpLink, urls: Sequence[str]) -> None:
        self._link = link
        self._addresses = Addresses(tuple(urls))
        self._lock = threading.Lock()

    def call(
        self, method: str, path: str, json_body: object = None, timeout: float = 30.0, slow: bool = False
    ) -> Answer:
        """
        The answer of the first address that gives one.

        Args:
            method: Of HTTP.
            path: From the root.
            json_body: Sent as JSON.
            timeout: Seconds for the answer.
            slow: A good answer may take all of the time: with several addresses one is asked whether it is
                alive before.

        Raises:
            RetriableError: None of them answers; the error is the last one's.
            PermanentError: One refuses: so would the others.
        """
        urls = self._addresses.in_turn(time.monotonic())
        for url in urls[:-1]:
            try:
                return self._ask(
                    method, url, path, json_body, timeout if slow else min(timeout, ANSWER_S), slow
                )
            except RetriableError:  # told by the last one, or by whoever watches that service
                continue
        return self._ask(method, urls[-1], path, json_body, timeout, slow and len(urls) > 1)

    def _ask(
        self, method: str, url: str, path: str, body: object, timeout: float, look_first: bool
    ) -> Answer:
        try:
            if look_first:
                self._checked("GET", url + _ALIVE, None, LOOK_S)
            answer = self._checked(method, url + path, body, timeout)
        except RetriableError:
            with self._lock:
                self._addresses = self._addresses.failed(url, time.monotonic())
            raise
        except PermanentError:
            self._answered(url)
            raise
        self._answered(url)
        return answer

    def _checked(self, method: str, url: str, body: object, timeout: float) -> Answer:
        return checked(self._link.who, self._link.call(method, url, json_body=body, timeout=timeout))

    def _answered(self, url: str) -> None:
        with self._lock:
            self._addresses = self._addresses.answered(url)
