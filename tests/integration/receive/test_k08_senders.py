"""
K8 at Orthanc's DICOM port: senders that wait, never end, or inflate.

Does not prove that memory is bounded: Orthanc 1.10.1 keeps one object that never ends in memory, and nothing
of ours can end a single association.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE

from hospital_sim.pacs.content.studies import Encoded
from hospital_sim.sending.scu import Pacs
from hospital_sim.sending.stranger import EndlessPush, idle_associations
from tests.fakes.plugin_stack import PluginStack, ct_series, until
from tests.support.images.poison import CT, DEFLATED, dataset, deflated
from tests.support.pacs.raw_pacs import store_raw

pytestmark = [
    pytest.mark.server("orthanc", "orthanc-python"),
    # pynetdicom leaves the sockets of associations that were cut to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(
        tmp_path_factory.mktemp("plugins"), "STABLE_AGE = 3.0\n", {"ORTHANC_SCP_TIMEOUT": "10"}
    ) as running:
        yield running


def receiver(stack: PluginStack) -> Pacs:
    return Pacs("127.0.0.1", stack.receiver.ports.dicom, "AIPULL")


def pulled(stack: PluginStack) -> str:
    study = generate_uid()
    stack.to_pacs(ct_series(study, 12))
    return str(stack.report_of(stack.pull(study, expected=12))["outcome"])


def test_idle_associations_keep_nobody_waiting(stack: PluginStack) -> None:
    with idle_associations(receiver(stack), 60) as opened:
        assert opened == 60
        assert pulled(stack) == "received"


def test_pushes_that_never_end_keep_nobody_waiting(stack: PluginStack) -> None:
    study, sop = generate_uid(), generate_uid()
    image = Encoded(CT, sop, ExplicitVRLittleEndian, dataset(study, sop))
    pushes = [EndlessPush(image, receiver(stack), pause_s=0.1) for _ in range(12)]
    for push in pushes:
        push.start()
    try:
        until(lambda: all(push.sent for push in pushes), 60, "the pushes", stack)
        assert pulled(stack) == "received"
    finally:
        for push in pushes:
            push.end()


@pytest.mark.parametrize("syntaxes", [[DEFLATED], [DEFLATED, ExplicitVRLittleEndian]])
def test_what_would_inflate_is_not_accepted(stack: PluginStack, syntaxes: list[str]) -> None:
    sender = AE("BOMBER")
    for syntax in syntaxes:
        sender.add_requested_context(CT, syntax)
    association = sender.associate("127.0.0.1", stack.receiver.ports.dicom, ae_title="AIPULL")
    accepted = {str(context.transfer_syntax[0]) for context in association.accepted_contexts}
    assert accepted == set(syntaxes) - {DEFLATED}
    association.abort()
    assert pulled(stack) == "received"


def test_a_bomb_that_pretends_to_be_another_syntax_is_no_image(stack: PluginStack) -> None:
    sop = generate_uid()
    sender = AE("BOMBER")
    sender.add_requested_context(CT, ExplicitVRLittleEndian)
    association = sender.associate("127.0.0.1", stack.receiver.ports.dicom, ae_title="AIPULL")
    store_raw(association, 1, sop, deflated(dataset(generate_uid(), sop), 64))
    association.abort()
    files = [path for path in Path(stack.ram_disk / "store").rglob("*") if path.is_file()]
    assert all(path.stat().st_size < 2**20 for path in files)
    assert pulled(stack) == "received"
