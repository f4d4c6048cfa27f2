"""
A storage SCP that stands before a real PACS and passes everything on, except where it is told to answer badly: what is
simulated is the answer, what is stored is stored by the PACS.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, evt

from pacs_module.adapters.dicom.reactor_gate import keep_answers
from stack.ports import LOOPBACK

HABITS = ("refuses", "a700", "a900", "c000", "aborts", "aborts after it is stored", "is silent")
AET = "RELAY"


class StoreRelay:
    """Each habit of ``habits`` is used up by one association (refuses) or one C-STORE."""

    def __init__(self, address: tuple[str, int, str], folder: Path) -> None:
        self._to = address
        self._folder = folder
        self.habits: list[str] = []
        self.stored: list[str] = []
        """SOPInstanceUIDs, as often as the PACS said that it stored them."""
        self._over = threading.Event()
        self._entity = AE(AET)
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(str(context.abstract_syntax))
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_CONN_OPEN, self._opened)]
        server = self._entity.start_server((LOOPBACK, 0), block=False, evt_handlers=handlers)
        assert server is not None
        assert server.socket is not None
        self._server = server
        self.port = int(server.socket.getsockname()[1])

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()

    def _opened(self, _: evt.Event) -> None:
        refused = self.habits[:1] == ["refuses"]
        if refused:
            self.habits.pop(0)
        self._entity.require_calling_aet = ["NOBODY"] if refused else []

    def _store(self, event: evt.Event) -> int:
        habit = self.habits.pop(0) if self.habits else ""
        if habit in ("a700", "a900", "c000"):
            return int(habit, 16)
        if habit == "is silent":
            self._over.wait(30)
            return 0xC000
        if habit != "aborts":
            status = self._pass_on(event)
            if habit != "aborts after it is stored":
                return status
        event.assoc.abort()
        return 0xC000

    def _pass_on(self, event: evt.Event) -> int:
        uid = str(event.file_meta.MediaStorageSOPInstanceUID)
        file = self._folder / f"{uid}.dcm"
        file.write_bytes(event.encoded_dataset())
        entity = AE("AIPULL")
        entity.add_requested_context(event.context.abstract_syntax, event.context.transfer_syntax)
        association = entity.associate(self._to[0], self._to[1], ae_title=self._to[2])
        if not association.is_established:
            return 0xC001
        keep_answers(association)
        status = association.send_c_store(str(file))
        association.release()
        if getattr(status, "Status", None) == 0:
            self.stored.append(uid)
        return int(getattr(status, "Status", 0xC002))
