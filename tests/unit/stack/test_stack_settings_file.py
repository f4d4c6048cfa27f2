"""The TOML that is written is the TOML that Python reads."""

import tomllib
from typing import Any

import pytest

from stack.settings_file import as_switches, as_toml, merged

SETTINGS = {
    "time_zone": "Asia/Shanghai",
    "crossday": 0,
    "MOVE_SYNC": True,
    "find_interval_s": 0.5,
    "find_dates": ["2020-06-12", "2020-06-13"],
    "nothing": [],
    "pacs": [{"name": "A"}, {"name": "B", "hosts": ["x"]}],
    "web": {"host": "127.0.0.1", "port": 7000, "api_key": 'quo"te \\ back 胸 \x7f \n'},
}


def test_what_is_written_is_read_again() -> None:
    assert tomllib.loads(as_toml(SETTINGS)) == SETTINGS


def test_plain_values_after_a_table_still_belong_to_the_top() -> None:
    assert tomllib.loads(as_toml({"web": {"port": 1}, "crossday": -1})) == {
        "web": {"port": 1},
        "crossday": -1,
    }


def test_what_toml_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="no TOML for None"):
        as_toml({"key": None})


def test_overrides_go_over_the_base_table_by_table() -> None:
    base: dict[str, Any] = {"web": {"host": "h", "port": 1}, "pacs": [{"name": "A"}]}
    assert merged(base, {"web": {"port": 2}, "pacs": [], "crossday": -1}) == {
        "web": {"host": "h", "port": 2},
        "pacs": [],
        "crossday": -1,
    }
    assert base["web"]["port"] == 1


def test_switches_are_assignments() -> None:
    namespace: dict[str, object] = {}
    exec(as_switches({"KEYWORDS": ["CHEST", "胸"], "DELETE_AFTER_SEND": True}), namespace)
    assert namespace["KEYWORDS"] == ["CHEST", "胸"]
    assert namespace["DELETE_AFTER_SEND"] is True
