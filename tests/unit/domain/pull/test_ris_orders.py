"""
Orders of the RIS: chest or not, how urgent, or not known (M7, field cases 14 and 15). Not proved here: any
database.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.pull.ris_orders import OrderVerdict, RisOrder, RisPolicy, Wanted, judge_orders
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.priority import EMERGENCY, GREEN_CHANNEL, ROUTINE

DAY = "2020-06-18"
TABLE = RisPolicy({"1001": "CHEST", "2002": "ABDOMEN", "XB": "胸部"}, ("急诊", "E"), ("绿色通道", "G"))
KEYWORDS = Switches().body_part_ct.keywords


def order(
    body_part: str, number: str = "A1", patient: str = "P1", day: str = DAY, urgency: str = ""
) -> RisOrder:
    return RisOrder(number, patient, day, body_part, urgency)


def judge(
    *orders: RisOrder, policy: RisPolicy = TABLE, number: str = "A1", patient: str = "P1"
) -> OrderVerdict:
    return judge_orders(number, patient, DAY, orders, policy, KEYWORDS)


@pytest.mark.parametrize(
    ("body_part", "wanted", "why"),
    [
        ("1001", Wanted.YES, "order body part 1001=CHEST"),
        ("xb", Wanted.YES, "order body part xb=胸部"),
        ("CHEST", Wanted.YES, "order body part CHEST"),
        ("胸部CT平扫", Wanted.YES, "order body part 胸部CT平扫"),
        ("胸部".encode("gbk").decode("latin-1"), Wanted.YES, "order body part 胸部"),
        ("2002", Wanted.NO, "order body part 2002=ABDOMEN"),
        ("HEAD", Wanted.NO, "order body part HEAD"),
        ("2002, 1001", Wanted.YES, "order body part 2002=ABDOMEN, 1001=CHEST"),
        ("上腹部、头颅", Wanted.NO, "order body part 上腹部, 头颅"),
        ("3003", Wanted.YES, "order body part 3003 is not in the site's table"),
        ("2002;3003", Wanted.YES, "order body part 3003 is not in the site's table"),
        ("", Wanted.YES, "the order names no body part"),
        (" ; ", Wanted.YES, "the order names no body part"),
    ],
)
def test_body_parts_by_words_and_by_the_sites_table(body_part: str, wanted: Wanted, why: str) -> None:
    verdict = judge(order(body_part))
    assert (verdict.wanted, verdict.why) == (wanted, why)


@pytest.mark.parametrize(
    ("urgency", "priority"),
    [
        ("急诊", EMERGENCY),
        (" e ", EMERGENCY),
        ("绿色通道", GREEN_CHANNEL),
        ("G", GREEN_CHANNEL),
        ("普通", ROUTINE),
        ("", ROUTINE),
    ],
)
def test_urgency_is_the_contracts_priority(urgency: str, priority: int) -> None:
    assert judge(order("CHEST", urgency=urgency)).priority == priority


def test_urgency_damaged_on_its_way_is_known_too() -> None:
    assert judge(order("CHEST", urgency="急诊".encode("gbk").decode("latin-1"))).priority == EMERGENCY


def test_no_order_is_unknown_and_drops_nothing() -> None:
    assert judge() == OrderVerdict(Wanted.UNKNOWN, ROUTINE, "the RIS has no order A1")
    assert judge(order("HEAD", number="A2", patient="P2")).wanted is Wanted.UNKNOWN
    assert judge(order("HEAD", number=""), number="").wanted is Wanted.UNKNOWN


def test_field_case_15_another_order_of_the_patient_says_nothing_unless_the_site_is_tolerant() -> None:
    abdomen, chest = order("ABDOMEN"), order("CHEST", number="A2")
    assert judge(abdomen, chest).wanted is Wanted.NO
    tolerant = judge(abdomen, chest, policy=RisPolicy(tolerant=True))
    assert tolerant.wanted is Wanted.YES
    assert tolerant.why == "order body part ABDOMEN, CHEST"


@pytest.mark.parametrize(
    "other", [order("CHEST", number="A2", day="2020-06-17"), order("CHEST", number="A2", patient="P2")]
)
def test_tolerant_is_for_this_patient_on_this_day(other: RisOrder) -> None:
    assert judge(order("ABDOMEN"), other, policy=RisPolicy(tolerant=True)).wanted is Wanted.NO


def test_tolerant_without_an_order_of_its_own_goes_by_the_day() -> None:
    """The AccessionNumber of the images is not always the one in the RIS (field case 13)."""
    orders = (order("HEAD", number="B1"), order("CHEST", number="B2", urgency="E"))
    verdict = judge(*orders, policy=RisPolicy(tolerant=True, emergency=("E",)))
    assert (verdict.wanted, verdict.priority) == (Wanted.YES, EMERGENCY)


def test_the_urgency_of_another_order_of_the_day_is_not_this_ones() -> None:
    orders = (order("CHEST"), order("HEAD", number="A2", urgency="E"))
    assert judge(*orders, policy=RisPolicy(tolerant=True, emergency=("E",))).priority == ROUTINE


ORDERS = st.builds(
    RisOrder,
    st.sampled_from(["A1", "A2", ""]),
    st.sampled_from(["P1", ""]),
    st.just(DAY),
    st.text(),
    st.text(),
)


@given(st.lists(ORDERS, max_size=4), st.booleans())
def test_no_order_raises_and_every_verdict_has_a_reason(orders: list[RisOrder], tolerant: bool) -> None:
    verdict = judge(*orders, policy=RisPolicy({"1001": "CHEST"}, ("急",), ("绿",), tolerant))
    assert verdict.why
    if not orders:
        assert verdict.wanted is Wanted.UNKNOWN


# --- text and numbers as a RIS writes them (K6) ---

PADDED = ["A1", "A1   ", " A1", "A1\0", "a1", "Ａ１", "Ａ1 "]


@pytest.mark.parametrize("number", PADDED)
def test_the_same_number_is_the_same_however_it_is_padded_or_written(number: str) -> None:
    order = RisOrder(number, "P1", "2020-06-18", "CHEST")
    verdict = judge_orders("A1", "P1", "2020-06-18", [order], RisPolicy(), KEYWORDS)
    assert verdict.wanted is Wanted.YES


@pytest.mark.parametrize(
    ("number", "asked"), [("A1", "A10"), ("A10", "A1"), ("", ""), ("", "A1"), ("A1", ""), ("   ", "   ")]
)
def test_another_number_is_another_and_nothing_is_no_number(number: str, asked: str) -> None:
    order = RisOrder(number, "P1", "2020-06-18", "CHEST")
    assert judge_orders(asked, "P1", "2020-06-18", [order], RisPolicy(), KEYWORDS).wanted is Wanted.UNKNOWN


@pytest.mark.parametrize(
    "urgency", ["EMERGENCY", "emergency ", "ＥＭＥＲＧＥＮＣＹ", "Emergency\0", " EMERGENCY"]
)
def test_urgency_is_read_however_it_is_written(urgency: str) -> None:
    order = RisOrder("A1", "P1", "2020-06-18", "CHEST", urgency)
    policy = RisPolicy(emergency=("EMERGENCY",))
    assert judge_orders("A1", "P1", "2020-06-18", [order], policy, KEYWORDS).priority == EMERGENCY
