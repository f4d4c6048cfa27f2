"""A torn or damaged line of the audit trail stops nobody, and is told by `verify` alone where it is (K8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_module.adapters.audit_trail.trail_file import TrailFile
from pacs_module.adapters.stores.leases import MemoryLeases
from pacs_module.domain.audit_trail.entry import Act, Chain, Deed
from pacs_module.domain.privacy.pseudonym import Pseudonyms
from pacs_module.use_cases.privacy.keep_audit_trail import KeepTrail
from tests.fakes.world import FakeLog
from tests.unit.domain.json_messages.test_k08_kept_json import DAMAGED

ODD = {
    **DAMAGED,
    "a number in words": b'{"number": "three", "hash": "x"}',
    "no hash": b'{"number": 3}',
    "a hash that is none": b'{"number": 3, "hash": 5}',
}
odd = pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
ACT = Act(Deed.SAW, "wang")


@pytest.fixture
def trail(tmp_path: Path) -> TrailFile:
    made = TrailFile(tmp_path / "audit-trail.jsonl", Chain(Pseudonyms(b"k" * 32)))
    made.append(ACT)
    made.append(ACT)
    return made


def wrong(trail: TrailFile) -> list[str]:
    return trail.chain.verify(trail.entries(), trail.begin().head)[1]


@odd
def test_after_a_torn_last_line_the_chain_goes_on(raw: bytes, trail: TrailFile) -> None:
    with trail.path.open("ab") as file:
        file.write(raw or b'{"number": 3, "at')
    assert (trail.append(ACT).number, trail.append(ACT).number) == (4, 5)
    assert wrong(trail) == ["entry 3 was changed"]


@odd
def test_a_damaged_line_in_the_middle_is_told(raw: bytes, trail: TrailFile) -> None:
    first, _, last = trail.path.read_bytes().splitlines(keepends=True)
    trail.path.write_bytes(first + raw + b"\n" + last)
    assert wrong(trail)[0] == "entry 1 was changed"
    assert trail.append(ACT).number == 3
    assert trail.rewrite(lambda one: one) == 0


@odd
def test_without_its_first_line_it_can_still_be_written(raw: bytes, trail: TrailFile) -> None:
    _, *rest = trail.path.read_bytes().splitlines(keepends=True)
    trail.path.write_bytes(raw + b"\n" + b"".join(rest))
    assert trail.append(ACT).number == 3
    assert len(list(trail.entries())) == 3


@pytest.mark.parametrize("sent", ["99999999", "", "-3", "x", "\x00\x00"])
def test_a_mark_of_another_trail_does_not_stop_the_sending(
    sent: str, trail: TrailFile, tmp_path: Path
) -> None:
    mark = tmp_path / "sent"
    mark.write_text(sent, encoding="ascii")
    got: list[int] = []
    keep = KeepTrail(
        trail, MemoryLeases(), FakeLog(), mark, 100, lambda some: got.extend(one["number"] for one in some)
    )
    keep()
    assert got == [1, 2]
    assert mark.read_text(encoding="ascii") == "2"
