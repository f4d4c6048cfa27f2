"""A second PACS in orthanc.json: only its entry is new. Not proved here: that Orthanc reads it."""

import json
import re

import pytest

from stack.errors import StackError
from stack.servers.orthanc import RECEIVER_CONFIGURATION, with_more_pacs


def read(configuration: str) -> dict[str, object]:
    without_comments = "\n".join(
        line for line in configuration.splitlines() if not line.lstrip().startswith("//")
    )
    filled = re.sub(
        r"\$\{(\w+?)(?::-([^}]*))?\}", lambda found: "0" if found[2] is None else found[2], without_comments
    )
    return dict(json.loads(filled))


def test_the_entries_stand_beside_the_hospitals_own() -> None:
    text = RECEIVER_CONFIGURATION.read_text(encoding="utf-8")
    before, after = read(text), read(with_more_pacs(text, {"B": ("BPACS", 104), "C": ("CPACS", 105)}))
    modalities = after.pop("DicomModalities")
    hospital = before.pop("DicomModalities")
    assert after == before
    assert isinstance(modalities, dict)
    assert isinstance(hospital, dict)
    assert set(modalities) == {*hospital, "B", "C"}
    assert (modalities["C"]["AET"], modalities["C"]["Port"]) == ("CPACS", 105)


def test_a_configuration_without_modalities_is_refused() -> None:
    with pytest.raises(StackError, match="DicomModalities"):
        with_more_pacs("{}", {"B": ("BPACS", 104)})
