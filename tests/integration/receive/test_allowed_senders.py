"""
Who may store at the real receiving Orthanc: anybody as shipped, who is not known is told; only those named
once that is switched on; and DICOM TLS both ways with certificates made here.
"""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import generate_uid
from pynetdicom import AE

from pacs_module.adapters.dicom.reactor_gate import keep_answers
from tests.fakes.plugin_stack import CT_STORAGE, PluginStack, ct_series, until
from tests.support.servers.certificates import Authority, Certificate

pytestmark = [
    pytest.mark.server("orthanc", "orthanc-python"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CLOSED = {
    "ORTHANC_STORE_FROM_ALL": "false",
    "ORTHANC_CHECK_CALLED_AET": "true",
    "ORTHANC_CHECK_MODALITY_HOST": "true",
}
ENTRY = ', "{0}": {{"AET": "{1}", "Host": "{2}", "Port": 104, "AllowStore": true}}'


def stored(stack: PluginStack, aet: str, called: str = "AIPULL", tls: ssl.SSLContext | None = None) -> str:
    sender = AE(aet)
    sender.add_requested_context(CT_STORAGE)
    port = stack.receiver.ports.dicom
    arguments: dict[str, Any] = {"ae_title": called, "tls_args": (tls, "localhost") if tls else None}
    association = sender.associate("127.0.0.1", port, **arguments)
    if not association.is_established:
        left = association.dul.socket  # pynetdicom does not close one whose handshake has failed
        if left is not None and left.socket is not None:
            left.socket.close()
        return "no association"
    keep_answers(association)
    status = association.send_c_store(ct_series(generate_uid(), 1)[0])
    if association.is_established:
        association.release()
    return "stored" if status and "Status" in status and status.Status == 0 else "refused"


def events(stack: PluginStack, kind: str) -> list[dict[str, Any]]:
    lines = (stack.logs / "orthanc-python.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one.get("event") == kind]


def pulled(stack: PluginStack) -> str:
    study = generate_uid()
    stack.to_pacs(ct_series(study, 12))
    return str(stack.report_of(stack.pull(study, expected=12))["outcome"])


def test_as_shipped_anybody_may_store_and_who_is_not_known_is_told(tmp_path: Path) -> None:
    with PluginStack(tmp_path) as stack:
        assert stored(stack, "STRANGER", "ANYTHING") == "stored"
        assert pulled(stack) == "received"
        until(lambda: events(stack, "unknown_sender"), 30, "the unknown sender", stack)
        told = events(stack, "unknown_sender")
        assert [one["setting"] for one in told] == ["AIPULL_SENDERS=STRANGER@127.0.0.1"]


def test_only_those_named_may_store_and_who_was_refused_is_told(tmp_path: Path) -> None:
    senders = ENTRY.format("a", "CT1", "10.9.9.9") + ENTRY.format("b", "CT2", "10.9.9.9")
    senders += ENTRY.format("c", "CT2", "127.0.0.1")
    with PluginStack(tmp_path, environment={**CLOSED, "ORTHANC_SENDERS": senders}) as stack:
        assert stored(stack, "STRANGER") == "refused"
        assert stored(stack, "CT1") == "refused", "another address"
        assert stored(stack, "CT2", "ANYTHING") == "no association", "another called AE title"
        assert stored(stack, "CT2") == "stored"
        assert pulled(stack) == "received"
        until(lambda: len(events(stack, "sender_refused")) >= 3, 30, "the refused", stack)
        assert {one.get("aeTitle", one.get("called")) for one in events(stack, "sender_refused")} == {
            "STRANGER", "CT1", "ANYTHING",
        }  # fmt: skip
        shown = stack.get("/aipull/status").json()["refused"]["senders"]  # what the audit trail gets
        assert [one.get("aeTitle") for one in shown] == ["STRANGER", "CT1", None]
        assert {one.get("address") for one in shown} == {"127.0.0.1", None}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates")


def context(trusted: Path, ours: Certificate | None) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(trusted))
    if ours is not None:
        made.load_cert_chain(ours.certificate, ours.key)
    return made


def test_with_tls_only_who_shows_a_certificate_of_ours_gets_in(tmp_path: Path, authority: Authority) -> None:
    ours, theirs = authority.signed("orthanc"), authority.signed("ct1")
    other = Authority(tmp_path / "others", "another authority")
    environment = {
        "ORTHANC_DICOM_TLS": "true",
        "ORTHANC_DICOM_TLS_CERTIFICATE": str(ours.certificate),
        "ORTHANC_DICOM_TLS_KEY": str(ours.key),
        "ORTHANC_DICOM_TLS_TRUSTED": str(authority.file),
    }
    with PluginStack(tmp_path, environment=environment) as stack:
        assert stored(stack, "CT1", tls=context(authority.file, theirs)) == "stored"
        assert stored(stack, "CT1") == "no association", "without TLS"
        assert stored(stack, "CT1", tls=context(authority.file, None)) == "no association", "no certificate"
        foreign = context(authority.file, other.signed("ct1"))
        assert stored(stack, "CT1", tls=foreign) == "no association", "a certificate of another authority"
        assert stored(stack, "CT1", tls=context(authority.file, theirs)) == "stored", "it goes on"
        until(lambda: len(events(stack, "sender_refused")) >= 3, 30, "the failed handshakes", stack)
        assert {one["why"] for one in events(stack, "sender_refused")} == {
            "TLS error: wrong version number",
            "TLS error: peer did not return a certificate",
            "TLS error: certificate verify failed",
        }
