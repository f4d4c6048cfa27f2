"""
Only chest orders are pulled, the urgent ones first, and nothing is lost for a RIS that does not know.

Not proved here: databases (tests/contract/test_ris_contract).
"""

from datetime import timedelta

import pytest

from pacs_module.domain.errors import RetriableError
from pacs_module.domain.pull.ris_orders import RisOrder, RisPolicy
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.priority import EMERGENCY, MANUAL, ROUTINE
from pacs_module.domain.study.study import PULL
from pacs_module.use_cases.pull.judge_orders import JudgeOrders, OrderTimes
from tests.fakes.pipeline import UID, Pipeline, answer

WAIT_S, AGAIN_S = 600, 60
DAY = "2020-06-18"


class FakeRis:
    def __init__(self) -> None:
        self.orders: list[RisOrder] = []
        self.error: Exception | None = None
        self.asked = 0

    def orders_of(self, accession_number: str, patient_id: str, day: str) -> list[RisOrder]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return list(self.orders)

    def has(self, body_part: str, number: str = "A1", urgency: str = "") -> None:
        self.orders.append(RisOrder(number, "P1", DAY, body_part, urgency))


@pytest.fixture
def ris() -> FakeRis:
    return FakeRis()


@pytest.fixture
def world(ris: FakeRis) -> Pipeline:
    world = Pipeline()
    times = OrderTimes(timedelta(seconds=WAIT_S), timedelta(seconds=AGAIN_S))
    policy = RisPolicy(emergency=("E",))
    world.pull.choose.orders = JudgeOrders(
        ris, world.store, world.plugins, world.clock, world.log, Switches(), policy, times
    )
    return world


def test_a_chest_order_is_pulled_with_the_priority_of_its_order(world: Pipeline, ris: FakeRis) -> None:
    ris.has("CHEST", urgency="E")
    assert world.until_asked().priority == EMERGENCY
    assert "order body part CHEST; priority 2" in [entry.why for entry in world.study().history]


def test_another_order_is_dropped_with_its_reason_and_told_to_the_plugins_log(
    world: Pipeline, ris: FakeRis
) -> None:
    ris.has("HEAD")
    world.until_stable()
    assert world.pull() == 0
    study = world.study()
    assert (study.state, study.why) == (State.UNSUPPORTED_SERIES, "order body part HEAD")
    assert PULL not in study.due
    assert world.plugins.verdicts == [f"A1 P1 {UID} study is filtered out"]


def test_a_dropped_study_that_grows_is_judged_again(world: Pipeline, ris: FakeRis) -> None:
    ris.has("HEAD")
    world.until_stable()
    world.pull()
    ris.orders.clear()
    ris.has("CHEST")
    world.until_stable(count=150)
    assert world.pull() == 1


def test_field_case_14_an_order_that_nobody_knows_holds_the_study_until_the_ris_does(
    world: Pipeline, ris: FakeRis
) -> None:
    world.until_stable()
    assert world.pull() == 0
    assert world.study().state is State.META_ONLY
    assert world.study().why == "held: the RIS has no order A1"
    ris.has("CHEST")
    assert world.pull() == 0
    world.clock.pass_seconds(AGAIN_S)
    assert world.pull() == 1


def test_an_order_that_comes_later_for_another_body_part_drops_it(world: Pipeline, ris: FakeRis) -> None:
    world.until_stable()
    world.pull()
    ris.has("HEAD")
    world.clock.pass_seconds(AGAIN_S)
    assert world.pull() == 0
    assert world.study().state is State.UNSUPPORTED_SERIES


@pytest.mark.parametrize("error", [None, RetriableError("RIS down")])
def test_field_case_14_a_ris_that_never_knows_loses_nothing(
    world: Pipeline, ris: FakeRis, error: Exception | None
) -> None:
    ris.error = error
    world.until_stable()
    world.pull()
    world.clock.pass_seconds(WAIT_S)
    assert world.pull() == 1


def test_a_ris_that_is_down_is_asked_once_in_a_pause(world: Pipeline, ris: FakeRis) -> None:
    ris.error = RetriableError("RIS down")
    world.pacs.studies["A"] = [answer(f"{UID}.{number}") for number in range(5)]
    for _ in range(2):
        world.clock.pass_seconds(10)
        world.find("A", world.clock.today())
    assert world.pull() == 0
    assert ris.asked == 1


def test_what_is_held_takes_no_place_from_the_others(ris: FakeRis) -> None:
    world = Pipeline(limit=1)
    world.pull.choose.orders = JudgeOrders(
        ris,
        world.store,
        world.plugins,
        world.clock,
        world.log,
        Switches(),
        RisPolicy(),
        OrderTimes(timedelta(1), timedelta(1)),
    )
    ris.has("HEAD", "A0")
    ris.has("CHEST", "A2")
    world.pacs.studies["A"] = [answer(f"{UID}.{number}", AccessionNumber=f"A{number}") for number in range(3)]
    for _ in range(2):
        world.clock.pass_seconds(10)
        world.find("A", world.clock.today())
    assert world.pull() == 1
    assert world.plugins.asked[0].study_uid == f"{UID}.2"


def test_waiting_studies_get_their_priority_before_it_is_their_turn(world: Pipeline, ris: FakeRis) -> None:
    ris.has("CHEST", urgency="E")
    world.until_stable()
    orders = world.pull.choose.orders
    assert orders is not None
    orders.judge_waiting()
    assert world.study().priority == EMERGENCY
    assert "2 by its order" in [entry.why for entry in world.study().history]
    asked = ris.asked
    orders.judge_waiting()
    assert ris.asked == asked


def test_look_ahead_leaves_routine_studies_as_they_are(world: Pipeline, ris: FakeRis) -> None:
    ris.has("CHEST")
    world.until_stable()
    revision = world.study().revision
    orders = world.pull.choose.orders
    assert orders is not None
    for _ in range(3):
        orders.judge_waiting()
    assert (world.study().priority, world.study().revision, ris.asked) == (ROUTINE, revision, 1)


def test_what_a_person_asks_for_needs_no_order(world: Pipeline, ris: FakeRis) -> None:
    ris.has("HEAD")
    world.until_stable()
    world.manual({"AccessionNumber": "A1"}, by="doctor")
    assert world.pull() == 1
    assert world.plugins.asked[-1].priority == MANUAL


# --- corrected orders ---


def test_a_correction_in_the_ris_alone_brings_a_dropped_study_back(world: Pipeline, ris: FakeRis) -> None:
    ris.has("HEAD")
    world.until_stable()
    assert world.pull() == 0
    assert world.study().state is State.UNSUPPORTED_SERIES
    ris.orders.clear()
    ris.has("CHEST", urgency="E")
    assert world.pull.choose.orders is not None
    world.pull.choose.orders.judge_waiting()
    assert (world.study().state, world.study().priority) == (State.META_ONLY, EMERGENCY)
    assert world.events()[-1] == "wanted after all by its order"
    assert world.pull() == 1


def test_dropped_studies_are_asked_about_after_a_pause_and_only_for_some_days(
    world: Pipeline, ris: FakeRis
) -> None:
    ris.has("HEAD")
    world.until_stable()
    world.pull()
    assert world.pull.choose.orders is not None
    asked = []
    for seconds in (0, 1, AGAIN_S, 3 * 86_400):
        world.clock.pass_seconds(seconds)
        world.pull.choose.orders.judge_waiting()
        asked.append(ris.asked)
    assert asked == [2, 2, 3, 3]


def test_what_its_images_made_unsupported_is_no_matter_of_the_ris(world: Pipeline, ris: FakeRis) -> None:
    ris.has("CHEST")
    request = world.until_asked()
    world.accept(world.filtered_message(request))
    before = world.study()
    assert world.pull.choose.orders is not None
    world.pull.choose.orders.judge_waiting()
    assert world.study() == before


def test_what_the_ris_does_not_know_any_more_stays_dropped(world: Pipeline, ris: FakeRis) -> None:
    ris.has("HEAD")
    world.until_stable()
    world.pull()
    ris.orders.clear()
    assert world.pull.choose.orders is not None
    world.pull.choose.orders.judge_waiting()
    assert world.study().state is State.UNSUPPORTED_SERIES
