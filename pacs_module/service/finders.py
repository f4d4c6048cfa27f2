"""The finder of each PACS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from ..adapters.dicom.direct_fallback import DirectFallback
from ..adapters.dicom.find_scu import DicomTls, Peer
from ..adapters.dicom.orthanc_finder import OrthancFinder
from ..adapters.dicom.pynetdicom_finder import PynetdicomFinder
from ..domain.dicom.attributes import Attributes
from ..domain.errors import PermanentError, RetriableError, Unreachable, about
from ..ports import EventLog, PacsFinder
from ..settings import PacsSettings, Settings
from ..settings.servers import OrthancSettings
from ..use_cases.find.match_answers import MatchedFinder

T = TypeVar("T")


class FinderByPacs:
    """One finder out of several: each PACS is asked by the one that the configuration chose for it."""

    def __init__(self, finders: Mapping[str, PacsFinder]) -> None:
        self._finders = dict(finders)

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        """Ask the PACS's own finder."""
        if pacs not in self._finders:
            raise PermanentError(f"no PACS {pacs!r} is configured, only {', '.join(sorted(self._finders))}")
        with about(f"PACS {pacs}"):
            return self._finders[pacs].find(pacs, level, query, return_keys)


def orthanc_finder(settings: Settings, deadline_s: float) -> OrthancFinder:
    """A finder through the receiving Orthanc; a query may take ``deadline_s`` seconds."""
    return _through(settings.orthanc, deadline_s)


def _through(orthanc: OrthancSettings, deadline_s: float) -> OrthancFinder:
    return OrthancFinder(orthanc.url, orthanc.username, orthanc.password.get_secret_value(), deadline_s)


class FinderOfReceivers:
    """
    The receiving Orthancs ask the same PACS: the first one that is there does.

    Args:
        finders: One through each, by the receiver's name.
        away: Whether a receiver is known not to answer: it is asked only where all are.
    """

    def __init__(self, finders: Mapping[str, OrthancFinder], away: Callable[[str], bool]) -> None:
        self._finders = dict(finders)
        self._away = away

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        """Ask through the first Orthanc that answers; what a PACS says through one is not asked again."""
        return self._first(lambda finder: finder.find(pacs, level, query, return_keys))

    def peer_of(self, pacs: str) -> Peer | None:
        """Where a PACS is, as the first Orthanc that answers has been told."""
        return self._first(lambda finder: finder.peer_of(pacs))

    def _first(self, ask: Callable[[OrthancFinder], T]) -> T:
        *others, last = sorted(self._finders, key=self._away)
        for name in others:
            try:
                return ask(self._finders[name])
            except Unreachable:
                continue
            except RetriableError:
                # One that has gone silent meanwhile, paused say, has told nothing of the PACS.
                if not self._away(name):
                    raise
        return ask(self._finders[last])


def finder_of_receivers(settings: Settings, away: Callable[[str], bool], deadline_s: float) -> PacsFinder:
    """Through the receiving Orthancs as configured; a query may take ``deadline_s`` seconds."""
    if not settings.receiver:
        return orthanc_finder(settings, deadline_s)
    finders = {one.name: _through(one, deadline_s) for one in settings.receivers}
    return FinderOfReceivers(finders, away)


@contextmanager
def opened_finder(settings: Settings, log: EventLog) -> Iterator[MatchedFinder]:
    """The finders as configured, their answers matched, for a command that asks and ends."""
    opened: list[OrthancFinder] = []

    def by_orthanc(deadline_s: float) -> OrthancFinder:
        opened.append(orthanc_finder(settings, deadline_s))
        return opened[-1]

    try:
        finder = finder_by_pacs(settings.pacs, by_orthanc, settings.orthanc.find_timeout_s, log)
        yield MatchedFinder(finder, log, settings.traits)
    finally:
        for each in opened:
            each.close()


def finder_by_pacs(
    configured: Iterable[PacsSettings],
    by_orthanc: Callable[[float], PacsFinder],
    default_deadline_s: float,
    log: EventLog | None = None,
) -> FinderByPacs:
    """
    The finders as configured.

    Args:
        configured: Every PACS.
        by_orthanc: Makes a finder through Orthanc, given the deadline of a query in seconds.
        default_deadline_s: For a PACS without a deadline of its own.
        log: Told where a PACS is asked directly because Orthanc cannot read its answers; None: that is not
            done.
    """
    finders: dict[str, PacsFinder] = {}
    shared = cache(by_orthanc)  # one a deadline
    for pacs in configured:
        deadline_s = pacs.find_deadline_s or default_deadline_s
        if pacs.finder == "pynetdicom":
            finders[pacs.name] = _direct(pacs, deadline_s)
        elif log is not None and pacs.direct_fallback:
            finders[pacs.name] = _with_fallback(pacs, shared(deadline_s), deadline_s, log)
        else:
            finders[pacs.name] = shared(deadline_s)
    return FinderByPacs(finders)


def _direct(pacs: PacsSettings, deadline_s: float) -> PynetdicomFinder:
    return PynetdicomFinder(peer_of(pacs), deadline_s)


def peer_of(pacs: PacsSettings) -> Peer:
    """Where pacs_module itself asks a PACS, as the settings say."""
    told = pacs.tls
    tls = None
    if told is not None:
        tls = DicomTls(str(told.ca_file), str(told.certificate), str(told.key), told.check_host)
    return Peer(pacs.host, pacs.port, pacs.ae_title, pacs.calling_ae_title, tls)


def _with_fallback(pacs: PacsSettings, orthanc: PacsFinder, deadline_s: float, log: EventLog) -> PacsFinder:
    def direct() -> PacsFinder | None:
        peer = None
        if pacs.host and pacs.ae_title:
            peer = peer_of(pacs)
        elif isinstance(orthanc, OrthancFinder | FinderOfReceivers):
            peer = orthanc.peer_of(pacs.name)
        return PynetdicomFinder(peer, deadline_s) if peer is not None else None

    return DirectFallback(orthanc, direct, log)
