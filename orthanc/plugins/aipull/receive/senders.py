"""
Who sends for which PACS: Orthanc's DicomModalities, the PACS's settings, and what the PACS itself has
confirmed.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Mapping

from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.image_origin import KnownSenders, Sender, read_senders
from pacs_module.shared.logs import ContractLog

from ..journal.journal import Journal, as_text
from ..runtime.environment import is_address

_LEARNED = "senders"
_MAX_TOLD = 1000
"""Senders that are told of by one process: after that whoever invents AE titles is not worth a line."""


class Senders:
    """
    Known senders of each PACS.

    A host name is looked up once, beside the work: until it is known the AE title alone counts.

    Args:
        modalities: AE title and host of each PACS, as in DicomModalities.
        journal: Keeps what was learned.
        log: Told of a new one.
    """

    def __init__(self, modalities: Mapping[str, Sender], journal: Journal, log: ContractLog) -> None:
        self._journal = journal
        self._log = log
        self._told: set[Sender] = set()
        self._configured = {name: _only(without_host_name(one)) for name, one in modalities.items()}
        named = {name: one for name, one in modalities.items() if one.address and not is_address(one.address)}
        if named:
            threading.Thread(target=self._look_up, args=(named,), name="senders", daemon=True).start()

    def of(self, request: PullRequest) -> KnownSenders:
        """Who sends for the PACS of a pull."""
        learned = KnownSenders(frozenset(Sender(*pair) for pair in self._learned().get(request.pacs, ())))
        return self._configured.get(request.pacs, KnownSenders()) | read_senders(request.senders) | learned

    def note(self, senders: Iterable[tuple[str, str]]) -> None:
        """
        Take AE title and address of those who sent; tell once of each sender that is neither in
        DicomModalities nor has been confirmed by a PACS.

        As shipped anybody may store. Whoever reads these lines for a while knows whom to name before he shuts
        the others out.
        """
        for one in sorted({Sender(*pair) for pair in senders} - self._told):
            if not one.ae_title or len(self._told) >= _MAX_TOLD:
                continue
            self._told.add(one)
            if not self._anybody().knows(one):
                self._log.event(
                    "unknown_sender",
                    "images came from a sender that nobody has named; with ORTHANC_STORE_FROM_ALL "
                    "false it would be refused: add it to AIPULL_SENDERS if it belongs here",
                    "WARNING",
                    aeTitle=one.ae_title,
                    address=one.address,
                    setting=f"AIPULL_SENDERS={one.ae_title.strip()}@{one.address}",
                )

    def _anybody(self) -> KnownSenders:
        known = KnownSenders()
        for configured in self._configured.values():
            known |= configured
        learned = (Sender(*pair) for pairs in self._learned().values() for pair in pairs)
        return known | KnownSenders(frozenset(learned))

    def learn(self, pacs: str, senders: Iterable[Sender]) -> list[Sender]:
        """Note senders that the PACS has confirmed; those that are new."""
        new = self._add(pacs, senders)
        for one in new:
            self._log.event(
                "sender_learned", f"{pacs} sends from {one.words}, too: it has confirmed the images",
                pacs=pacs, aeTitle=one.ae_title, address=one.address,
            )  # fmt: skip
        return new

    def _add(self, pacs: str, senders: Iterable[Sender]) -> list[Sender]:
        with self._journal.transaction():
            learned = self._learned()
            known = {tuple(pair) for pair in learned.get(pacs, ())}
            new = sorted(one for one in senders if (one.ae_title, one.address) not in known)
            if new:
                learned[pacs] = [*learned.get(pacs, ()), *([one.ae_title, one.address] for one in new)]
                self._journal.set_meta(_LEARNED, as_text(learned))
        return new

    def _learned(self) -> dict[str, list[list[str]]]:
        return dict(json.loads(self._journal.meta(_LEARNED, "{}")))

    def _look_up(self, named: Mapping[str, Sender]) -> None:
        for name, one in named.items():
            try:
                found = {str(entry[4][0]) for entry in socket.getaddrinfo(one.address, None)}
            except OSError as error:
                words = f"the host name of {name} is not known to us: its AE title alone tells its images"
                self._log.event(
                    "sender_host_unknown", words, "WARNING", pacs=name, host=one.address, error=str(error)
                )
                continue
            self._configured[name] = _only(*(Sender(one.ae_title, address) for address in found))


def _only(*senders: Sender) -> KnownSenders:
    return KnownSenders(frozenset(senders))


def without_host_name(sender: Sender) -> Sender:
    """A sender as it is compared: ``0.0.0.0`` is an entry of AIPULL_SENDERS without an address."""
    plain = is_address(sender.address) and sender.address != "0.0.0.0"  # noqa: S104 - compared, not bound
    return sender if plain else Sender(sender.ae_title)
