"""What devices send, in the journal: instances and bytes by modality, manufacturer, model and matrix."""

from __future__ import annotations

from pacs_module.domain.pull.ram_disk import Seen

from .journal import Journal

_MOST_INSTANCES = 20_000
"""Then old and new count alike: a device that was set up anew is known again after some days."""


class SizeRows:
    """What is asked of the table ``sizes``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def add(self, seen: Seen) -> None:
        """Add a series that was received."""
        with self._journal.transaction():
            self._journal.write(
                "INSERT INTO sizes VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (modality, manufacturer, "
                    "model, matrix) "
                "DO UPDATE SET instances = instances + excluded.instances, bytes = bytes + excluded.bytes",
                seen.modality, seen.manufacturer, seen.model, seen.matrix, seen.instances, seen.size,
            )  # fmt: skip
            self._journal.write(
                "UPDATE sizes SET instances = instances / 2, bytes = bytes / 2 WHERE instances > ?",
                _MOST_INSTANCES,
            )

    def all(self) -> list[Seen]:
        """Everything seen so far."""
        return [Seen(*tuple(row)) for row in self._journal.rows("SELECT * FROM sizes")]
