"""
Settings: what stops the start, what it says then, and what it never says.

Does not prove that each setting does what it says; the tests of its user do.
"""

from __future__ import annotations

import traceback
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.find.stability import FIXED_DELAY, StabilityPolicy
from pacs_module.domain.pull.throttle import Hours, PacsLimits
from pacs_module.domain.study.priority import EMERGENCY
from pacs_module.service.folders import handover_folders
from pacs_module.service.service import find_days
from pacs_module.settings import Settings, load_settings

SECRET = "correct-horse-battery"
GOOD = f"""
time_zone = "Asia/Shanghai"
MOVE_SYNC = false
crossday = -1
find_dates = ["2020-06-12"]
site_config = ""
[[pacs]]
name = "HOSPITAL-PACS"
[orthanc]
password = "{SECRET}"
[web]
api_key = "{SECRET}"
[rabbitmq]
url = "amqp://user:{SECRET}@127.0.0.1:5672/%2F"
[backend]
url = "http://127.0.0.1:9000/compute"
key = "{SECRET}"
"""


def load(folder: Path, text: str) -> Settings:
    file = folder / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def refused(folder: Path, text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_a_good_file(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.zone.key == "Asia/Shanghai"
    assert settings.move_sync is False
    assert settings.crossday == -1
    assert settings.find_dates == (date(2020, 6, 12),)
    assert settings.site_config is None
    assert [pacs.name for pacs in settings.pacs] == ["HOSPITAL-PACS"]
    assert settings.web.api_key.get_secret_value() == SECRET
    assert settings.stability == StabilityPolicy(delay=timedelta(minutes=10))
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "days"),
    [
        ("crossday = 0", ["2020-06-18"]),
        ("crossday = -1", ["2020-06-17", "2020-06-18"]),
        ("crossday = -2", ["2020-06-16", "2020-06-17", "2020-06-18"]),
        ("crossday = -2\nstart_date = 2020-06-17", ["2020-06-17", "2020-06-18"]),
        ("crossday = -1\nstart_date = 2020-06-19", []),
    ],
)
def test_field_case_10_the_days_that_are_found(tmp_path: Path, changed: str, days: list[str]) -> None:
    settings = load(
        tmp_path, GOOD.replace("crossday = -1", changed).replace('find_dates = ["2020-06-12"]', "")
    )
    assert [day.isoformat() for day in find_days(settings, date(2020, 6, 18))] == days


def test_fixed_days_in_place_of_today(tmp_path: Path) -> None:
    assert find_days(load(tmp_path, GOOD), date(2020, 6, 18)) == [date(2020, 6, 12)]


def test_the_older_stability_rule(tmp_path: Path) -> None:
    settings = load(tmp_path, 'stability_rule = "fixed_delay"\nstability_delay_s = 60\n' + GOOD)
    assert settings.stability == StabilityPolicy(FIXED_DELAY, timedelta(seconds=60))


@pytest.mark.parametrize(
    ("was", "is_now", "key", "value", "allowed"),
    [
        ('time_zone = "Asia/Shanghai"', "", "time_zone", None, "must be given"),
        ('"Asia/Shanghai"', '"Asia/Peking"', "time_zone", "Asia/Peking", "IANA"),
        ("crossday = -1", "crossday = 1", "crossday", 1, "less than or equal to 0"),
        ("crossday = -1", "crosday = -1", "crosday", -1, "no such setting; did you mean crossday?"),
        ("[[pacs]]", "[pacs]", "pacs", "(not shown)", "[[pacs]]"),
        ("[[pacs]]", '[[pacs]]\nhours = "18:00-07:00"', "pacs.0.hours", "18:00-07:00", "[[pacs.hours]]"),
        ("MOVE_SYNC = false", 'MOVE_SYNC = "perhaps"', "MOVE_SYNC", "perhaps", "boolean"),
        ("[orthanc]", "[orthanc]\nprot = 8042", "orthanc.prot", "(not shown)", "no such setting"),
        ('name = "HOSPITAL-PACS"', 'name = "A PACS"', "pacs.0.name", "A PACS", "pattern"),
        ('["2020-06-12"]', '["12.6.2020"]', "find_dates.0", "12.6.2020", "YYYY-MM-DD"),
        ('["2020-06-12"]', '["20200612"]', "find_dates.0", "20200612", "YYYY-MM-DD"),
        (
            "crossday = -1",
            "go_live = 2020-06-12T10:00:00Z",
            "go_live",
            datetime(2020, 6, 12, 10, tzinfo=UTC),
            "hospital time",
        ),
        ("crossday = -1", "stability_delay_s = 1e300", "stability_delay_s", 1e300, "less than or equal to"),
        ("crossday = -1", "lease_s = inf", "lease_s", float("inf"), "less than or equal to"),
        (
            '"http://127.0.0.1:9000/compute"',
            '"ftp://127.0.0.1/x"',
            "backend.url",
            "(not shown)",
            "begins with http:// or https://",
        ),
        (
            "[orthanc]",
            '[orthanc]\nurl = "127.0.0.1:8042"',
            "orthanc.url",
            "(not shown)",
            "begins with http:// or https://",
        ),
        (f'api_key = "{SECRET}"', 'api_key = "short"', "web.api_key", "(not shown)", "16"),
        (
            f'api_key = "{SECRET}"',
            'api_key = "changeme-changeme"',
            "web.api_key",
            "(not shown)",
            "well-known",
        ),
        (f'api_key = "{SECRET}"', f'api_key = "{" " * 20}"', "web.api_key", "(not shown)", "no blanks"),
        (f'api_key = "{SECRET}"', f'api_key = "{"a" * 20}"', "web.api_key", "(not shown)", "different"),
        ("[rabbitmq]", "[rabitmq]", "rabbitmq", None, "given"),
        (
            f'[backend]\nurl = "http://127.0.0.1:9000/compute"\nkey = "{SECRET}"',
            "",
            "backend",
            None,
            "must be given",
        ),
        (
            f'password = "{SECRET}"',
            f'pasword = "{SECRET}"',
            "orthanc.pasword",
            "(not shown)",
            "no such setting",
        ),
        (
            f'password = "{SECRET}"',
            f'passwort = ["{SECRET}"]',
            "orthanc.passwort",
            "(not shown)",
            "no such setting",
        ),
    ],
)
def test_a_bad_file_stops_with_key_value_and_what_is_allowed(
    tmp_path: Path, was: str, is_now: str, key: str, value: object, allowed: str
) -> None:
    assert was in GOOD
    error = refused(tmp_path, GOOD.replace(was, is_now, 1))
    assert (error.key, error.value) == (key, value)
    assert allowed in error.allowed


def test_two_pacs_of_one_name(tmp_path: Path) -> None:
    error = refused(tmp_path, GOOD + '[[pacs]]\nname = "HOSPITAL-PACS"\n')
    assert (error.key, error.allowed) == ("pacs", "each PACS needs a name of its own")


@pytest.mark.parametrize("text", ["time_zone = ", "\x00", "[web"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert error.key == "settings file"
    assert str(error.value).endswith("settings.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml.*No such file"):
        load_settings(tmp_path / "absent.toml")


def test_the_environment_wins_over_the_file_value_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PACS_MODULE_WEB__PORT": "7100",
        "PACS_MODULE_MOVE_SYNC": "true",
        "PACS_MODULE_CROSSDAY": "-2",
        "PACS_MODULE_PACS": '[{"name": "OTHER"}]',
    }.items():
        monkeypatch.setenv(name, value)
    settings = load(tmp_path, GOOD)
    assert (settings.web.port, settings.web.api_key.get_secret_value()) == (7100, SECRET)
    assert (settings.move_sync, settings.crossday, settings.pacs[0].name) == (True, -2, "OTHER")


def test_without_the_prefix_a_variable_means_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVE_SYNC", "true")
    assert load(tmp_path, GOOD).move_sync is False


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("PACS_MODULE_WBE__API_KEY", SECRET, "PACS_MODULE_WBE__API_KEY"),
        ("PACS_MODULE_WEB__API_KEI", SECRET, "web.api_kei"),
        ("PACS_MODULE_WEB", SECRET, "PACS_MODULE_..."),
        ("PACS_MODULE_BACKEND__WORKERS", "many", "backend.workers"),
        ("PACS_MODULE_PACS", "HOSPITAL-PACS", "PACS_MODULE_..."),
    ],
)
def test_a_bad_variable_is_named_and_no_secret_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, key: str
) -> None:
    monkeypatch.setenv(name, value)
    assert refused(tmp_path, GOOD).key == key


def test_the_file_that_the_environment_names(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(GOOD, encoding="utf-8")
    assert load_settings(None, {"PACS_MODULE_SETTINGS": str(file)}).crossday == -1


SPARED = GOOD.replace(
    'name = "HOSPITAL-PACS"',
    """name = "HOSPITAL-PACS"
parallel_pulls = 3
pulls_per_hour = 120
images_per_hour = 60000
[[pacs.hours]]
begin = "07:30"
end = 11:00:00
days = ["mon", "fri"]
parallel_pulls = 1
pull = "emergency\"""",
)


def test_hours_and_rates_in_which_a_pacs_is_spared(tmp_path: Path) -> None:
    settings = load(tmp_path, SPARED)
    hours = Hours(time(7, 30), time(11), frozenset({0, 4}), 1, EMERGENCY)
    assert settings.limits_of(settings.pacs[0]) == PacsLimits(3, 120, 60_000, (hours,))
    one_by_one = load(tmp_path, SPARED.replace("MOVE_SYNC = false", ""))
    assert one_by_one.limits_of(one_by_one.pacs[0]).parallel == 1


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('begin = "07:30"', 'begin = "half past"', "pacs.0.hours.0.begin"),
        ("end = 11:00:00", "", "pacs.0.hours.0.end"),
        ('"mon"', '"monday"', "pacs.0.hours.0.days.0"),
        ('pull = "emergency"', 'pull = "urgent"', "pacs.0.hours.0.pull"),
        ("pulls_per_hour = 120", "pulls_per_hour = 0", "pacs.0.pulls_per_hour"),
    ],
)
def test_bad_hours_are_named(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert refused(tmp_path, SPARED.replace(old, new)).key == key


def test_all_that_is_wrong_is_told_at_once_and_no_secret(tmp_path: Path) -> None:
    text = GOOD.replace("Asia/Shanghai", "Beijing") + "\n[pull]\nattempts = 0\nfrist_pause_s = 3\n"
    error = refused(tmp_path, text)
    lines = str(error).splitlines()
    assert [line.split(" = ")[0] for line in lines] == ["time_zone", "pull.attempts", "pull.frist_pause_s"]
    assert error.key == "time_zone"
    assert all(line.count("is not allowed: ") == 1 for line in lines)


TWO = (
    GOOD
    + f"""
[[receiver]]
name = "two"
url = "http://orthanc2:8042"
handover_folder = "/store_image_2"
[[receiver]]
name = "three"
url = "http://orthanc3:8042"
username = "other"
password = "{SECRET}-3"
"""
)


def test_one_receiving_orthanc_needs_no_name(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert [one.name for one in settings.receivers] == ["orthanc"]


def test_further_receivers_have_what_orthanc_has_where_nothing_else_is_given(tmp_path: Path) -> None:
    _, two, three = load(tmp_path, TWO).receivers
    assert (two.url, two.password.get_secret_value(), two.find_timeout_s) == (
        "http://orthanc2:8042",
        SECRET,
        120,
    )
    assert (three.name, three.username, three.password.get_secret_value()) == (
        "three",
        "other",
        f"{SECRET}-3",
    )


@pytest.mark.parametrize("name", ["two", "orthanc"])
def test_two_receivers_of_one_name_are_refused(tmp_path: Path, name: str) -> None:
    error = refused(tmp_path, TWO.replace('"three"', f'"{name}"'))
    assert "names of their own" in error.allowed


def test_the_folders_of_further_receivers_are_inside(tmp_path: Path) -> None:
    text = TWO.replace('site_config = ""', 'site_config = ""\nhandover_folder = "/store_image"')
    folders = handover_folders(load(tmp_path, text))
    assert [folders.is_inside(f"{root}/a") for root in ("/store_image", "/store_image_2", "/other")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("was", "is_now", "key"),
    [
        ("amqp://", "http://", "rabbitmq.url"),
        (f"user:{SECRET}@", f"user:p@{SECRET}@", "rabbitmq.url"),
        (f"user:{SECRET}@", f"user:p/{SECRET}@", "rabbitmq.url"),
        (f"user:{SECRET}@", f"user:p%{SECRET}%zz@", "rabbitmq.url"),
        ("[rabbitmq]", '[store]\nurl = "/var/lib/study_info.db"\n[rabbitmq]', "store.url"),
        ("[rabbitmq]", f'[store]\nurl = "mongodb://u:p@{SECRET}@h/aipull"\n[rabbitmq]', "store.url"),
    ],
)
def test_a_bare_sign_of_a_password_is_told_before_another_host_is_asked(
    tmp_path: Path, was: str, is_now: str, key: str
) -> None:
    error = refused(tmp_path, GOOD.replace(was, is_now))
    assert (error.key, error.value) == (key, "(not shown)")


def test_a_byte_order_mark_of_windows_is_read_over(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeff" + GOOD.replace("\n", "\r\n")) == load(tmp_path, GOOD)


def test_a_cluster_of_rabbitmq(tmp_path: Path) -> None:
    text = GOOD.replace("[rabbitmq]\n", '[rabbitmq]\nnodes = ["two", "three:5673"]\nqueues = "quorum"\n')
    address = load(tmp_path, text).rabbitmq.address
    assert (address.nodes, address.quorum) == (("two", "three:5673"), True)
    assert load(tmp_path, GOOD).rabbitmq.address.quorum is False
    assert refused(tmp_path, text.replace("three:5673", "amqp://three")).key == "rabbitmq.nodes.1"
