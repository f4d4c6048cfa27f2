from __future__ import annotations

import pytest

from pacs_module.domain.errors import MessageError
from pacs_module.domain.json_messages.uid_syntax import (
    checked_handover_id,
    checked_uid,
    is_handover_id,
    is_uid,
)

PATHS = [
    "",
    ".",
    "..",
    "../x",
    "x/../../../OUTSIDE",
    "/etc/passwd",
    "a\0b",
    "1.2/3",
    "1.2\\3",
    "~",
    "%2e%2e",
    "1.2\n",
    "１.２",
]


@pytest.mark.parametrize(
    "text", ["1", "1.2.840.113619.2.55.3.1", "2.25." + "9" * 39, "0.0", "1." * 31 + "12"]
)
def test_uids(text: str) -> None:
    assert checked_uid("studyUID", text) == text


@pytest.mark.parametrize(
    "text", [*PATHS, "*", "1..2", ".1", "1.", "1.2?", "1" * 65, "1.2 ", "1.2\\1.3", "1.2a"]
)
def test_no_uids(text: str) -> None:
    assert not is_uid(text)
    with pytest.raises(MessageError, match="studyUID"):
        checked_uid("studyUID", text)


def test_handover_ids() -> None:
    assert (
        checked_handover_id("handoverID", "4c18cd69ecee1be610a1dcd473308186")
        == "4c18cd69ecee1be610a1dcd473308186"
    )


@pytest.mark.parametrize(
    "text", [*PATHS, "4C18CD69ECEE1BE610A1DCD473308186", "4" * 31, "4" * 33, "4" * 32 + "\n", "g" * 32]
)
def test_no_handover_ids(text: str) -> None:
    assert not is_handover_id(text)
    with pytest.raises(MessageError, match="handoverID"):
        checked_handover_id("handoverID", text)
