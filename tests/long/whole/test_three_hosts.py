"""Three machines, one of them dead in the middle of a C-MOVE: the quick form of ``make chaos-hosts``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.hosts.matrix import QUICK, run
from tests.chaos.hosts.network import can_be_made

pytestmark = [pytest.mark.server, pytest.mark.timeout(600)]


@pytest.mark.skipif(not can_be_made(), reason="network namespaces need root and ip of iproute2")
def test_a_machine_that_dies_loses_nothing_and_the_two_others_go_on_without_it(tmp_path: Path) -> None:
    outcomes = run(QUICK, tmp_path, lambda outcome: None)
    assert [(one.words, one.audit.faults) for one in outcomes if one.bad] == []
    assert [str(one.cell) for one in outcomes] == [*map(str, QUICK), "all at rest at the end"]
