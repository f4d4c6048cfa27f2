"""Alarms as a JSON object to a web hook."""

from __future__ import annotations

from typing import Any

from ...domain.alarm.alarm import Message
from ...domain.instants import iso
from ...shared.http import HttpLink, checked

TIMEOUT_S = 15.0


class Webhook:
    """
    Posts each message; any 2xx means delivered.

    Args:
        url: Where to.
        key: Sent as ``Authorization: Bearer``; empty: none.
        site: Name of the site, in every message.
        page_url: Where the web page is reached by those who read it; empty: no link.
        ca_file: Authorities of its certificate; empty: the system's.
    """

    def __init__(
        self, url: str, key: str = "", site: str = "", page_url: str = "", ca_file: str = ""
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._link = HttpLink("alarm web hook", headers, ca_file=ca_file)
        self._url, self._site, self._page_url = url, site, page_url

    def __call__(self, message: Message) -> None:
        """
        Send one.

        Raises:
            PipelineError: It was not taken.
        """
        told = content(message, self._site, self._page_url)
        checked("alarm web hook", self._link.call("POST", self._url, json_body=told, timeout=TIMEOUT_S))


def content(message: Message, site: str, page_url: str) -> dict[str, Any]:
    """What is told of an alarm: ``change`` is raised or resolved, ``since`` and ``at`` ISO 8601 UTC."""
    alarm = message.alarm
    told = {
        "site": site,
        "alarm": alarm.key,
        "change": message.change.value,
        "severity": alarm.severity.value,
        "text": alarm.words,
        "since": iso(message.since),
        "at": iso(message.at),
    }
    if page_url:
        told["page"] = page_url.rstrip("/") + alarm.page
    return told
