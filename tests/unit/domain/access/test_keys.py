"""Keys and wrong keys: what is too weak, what is kept, how guessing is slowed down."""

import pytest

from pacs_module.domain.access.failures import FailedKeys
from pacs_module.domain.access.keys import ApiKey, digest_of, from_memo, opens, parts_of, text_of, weakness
from pacs_module.domain.access.roles import GRANTS, MACHINES, AccessRole, Caller, Right, roles_named

SECRET = "s" * 43


@pytest.mark.parametrize(
    "weak",
    ["changeme", "CHANGEME1234567", "        ", " " * 30, "", "short", "a" * 40, "abcabcabcabcabcabc",
     "password12345678",
     "a key with blanks in", "with\ttab-and-more-of-it", "leading ", "0123456789"],
)  # fmt: skip
def test_a_weak_key_is_refused_with_what_is_allowed(weak: str) -> None:
    assert weakness(weak)


@pytest.mark.parametrize(
    "strong", ["correct-horse-battery", "3f" * 4 + "9a01c4d7e8b2", "Zm9vYmFyMTIzNDU2Nzg5"]
)
def test_a_strong_key_is_not(strong: str) -> None:
    assert weakness(strong) == ""


def test_a_key_opens_by_its_secret_until_it_is_revoked() -> None:
    key = ApiKey("0a1b2c3d", "Li", AccessRole.OPERATOR, digest_of(SECRET), "2026-11-30T00:00:00Z")
    assert parts_of(text_of(key.key_id, SECRET)) == (key.key_id, SECRET)
    assert opens(key, SECRET)
    assert not opens(key, SECRET[:-1] + "x")
    assert not opens(key.revoked("2026-12-01T00:00:00Z"), SECRET)
    assert from_memo(key.key_id, key.to_memo()) == key
    assert SECRET not in str(key.to_memo())


@pytest.mark.parametrize("told", [None, 5, [], {"role": "king"}, {"role": None}, "text"])
def test_a_kept_key_that_cannot_be_read_opens_nothing(told: object) -> None:
    assert from_memo("0a1b2c3d", told) is None


@pytest.mark.parametrize("given", ["", "aip_", "aip_0a1b2c3d_short", "aip_XXXXXXXX_" + SECRET, "x" * 10_000])
def test_a_text_of_another_shape_is_no_key(given: str) -> None:
    assert parts_of(given) is None


def test_each_role_grants_what_the_one_below_it_does_and_machines_see_nobody() -> None:
    assert GRANTS[AccessRole.VIEWER] < GRANTS[AccessRole.OPERATOR] < GRANTS[AccessRole.ADMIN]
    for role in MACHINES:
        assert not Caller("m", frozenset({role})).may(Right.SEE)
        assert not Caller("m", frozenset({role})).may(Right.WORK)
    assert not Caller("m", frozenset({AccessRole.PLUGIN})).may(Right.RESULT)
    assert not Caller("m", frozenset({AccessRole.BACKEND})).may(Right.NOTIFY)
    assert Caller().may(Right.OPEN)
    assert roles_named(["admin", "king", ""]) == {AccessRole.ADMIN}


def test_wrong_keys_close_an_address_for_a_while_and_keys_that_were_right_go_on() -> None:
    now = [1000.0]
    failed = FailedKeys(lambda: now[0], most=3, window_s=60)
    failed.right("a", "plugins")
    assert [failed.wrong("a") for _ in range(3)] == [False, False, True]
    assert failed.wait_s("a", "guess") == 60
    assert failed.wait_s("a", "plugins") == 0
    assert failed.wait_s("b", "guess") == 0
    failed.forget("plugins")
    assert failed.wait_s("a", "plugins") > 0
    now[0] += 61
    assert failed.wait_s("a", "guess") == 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    failed = FailedKeys(lambda: 0.0, most_addresses=5)
    for number in range(50):
        failed.wrong(str(number))
        failed.right(str(number), "d")
    assert (len(failed._wrong), len(failed._right)) == (5, 5)
