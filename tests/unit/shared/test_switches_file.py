from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rules.read_switches import parse_switches
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.switches_file import DEFAULT_CONFIG, load_switches, read_assignments

ORTHANC_JSON = DEFAULT_CONFIG.parent / "orthanc.json"


def test_the_files_values_are_the_defaults_and_name_every_switch() -> None:
    values = read_assignments(DEFAULT_CONFIG)
    assert parse_switches(values) == Switches()
    assert set(values) == {name.upper() for name in Switches.__dataclass_fields__}


def test_the_file_is_nothing_but_assignments() -> None:
    module = ast.parse(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    assert {type(node) for node in module.body[1:]} == {ast.Assign}


def test_the_sites_file_wins_and_may_compute(tmp_path: Path) -> None:
    site = tmp_path / "site.py"
    site.write_text(
        "import math\nhalf = 2\nSTABLE_AGE = math.floor(half * 5.5)\nKEYWORDS = ['头']\n", encoding="utf-8"
    )
    switches = load_switches(None, site)
    assert (switches.stable_age, switches.keywords) == (11.0, ("头",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A = 1\nKEYWORDS = [", "line 2"),
        ("\n\nSTABLE_AGE = missing + 1\n", "line 3"),
        ("STABLE_AGEE = 3", "did you mean STABLE_AGE?"),
        ("STABLE_AGE: 5", "a colon sets nothing"),
        ("raise SystemExit", "line 1"),
        ("THIN_ONLY = 1", "THIN_ONLY = 1 is not allowed: True or False"),
        (
            "find_pacs_use_series = True",
            "find_pacs_use_series = True is not allowed: there is no such switch; did you mean FIND",
        ),
        ("Keywords = ['x']", "did you mean KEYWORDS?"),
        (
            "crossday = -1",
            (
                "crossday = -1 is not allowed: it is no switch of this file; it is crossday in "
                "pacs_module's settings"
            ),
        ),
        ("MOVE_SYNC = False", "it is MOVE_SYNC in pacs_module's settings"),
        ("SLICE_THICKNESS_MAX = 10 ** 400", "is not allowed: a number, 0 to 1e9"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    site = tmp_path / "site.py"
    site.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        load_switches(None, site)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.py"):
        load_switches(None, tmp_path / "nowhere.py")


def substituted(variables: dict[str, str]) -> dict[str, object]:
    """orthanc.json as Orthanc 1.10.1 reads it: variables in the text first, comments out, then JSON."""
    text = re.sub(r"^\s*//.*$", "", ORTHANC_JSON.read_text(encoding="utf-8"), flags=re.M)
    text = re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda found: variables.get(found[1], found[2] or ""), text)
    read = json.loads(text)
    assert isinstance(read, dict)
    return read


def test_orthancs_configuration_is_whole_with_the_mandatory_variables_alone() -> None:
    pacs = {f"HOSPITAL_PACS_{key}": key for key in ("NAME", "AET", "HOST")}
    read = substituted({**pacs, "ORTHANC_STORE": "/ram", "ORTHANC_USER": "u", "ORTHANC_PASSWORD": "p"})
    assert read["AuthenticationEnabled"] is True
    assert read["RegisteredUsers"] == {"u": "p"}
    assert read["RemoteAccessAllowed"] is False
    assert read["HttpPort"] == 8042
    assert read["StorageDirectory"] == "/ram/store"
    assert read["IndexDirectory"] == "/ram/index"
    assert read["StorageCompression"] is False
    assert read["DicomModalities"]["NAME"]["Port"] == 104  # type: ignore[index]
