"""
What is known of a path: when it is broken, whose fault a failure is, and that it is kept and read back whole.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.circuit import CLOSED, HALF_OPEN, OPEN
from pacs_module.domain.pull.failure_blame import Blame, Blames
from pacs_module.domain.pull.move_circuit import MoveCircuit, path_memo, path_of
from pacs_module.domain.study.pull_state import Charge

PROOF = Blame(Blames.PATH, "A801", "it does not know us", "register us", at_once=True)
PATH = Blame(Blames.PATH, "refused", "it rejects us")
EITHER = Blame(Blames.EITHER, "C000", "it could not")
UNTOLD = Blame(Blames.UNTOLD, "other", "it failed")
STUDY = Blame(Blames.STUDY, "not_there", "it does not have it")


def test_a_proof_opens_at_once_and_words_say_what_to_do() -> None:
    path = MoveCircuit().failed("1", PROOF, 1000)
    assert (path.circuit.state, path.told, path.cause) == (OPEN, "it does not know us: register us", "A801")
    assert [path.places(running, now) for running, now in ((0, 1000), (0, 11_000), (1, 11_000))] == [0, 1, 0]


@pytest.mark.parametrize("blame", [PATH, EITHER])
def test_what_may_pass_opens_at_the_second_time(blame: Blame) -> None:
    once = MoveCircuit().failed("1", blame, 0)
    assert (once.closed, once.failed("1", blame, 1).closed) == (True, False)
    assert once.came_through("2", 1).failed("1", PATH, 2).closed


@pytest.mark.parametrize("blame", [STUDY])
def test_a_study_of_its_own_says_nothing_of_the_path(blame: Blame) -> None:
    path = MoveCircuit()
    for at in range(9):
        path = path.failed(str(at), blame, at)
    assert path == MoveCircuit()


@pytest.mark.parametrize(
    ("path", "blame", "charge"),
    [
        (MoveCircuit(), STUDY, Charge.CHARGED),
        (MoveCircuit(), PROOF, Charge.NOT_CHARGED),
        (MoveCircuit(), PATH, Charge.NOT_CHARGED),
        (MoveCircuit(), EITHER, Charge.PENDING),
        (MoveCircuit(), UNTOLD, Charge.CHARGED),
        (MoveCircuit(failing=("1",)), UNTOLD, Charge.CHARGED),
        (MoveCircuit(failing=("2", "3")), UNTOLD, Charge.PENDING),
        (MoveCircuit(suspects=("1",)), EITHER, Charge.CHARGED),
        (MoveCircuit(suspects=("1",), failing=("1",)), EITHER, Charge.CHARGED),
        (MoveCircuit(suspects=("1",), failing=("2",)), EITHER, Charge.PENDING),
        (MoveCircuit(suspects=("2",)), EITHER, Charge.PENDING),
        (MoveCircuit().failed("9", PROOF, 0), EITHER, Charge.NOT_CHARGED),
        (MoveCircuit().failed("9", PROOF, 0), UNTOLD, Charge.NOT_CHARGED),
        (MoveCircuit().failed("9", PROOF, 0), STUDY, Charge.CHARGED),
    ],
)
def test_who_is_charged(path: MoveCircuit, blame: Blame, charge: Charge) -> None:
    assert path.charge("1", blame) is charge


def test_those_that_fail_while_another_comes_are_suspect_until_they_come_themselves() -> None:
    path = MoveCircuit().failed("1", EITHER, 0).came_through("2", 1)
    assert (path.suspects, path.failing) == (("1",), ())
    assert path.came_through("1", 2).suspects == ()


def test_those_of_an_outage_are_not() -> None:
    path = MoveCircuit().failed("1", EITHER, 0).failed("2", EITHER, 1).failed("3", EITHER, 2)
    assert not path.closed
    assert path.came_through("4", 3).suspects == ()


def test_a_probe_closes_or_opens_for_longer_and_a_lost_one_is_made_again() -> None:
    path = MoveCircuit().failed("1", PROOF, 0).probing(10_000)
    assert (path.circuit.state, path.places(1, 10_001), path.places(0, 10_001)) == (HALF_OPEN, 0, 1)
    assert path.probing(20_000).circuit.state is HALF_OPEN
    assert path.failed("2", EITHER, 11_000).circuit.retry_at == 31_000
    assert path.came_through("2", 11_000).circuit.state is CLOSED
    assert MoveCircuit().probing(0) == MoveCircuit()


WHAT = st.sampled_from(["proof", "path", "either", "untold", "came", "probe"])
STEPS = st.lists(st.tuples(WHAT, st.integers(1, 9)), max_size=40)


@given(STEPS)
def test_a_path_is_read_back_as_it_was_kept_and_never_shut_for_longer_than_a_minute(
    steps: list[tuple[str, int]],
) -> None:
    path, now = MoveCircuit(), 0
    blames = {"proof": PROOF, "path": PATH, "either": EITHER, "untold": UNTOLD}
    for what, study in steps:
        now += 1000
        if what == "came":
            path = path.came_through(str(study), now)
        elif what == "probe":
            path = path.probing(now) if path.places(0, now) else path
        else:
            path = path.failed(str(study), blames[what], now)
        assert path_of(json.loads(json.dumps(path_memo(path)))) == path
        assert path.places(0, now + 60_000) != 0


BROKEN: list[dict[str, Any]] = [
    {}, {"state": "ajar"}, {"state": 3}, {"state": None}, {"state": "open", "failing": 3},
    {"state": "open", "retryAt": "soon"},
    {"state": "open", "failing": [1, None, "1.2"]}, {"state": "open", "since": True},
    {"state": "open", "told": ["x"]},
    {"state": "half-open"}, {"pullsAt": 3},
]  # fmt: skip


@pytest.mark.parametrize("memo", BROKEN)
def test_a_record_that_cannot_be_read_shuts_nobody_out(memo: dict[str, Any]) -> None:
    assert path_of(memo).places(0, 10**13) != 0
