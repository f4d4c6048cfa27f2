"""What the hospital has: its PACS and its RIS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..domain.dicom.attributes import Attributes
from ..domain.pull.ris_orders import RisOrder


class PacsFinder(Protocol):
    """C-FIND at one or more PACS."""

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        """
        Ask one PACS.

        Args:
            pacs: Name of the PACS.
            level: PATIENT, STUDY, SERIES or IMAGE.
            query: Matching keys (DICOM keyword to value).
            return_keys: Keywords wanted back.

        Returns:
            An answer per match: keyword to text, several values joined by a backslash; what the PACS did not
            return is absent.

        Raises:
            RetriableError: No answer in time, association refused.
            PermanentError: The PACS or Orthanc cannot answer this query.
        """
        ...


class Ris(Protocol):
    """The orders of the hospital's RIS."""

    def orders_of(self, accession_number: str, patient_id: str, day: str) -> list[RisOrder]:
        """
        The orders with this number, and all of this patient on this day (YYYY-MM-DD); empty values match
        nothing.

        Raises:
            RetriableError: The RIS does not answer.
            PermanentError: The view cannot be read.
        """
        ...
