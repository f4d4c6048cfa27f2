"""The finder of each PACS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..adapters.dicom.find_scu import Peer
from ..adapters.dicom.orthanc_finder import OrthancFinder
from ..adapters.dicom.pynetdicom_finder import PynetdicomFinder
from ..domain.dicom.attributes import Attributes
from ..domain.errors import PermanentError, about
from ..ports import PacsFinder
from ..settings import PacsSettings, Settings


class FinderByPacs:
    """One finder out of several: each PACS is asked by the one that the configuration chose for it."""

    def __init__(self, finders: Mapping[str, PacsFinder]) -> None:
        self._finders = dict(finders)

    def find(self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()) -> list[Attributes]:
        """Ask the PACS's own finder."""
        if pacs not in self._finders:
            raise PermanentError(f"no PACS {pacs!r} is configured, only {', '.join(sorted(self._finders))}")
        with about(f"PACS {pacs}"):
            return self._finders[pacs].find(pacs, level, query, return_keys)


@contextmanager
def opened_finder(settings: Settings) -> Iterator[FinderByPacs]:
    """The finders as configured, for a command that asks and ends."""
    orthanc = settings.orthanc
    by_orthanc = OrthancFinder(orthanc.url, orthanc.username, orthanc.password.get_secret_value(), orthanc.find_timeout_s)
    try:
        yield finder_by_pacs(settings.pacs, by_orthanc, orthanc.find_timeout_s)
    finally:
        by_orthanc.close()


def finder_by_pacs(configured: Iterable[PacsSettings], orthanc: PacsFinder, timeout: float) -> FinderByPacs:
    """
    The finders as configured.

    Args:
        configured: Every PACS.
        orthanc: For those that are asked by Orthanc.
        timeout: Deadline of a query to the others, in seconds.
    """
    finders: dict[str, PacsFinder] = {}
    for pacs in configured:
        peer = Peer(pacs.host, pacs.port, pacs.ae_title, pacs.calling_ae_title)
        finders[pacs.name] = PynetdicomFinder(peer, timeout) if pacs.finder == "pynetdicom" else orthanc
    return FinderByPacs(finders)
