"""Log events have a short, stable key beside their words, and both processes name one thing alike."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILES = [*(ROOT / "pacs_module").rglob("*.py"), *(ROOT / "orthanc" / "plugins").rglob("*.py")]
KEY = re.compile(r"[a-z]+(_[a-z]+)*")
OTHER_NAMES = {"study", "study_uid", "series", "series_uid", "pull", "pull_id", "handover", "handover_id"}
OTHER_NAMES |= {"at", "event", "text", "line"}
"""Other names for what is called studyUID, seriesUID, pullID, handoverID; and the log's own."""


def calls() -> list[tuple[str, ast.Call]]:
    found = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "event"
            ):
                found.append((f"{file.relative_to(ROOT)}:{node.lineno}", node))
    return found


def test_every_event_has_a_key_and_words() -> None:
    assert len(calls()) > 60
    bad = []
    for where, call in calls():
        first = call.args[0]
        if isinstance(first, ast.Constant) and not KEY.fullmatch(str(first.value)):
            bad.append(where)
        if len(call.args) < 2:
            bad.append(where)
    assert bad == []


def test_what_an_event_is_about_has_one_name() -> None:
    odd = [
        (where, keyword.arg)
        for where, call in calls()
        for keyword in call.keywords
        if keyword.arg in OTHER_NAMES
    ]
    assert odd == []


def test_values_of_an_event_are_named_as_in_documents() -> None:
    """camelCase: whoever reads one file of JSON lines reads them all."""
    odd = [
        (where, keyword.arg)
        for where, call in calls()
        for keyword in call.keywords
        if keyword.arg and "_" in keyword.arg
    ]
    assert odd == []
