"""The log level that is changed while a process runs, and the names by which both processes log."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.domain.errors import MessageError, RetriableError
from pacs_module.shared.log_level import LogLevel
from pacs_module.shared.logs import ContractLog
from pacs_module.use_cases.operate.set_log_level import SetLogLevel
from tests.fakes.world import FakePlugins

ROOT = Path(__file__).parents[3]
NAMES = {name.lower(): name for name in ("studyUID", "seriesUID", "pullID", "handoverID")}
NAMES |= {f"{name}s": f"{right}s" for name, right in NAMES.items()}


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_another_level_ends_by_itself() -> None:
    seconds = Seconds()
    level = LogLevel(seconds)
    assert [level.writes(one) for one in ("DEBUG", "INFO", "ERROR")] == [False, True, True]
    level.set("DEBUG", 60)
    assert level.writes("DEBUG")
    assert level.told() == {"level": "DEBUG", "seconds": 60}
    level.set("ERROR", 30)
    assert [level.writes(one) for one in ("WARNING", "ERROR", "CRITICAL")] == [False, True, True]
    seconds.now += 31
    assert level.told() == {"level": "INFO", "seconds": None}
    assert not level.writes("DEBUG")


@pytest.mark.parametrize(
    ("level", "seconds", "key"),
    [("TRACE", 60, "level"), (None, 60, "level"), ("debug", 60, "level"), ("INFO", 0, "seconds")]
    + [("INFO", value, "seconds") for value in (-1, float("nan"), float("inf"), "60", None, True, 86_401)],
)
def test_what_is_no_level_is_refused(level: object, seconds: object, key: str) -> None:
    with pytest.raises(MessageError) as refused:
        LogLevel().set(level, seconds)
    assert refused.value.key == key


def test_events_below_the_level_are_left_out_and_lines_of_the_contract_never(tmp_path: Path) -> None:
    log = ContractLog(tmp_path, "dcm_end")
    log.level.set("ERROR", 60)
    log.event("one", "left out", "WARNING")
    log.event("two", "written", "ERROR")
    log.line("find 2020-06-18 study list")
    log.level.set("DEBUG", 60)
    log.event("three", "written", "DEBUG")
    told = [json.loads(line) for line in (tmp_path / "dcm_end.jsonl").read_text().splitlines()]
    assert [one.get("event") or one["line"] for one in told] == ["two", "find 2020-06-18 study list", "three"]


def test_both_processes_are_told_and_who_did_it_is_logged(tmp_path: Path) -> None:
    log, plugins = ContractLog(tmp_path, "dcm_end"), FakePlugins()
    change = SetLogLevel(log.level, plugins, log)
    told = change("DEBUG", 60, "manual: Li", "a study hangs")
    assert told["pacs_module"]["level"] == told["plugins"]["level"] == "DEBUG"
    plugins.deaf = RetriableError("Orthanc is away")
    told = change("ERROR", 60, "manual: Li", "too much")
    assert told["pacs_module"]["level"] == "ERROR"
    assert "Orthanc is away" in told["plugins"]["error"]
    first = json.loads((tmp_path / "dcm_end.jsonl").read_text().splitlines()[0])
    assert (first["event"], first["by"], first["why"]) == ("log_level", "manual: Li", "a study hangs")


def events() -> Iterator[tuple[str, ast.Call]]:
    """Each call of a log's ``event``, in both processes, with its place."""
    for folder in ("pacs_module", "orthanc"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "event" and node.args:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def names_of(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg
        elif isinstance(keyword.value, ast.Dict):
            yield from (str(key.value) for key in keyword.value.keys if isinstance(key, ast.Constant))


def test_both_processes_log_under_the_same_names() -> None:
    found = list(events())
    assert {place.partition("/")[0] for place, _ in found} == {"pacs_module", "orthanc"}
    wrong = {
        place: name
        for place, call in found
        for name in names_of(call)
        if NAMES.get(name.replace("_", "").lower(), name) != name
        or name in ("study", "series", "pull", "uid")
    }
    assert wrong == {}


def test_each_event_has_a_stable_key() -> None:
    keys = {place: call.args[0] for place, call in events() if isinstance(call.args[0], ast.Constant)}
    assert len(keys) > 100
    assert {
        place for place, key in keys.items() if not re.fullmatch("[a-z][a-z0-9_]+", str(key.value))
    } == set()
