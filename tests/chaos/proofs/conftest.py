"""What several of these tests need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.rig.small_disk import small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that a test may fill."""
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("a disk to fill needs the right to mount one")
        yield disk
