"""The finder of each PACS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from ..adapters.dicom.direct_fallback import DirectFallback
from ..adapters.dicom.find_scu import DicomTls, Peer
from ..adapters.dicom.orthanc_finder import OrthancFinder
from ..adapters.dicom.pynetdicom_finder import PynetdicomFinder
from ..domain.dicom.attributes import Attributes
from ..domain.errors import PermanentError, about
from ..ports import EventLog, PacsFinder
from ..settings import PacsSettings, Settings
from ..use_cases.find.match_answers import MatchedFinder


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
    orthanc = settings.orthanc
    return OrthancFinder(orthanc.url, orthanc.username, orthanc.password.get_secret_value(), deadline_s)


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
        elif isinstance(orthanc, OrthancFinder):
            peer = orthanc.peer_of(pacs.name)
        return PynetdicomFinder(peer, deadline_s) if peer is not None else None

    return DirectFallback(orthanc, direct, log)
