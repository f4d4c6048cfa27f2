"""The trail on disk: appended by many at once, cut by age, and what is missing at its end is known to the store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.audit_trail.trail_file import TrailFile
from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.domain.audit_trail.entry import Act, Chain, Deed, blanked, named_in
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.privacy.pseudonym import Pseudonyms
from pacs_module.use_cases.privacy.keep_audit_trail import PREFIX, KeepTrail
from tests.fakes.world import FakeLog

KEY = b"k" * 32
WRITER = """
import sys
from pathlib import Path
from pacs_module.adapters.audit_trail.trail_file import TrailFile
from pacs_module.domain.privacy.pseudonym import Pseudonyms
from pacs_module.domain.audit_trail.entry import Act, Chain, Deed
trail = TrailFile(Path(sys.argv[1]), Chain(Pseudonyms(b"k" * 32)))
for number in range(50):
    trail.append(Act(Deed.SAW, f"process {number}"))
"""


@pytest.fixture
def trail(tmp_path: Path) -> TrailFile:
    return TrailFile(tmp_path / "audit-trail.jsonl", Chain(Pseudonyms(KEY)))


def wrong(trail: TrailFile) -> list[str]:
    return trail.chain.verify(trail.entries(), trail.begin().head)[1]


def test_threads_and_processes_write_one_chain(trail: TrailFile) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(trail.path)]) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: trail.append(Act(Deed.DID, f"thread {number}")), range(50)))
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert trail.head().number == 150
    assert wrong(trail) == []
    assert trail.path.stat().st_mode & 0o777 == 0o640


def test_identifiers_go_and_the_chain_holds(trail: TrailFile) -> None:
    for number in range(4):
        trail.append(Act(Deed.SAW, objects={"patient": f"PATIENT-{number}"}))
    words = frozenset({"PATIENT-1"})
    assert trail.rewrite(lambda one: blanked(one) if named_in(one, words) else one) == 1
    text = trail.path.read_text()
    assert "PATIENT-1" not in text
    assert "PATIENT-2" in text
    assert wrong(trail) == []


def test_old_entries_go_from_the_front_and_the_rest_hangs_on_what_was_removed(trail: TrailFile) -> None:
    for number in range(3):
        trail.append(Act(Deed.SAW, f"{number}"))
    assert trail.rewrite(lambda one: one, "2999") == 3
    assert trail.head().number == 3
    trail.append(Act(Deed.SAW, "after"))
    assert [one["number"] for one in trail.entries()] == [4]
    assert wrong(trail) == []
    chain = json.loads(trail.path.read_text().splitlines()[0])["chain"]
    assert chain == trail.begin().chain


def test_a_line_that_was_cut_is_noticed_and_the_trail_goes_on(trail: TrailFile) -> None:
    trail.append(Act(Deed.SAW, "one"))
    trail.append(Act(Deed.SAW, "two"))
    lines = trail.path.read_text().splitlines(keepends=True)
    trail.path.write_text("".join([lines[0], lines[1][:40] + "\n", *lines[2:]]))
    trail.append(Act(Deed.SAW, "three"))
    assert wrong(trail)


# --- to the receiver ---


class Receiver:
    def __init__(self) -> None:
        self.got: list[int] = []
        self.away = False

    def __call__(self, entries: Sequence[dict[str, Any]]) -> None:
        if self.away:
            raise RetriableError("nobody there")
        self.got += [one["number"] for one in entries]


def keeper(
    trail: TrailFile, receiver: Receiver, spool: int = 1000
) -> tuple[KeepTrail, MemoryLeases, FakeLog]:
    leases, log = MemoryLeases(), FakeLog()
    return KeepTrail(trail, leases, log, trail.path.with_suffix(".sent"), spool, receiver), leases, log


def test_everything_is_sent_once_in_order_also_after_an_outage_and_a_new_start(trail: TrailFile) -> None:
    receiver = Receiver()
    step, leases, _ = keeper(trail, receiver)
    for number in range(150):
        trail.append(Act(Deed.SAW, f"{number}"))
    receiver.away = True
    with pytest.raises(RetriableError):
        step()
    receiver.away = False
    assert step()
    again, _, _ = keeper(trail, receiver)
    assert not again()
    assert receiver.got == list(range(1, 151))
    assert leases.memo(f"{PREFIX}{trail.begin().chain}")["number"] == 150


def test_the_spool_is_bounded_and_what_is_passed_over_is_an_entry(trail: TrailFile) -> None:
    receiver = Receiver()
    step, _, log = keeper(trail, receiver, spool=10)
    for number in range(30):
        trail.append(Act(Deed.SAW, f"{number}"))
    while step():
        pass
    assert receiver.got == list(range(21, 32))
    assert log.keys == ["audit_entries_not_sent"]
    assert list(trail.entries())[-1]["deed"] == Deed.LOST.value
    assert wrong(trail) == []
