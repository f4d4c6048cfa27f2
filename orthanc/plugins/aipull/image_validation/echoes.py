"""
Whether senders answer a C-ECHO at the port that the policy has for them: asked beside the work, and
remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from pacs_module.domain.errors import PipelineError
from pacs_module.domain.receive.image_origin import Sender

from ..server.orthanc_client import OrthancClient

_GOOD_FOR_S = 600.0
_ASK_S = 30.0


class Echoes:
    """
    Asks through Orthanc, one sender at a time; nobody waits for the answer.

    Args:
        rest: Orthanc.
        ports: By sender, as in the policy.
    """

    def __init__(self, rest: OrthancClient, ports: Mapping[Sender, int]) -> None:
        self._rest = rest
        self._ports = ports
        self._known: dict[Sender, tuple[bool, float]] = {}
        self._asking: set[Sender] = set()
        self._lock = threading.Lock()

    def answers(self, sender: Sender) -> bool | None:
        """Whether a sender answers; None: it has no port in the policy, or it is being asked."""
        if sender not in self._ports:
            return None
        with self._lock:
            said, at = self._known.get(sender, (None, 0.0))
            if said is not None and time.monotonic() - at <= _GOOD_FOR_S:
                return said
            if sender not in self._asking:
                self._asking.add(sender)
                threading.Thread(target=self._ask, args=(sender,), name="echo", daemon=True).start()
        return said

    def _ask(self, sender: Sender) -> None:
        body = {"AET": sender.ae_title, "Host": sender.address, "Port": self._ports[sender], "Timeout": 10}
        try:
            self._rest.post("/tools/dicom-echo", body, _ASK_S)
            said = True
        except PipelineError:
            said = False
        with self._lock:
            self._known[sender] = said, time.monotonic()
            self._asking.discard(sender)
