"""
The verdict on one image: each test by itself, threshold and tolerance, and that a good image fails nothing.

Does not prove that a file is read as it stands: that is ``tests/unit/plugins/image_validation/test_read_image.py``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.image_validation.image import ImageRead, Origin, Pixels
from pacs_module.domain.image_validation.policy import Policy, read_policy
from pacs_module.domain.image_validation.validate_image import Test, Validation, judge
from pacs_module.domain.receive.image_origin import KnownSenders, Sender
from pacs_module.domain.rules.read_switches import parse_switches
from pacs_module.domain.rules.switches import Switches

CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.11"
EXPLICIT, JPEG_LS, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"
HEADER = {
    "SOPClassUID": CT, "SOPInstanceUID": "1.2.3", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.1",
    "TransferSyntaxUID": EXPLICIT, "PatientID": "P1", "Modality": "CT", "Rows": "4", "Columns": "8",
    "SamplesPerPixel": "1", "BitsAllocated": "16", "PhotometricInterpretation": "MONOCHROME2",
}  # fmt: skip
GOOD = ImageRead(HEADER, EXPLICIT, Pixels(64, 64))
POLICY = Policy(mandatory=("PatientID", "Modality"))
UNTOLD = "pixels: PixelData has a length that Rows, Columns, SamplesPerPixel and BitsAllocated do not tell"
THREE_FRAMES = replace(GOOD, syntax=JPEG_LS, values={**HEADER, "NumberOfFrames": "3"})
CAME = Origin(Sender("CT1", "10.0.0.1"), "GATE")


def with_values(image: ImageRead = GOOD, **values: str | None) -> ImageRead:
    kept = {key: value for key, value in {**image.values, **values}.items() if value is not None}
    return replace(image, values=kept)


def failed(verdict: Validation) -> list[str]:
    return [one.words for one in verdict.failures]


def test_a_good_image_passes() -> None:
    verdict = judge(GOOD, CAME, POLICY)
    assert (verdict.passed, verdict.failures) == (True, ())


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (replace(GOOD, unreadable="element (0010,0020) has 3 of 12 bytes"), "header: file element (0010,0020) has 3 of 12 bytes"),
        (with_values(PatientID=""), "mandatory: PatientID is empty"),
        (with_values(PatientID=None), "mandatory: PatientID is absent"),
        (with_values(StudyInstanceUID="1.2.x"), "uid: StudyInstanceUID 1.2.x"),
        (with_values(StudyInstanceUID="1.02"), "uid: StudyInstanceUID 1.02"),
        (with_values(StudyInstanceUID="1..2"), "uid: StudyInstanceUID 1..2"),
        (with_values(SOPInstanceUID="1." * 32 + "1"), f"uid: SOPInstanceUID {'1.' * 32}1"),
        (with_values(SeriesInstanceUID=None), "uid: SeriesInstanceUID is absent"),
        (with_values(FrameOfReferenceUID="none"), "uid: FrameOfReferenceUID none"),
        (replace(GOOD, pixels=None), "pixels: PixelData is absent"),
        (replace(GOOD, pixels=Pixels(40, 64)), "pixels: PixelData has 40 of 64 bytes"),
        (replace(GOOD, pixels=Pixels(64, 80)), "pixels: PixelData has 64 of 80 bytes"),
        (replace(GOOD, pixels=Pixels(80, 80)), "pixels: PixelData has 80 bytes instead of 64"),
        (with_values(NumberOfFrames="2"), "pixels: PixelData has 64 of 128 bytes"),
        (with_values(Rows=None), UNTOLD),
        (with_values(NumberOfFrames="many"), UNTOLD),
        (replace(GOOD, pixels=Pixels(64, None, 1)), "pixels: PixelData is encapsulated, and the transfer syntax is not"),
        (replace(GOOD, syntax=JPEG_LS), "pixels: PixelData is not encapsulated, and the transfer syntax says so"),
        (replace(GOOD, syntax=JPEG_LS, pixels=Pixels(0, None, 0)), "pixels: PixelData has no fragment with content"),
        (replace(GOOD, syntax=JPEG_LS, pixels=Pixels(9, None, 1, ended=False)), "pixels: PixelData has no end"),
        (replace(THREE_FRAMES, pixels=Pixels(9, None, 1)), "pixels: PixelData has 1 fragments for 3 frames"),
        (replace(GOOD, syntax=RLE, pixels=Pixels(9, None, 2)), "pixels: PixelData has 2 fragments for 1 frames"),
    ],
)  # fmt: skip
def test_each_fault_is_told_by_test_attribute_and_value(image: ImageRead, words: str) -> None:
    verdict = judge(image, CAME, POLICY)
    assert failed(verdict) == [words]
    assert not verdict.passed


@pytest.mark.parametrize(
    "image",
    [
        replace(GOOD, pixels=Pixels(66, 66)),  # padding
        with_values(replace(GOOD, pixels=Pixels(8, 8)), BitsAllocated="1", Rows="8"),
        with_values(
            replace(GOOD, pixels=Pixels(64, 64)), PhotometricInterpretation="YBR_FULL_422", SamplesPerPixel="3",
            BitsAllocated="8",
        ),
        with_values(replace(GOOD, pixels=Pixels(96, 96)), SamplesPerPixel="3", BitsAllocated="8"),
        with_values(replace(GOOD, pixels=Pixels(128, 128, bits=32)), BitsAllocated="32"),
        replace(GOOD, syntax=JPEG_LS, pixels=Pixels(900, None, 3)),  # one frame in several fragments
        with_values(replace(GOOD, pixels=None), SOPClassUID=SR, Rows=None, Columns=None),
        with_values(replace(GOOD, pixels=None), SOPClassUID="1.2.276.1", Rows=None),  # private, no image
        with_values(FrameOfReferenceUID=""),
    ],
)  # fmt: skip
def test_what_is_unusual_and_right_passes(image: ImageRead) -> None:
    assert failed(judge(image, CAME, POLICY)) == []


def test_every_test_can_be_switched_off() -> None:
    broken = replace(with_values(StudyInstanceUID="x", PatientID=""), pixels=None)
    assert len(judge(broken, CAME, POLICY).failures) == 3
    off = Policy(header=False, uids=False, pixels=False)
    assert judge(broken, CAME, off).passed
    assert judge(replace(GOOD, unreadable="cut"), CAME, off).passed


def test_the_threshold_lets_so_many_failures_pass_but_no_unreadable_file() -> None:
    policy = replace(POLICY, threshold=1)
    one, two = with_values(PatientID=""), with_values(PatientID="", Modality="")
    assert judge(one, CAME, policy).passed
    assert not judge(two, CAME, policy).passed
    assert not judge(replace(GOOD, unreadable="cut"), CAME, replace(policy, threshold=9)).passed


def policy_of(*senders: str, called: tuple[str, ...] = ()) -> Policy:
    switches = Switches(validation_senders=senders, validation_called_aets=called)
    return read_policy(switches, KnownSenders(frozenset({Sender("PACS", "10.0.0.9")})))


@pytest.mark.parametrize(
    ("sender", "address", "test"),
    [
        ("CT1", "10.0.0.1", None), ("CT1", "::ffff:10.0.0.1", None), ("PACS", "10.0.0.9", None), ("ANY", "10.1.1.1", None),
        ("CT1", "10.0.0.2", Test.HOST), ("CT2", "10.0.0.1", Test.SENDER), ("ct1", "10.0.0.1", Test.SENDER),
        ("", "", None),
    ],
)  # fmt: skip
def test_senders_are_those_of_the_policy_and_of_the_modalities(
    sender: str, address: str, test: Test | None
) -> None:
    verdict = judge(GOOD, Origin(Sender(sender, address), "GATE"), policy_of("CT1@10.0.0.1:104", "ANY"))
    assert [one.test for one in verdict.failures] == ([test] if test else [])


def test_a_sender_that_answers_no_echo_at_its_port_fails_and_one_not_asked_yet_does_not() -> None:
    policy = policy_of("CT1@10.0.0.1:104")
    assert policy.ports == {Sender("CT1", "10.0.0.1"): 104}
    assert [one.test for one in judge(GOOD, CAME, policy, answers=False).failures] == [Test.PORT]
    assert judge(GOOD, CAME, policy, answers=None).passed


def test_the_called_ae_title_counts_where_the_site_says_which() -> None:
    assert judge(GOOD, CAME, policy_of(called=("GATE",))).passed
    verdict = judge(GOOD, CAME, policy_of(called=("OTHER",)))
    assert [one.words for one in verdict.failures] == ["called: called AE title GATE"]


@pytest.mark.parametrize(
    "entry", ["CT1@10.0.0.1:0", "CT1@10.0.0.1:70000"]
)  # fmt: skip
def test_a_port_that_is_none_stops_the_start(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="a port"):
        policy_of(entry)


def test_an_address_of_ipv6_needs_brackets_only_with_a_port() -> None:
    policy = policy_of("CT1@[fe80::1]:104", "CT2@fe80::2")
    assert policy.ports == {Sender("CT1", "fe80::1"): 104}
    assert judge(GOOD, Origin(Sender("CT2", "fe80::2"), ""), policy).passed


@pytest.mark.parametrize(
    ("key", "value"),
    [("QUARANTINE_WHEN_FULL", "burn"), ("VALIDATION_TOLERANCE_PERCENT", 101), ("VALIDATION_WINDOW_MIN", 0),
     ("VALIDATE", "yes"), ("QUARANTINE_WHEN_FULL", 1)],
)  # fmt: skip
def test_a_value_that_cannot_be_used_stops_the_start(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=key):
        parse_switches({key: value})


def test_as_shipped_nothing_is_validated_and_the_rules_keep_their_version() -> None:
    assert Switches().validate is False
    assert replace(Switches(), validate=True, validation_threshold=3).version == Switches().version
