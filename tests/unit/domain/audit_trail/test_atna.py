"""
Every kind of entry is an audit message by the schema of PS3.15 A.5.1, whatever is in it.

Does not prove that a given audit repository likes the codes; the description of parts (ParticipantObjectDescription),
which are never sent, is not in the schema here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pacs_module.domain.audit_trail.atna import EVENTS, Source, audit_message, framed, syslog_message
from pacs_module.domain.audit_trail.entry import Act, Chain, Deed, Head, blanked
from pacs_module.domain.privacy.pseudonym import Pseudonyms

SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parents[3] / "data" / "dicom_audit_message.rng"))
CHAIN = Chain(Pseudonyms(b"k" * 32))
SOURCE = Source("pacs_module", "Hospital", "gateway", "7")
AT = "2026-11-30T12:00:00.000+00:00"
OBJECTS = {"study": "1.2.840.1", "series": "1.2.840.1.1", "patient": "10939048", "order": "A1", "text": "Li"}


def entry(act: Act) -> dict[str, Any]:
    return CHAIN.entry(act, AT, Head())


def parsed(message: str) -> Any:
    tree = etree.fromstring(message.encode())
    SCHEMA.assertValid(tree)
    return tree


@pytest.mark.parametrize("deed", list(Deed))
@pytest.mark.parametrize("status", [0, 200, 303, 401, 403, 503])
def test_each_deed_is_a_message(deed: Deed, status: int) -> None:
    act = Act(deed, "Dr. Li", "key", ("admin", "viewer"), "10.1.2.3", "GET /studies/*", status, OBJECTS, "n")
    tree = parsed(audit_message(entry(act), SOURCE))
    assert tree.find(".//EventID").get("csd-code") == EVENTS[deed].code
    assert tree.find("EventIdentification").get("EventOutcomeIndicator") == (
        "8" if status >= 500 else "4" if status >= 400 else "0"
    )
    assert tree.find("ActiveParticipant").get("UserID") == "Dr. Li"
    named = {one.get("ParticipantObjectID") for one in tree.findall("ParticipantObjectIdentification")}
    hidden = {CHAIN.pseudonyms.of(text) for text in OBJECTS.values()}
    assert named == (hidden if deed is Deed.FORGOT else set(OBJECTS.values()))


def test_nobody_and_nothing_are_a_message_too() -> None:
    parsed(audit_message(entry(Act(Deed.STARTED)), Source("pacs_module", "", "-", "1")))


def test_what_was_taken_away_is_named_by_its_pseudonym() -> None:
    message = audit_message(blanked(entry(Act(Deed.SAW, objects=OBJECTS))), SOURCE)
    parsed(message)
    assert "10939048" not in message
    assert CHAIN.pseudonyms.of("10939048") in message


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_the_message(name: str, patient: str, action: str) -> None:
    act = Act(Deed.SAW, name, "key", (), "10.1.2.3", action, 200, {"patient": patient, "text": patient})
    told = {**entry(act), "clear": {"patient": patient, "text": patient}}
    parsed(audit_message(told, SOURCE))
    message = syslog_message(told, SOURCE)
    assert message.startswith(
        b"<85>1 2026-11-30T12:00:00.000+00:00 gateway pacs_module 7 DICOM+RFC3881 - \xef\xbb\xbf<?xml"
    )
    assert framed(message).startswith(str(len(message)).encode() + b" <85>")
