"""How full the RAM disk is, for health, metrics and the alarm."""

from __future__ import annotations

from pacs_module.adapters.metrics import FindMetrics
from pacs_module.use_cases.pull.watch_ram_disk import WatchRamDisk
from tests.fakes.world import FakeLog, FakePlugins


def test_the_alarm_is_said_once_and_the_numbers_are_shown() -> None:
    plugins, log, metrics = FakePlugins(), FakeLog(), FindMetrics()
    watch = WatchRamDisk(plugins, log, metrics.ram_disk_state)
    for alarm in (False, True, True, False):
        plugins.ram_disk["alarm"] = alarm
        assert watch() is False
    said = [what for what, _ in log.events if "RAM disk" in what]
    assert said == [
        "the RAM disk is full: results are late, or too many pulls at once",
        "the RAM disk is emptier again",
    ]
    text = metrics.text().decode()
    assert 'aipull_ram_disk_bytes{of="free"} 60.0' in text
    assert "aipull_ram_disk_full 0.0" in text
    assert watch.state["totalBytes"] == 100


def test_whom_the_dicom_port_refused_goes_to_the_trail_and_not_into_the_numbers() -> None:
    plugins, log, heard = FakePlugins(), FakeLog(), []
    watch = WatchRamDisk(
        plugins, log, lambda _: None, refused=lambda name, shown: heard.append((name, shown))
    )
    watch()
    plugins.ram_disk = {**plugins.ram_disk, "refused": {"process": "a", "senders": []}}
    watch.look("two")
    assert heard == [("", None), ("two", {"process": "a", "senders": []})]
    assert "refused" not in watch.state


def test_that_the_plugins_records_are_gone_is_said_once_and_when_they_are_back() -> None:
    """K14."""
    plugins, log = FakePlugins(), FakeLog()
    watch = WatchRamDisk(plugins, log, lambda _: None)
    for whole in (None, True, False, False, True):
        plugins.ram_disk = {**plugins.ram_disk, **({} if whole is None else {"recordsWhole": whole})}
        watch()
        assert bool(watch.records_fault()) is (whole is False)
    assert [what for what, _ in log.events] == [
        "the plugins' journal or hand-over folder is not where it belongs",
        "the plugins' journal and hand-over folder are where they belong again",
    ]
