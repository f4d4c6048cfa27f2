"""
Whose images are these? Each case is a study as it may lie in Orthanc, and what of it may be handed over.

What it does not prove: that Orthanc tells senders and moments as it is assumed here
(tests/integration/receive/test_k01_identity.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from pacs_module.domain.receive.completeness import Expectations
from pacs_module.domain.receive.image_origin import Image, KnownSenders, PacsWord, Sender, read_senders
from pacs_module.domain.receive.provenance import Circumstances, Rejection, judge_pulled, judge_pushed

PACS = Sender("PACS", "10.0.0.1")
NODE = Sender("NODE2", "10.0.0.7")
STRANGER = Sender("STRANGER", "10.0.0.66")
KNOWN = read_senders(["PACS@10.0.0.1"])


def images(
    numbers: range,
    patient: str = "P1",
    sender: Sender = PACS,
    in_pull: bool = True,
    twice: bool = False,
    series: str = "1.2.1",
) -> list[Image]:
    return [
        Image(
            f"{patient}|{sender.ae_title}|{series}|{number}",
            f"9.{number}",
            series,
            patient,
            sender,
            in_pull,
            twice,
        )
        for number in numbers
    ]


def listed(numbers: range, patient: str = "P1", series: str = "1.2.1") -> PacsWord:
    return PacsWord(
        patient,
        len(numbers),
        {series: len(numbers)},
        {series: frozenset(f"9.{number}" for number in numbers)},
    )


TWENTY = Circumstances(Expectations({"1.2.1": 20}, 20))


@dataclass(frozen=True)
class Case:
    """What lies here, what the PACS says when asked, and what comes of it: numbers of images by reason."""

    here: list[Image]
    word: PacsWord | None = None
    pull: Circumstances = TWENTY
    accepted: int = 20
    rejected: dict[Rejection, int] = field(default_factory=dict)
    pull_again: int = 0
    question: bool = False
    certain: bool = True
    patients: tuple[str, ...] = ("P1",)


CASES = {
    "all from the PACS": Case(images(range(20))),
    "corrected between two pulls: the old copies go": Case(
        images(range(12), "OLD1", in_pull=False) + images(range(24), "NEW1"), listed(range(24), "NEW1"),
        accepted=24, rejected={Rejection.CORRECTED: 12}, patients=("NEW1",),
    ),
    "corrected, and only what was missing came: the rest comes again": Case(
        images(range(12), "OLD1", in_pull=False) + images(range(12, 24), "NEW1"), listed(range(24), "NEW1"),
        accepted=12, rejected={Rejection.CORRECTED: 12}, pull_again=12, patients=("NEW1",),
    ),
    "corrected, and the PACS does not say so": Case(
        images(range(12), "OLD1", in_pull=False) + images(range(24), "NEW1"), PacsWord(),
        accepted=24, rejected={Rejection.CORRECTED: 12}, patients=("NEW1",),
    ),
    "corrected, and nothing came since": Case(
        images(range(12), "OLD1", in_pull=False), listed(range(24), "NEW1"), replace(TWENTY, asked_as="NEW1"),
        accepted=0, rejected={Rejection.CORRECTED: 12}, pull_again=12, patients=(),
    ),
    "two PatientIDs from before and now, not asked yet": Case(
        images(range(12), "OLD1", in_pull=False) + images(range(12, 24), "NEW1"),
        accepted=12, rejected={Rejection.CORRECTED: 12}, pull_again=12, question=True, patients=("NEW1",),
    ),
    "the PACS sends two PatientIDs in one pull": Case(
        images(range(10)) + images(range(10, 20), "P2"), listed(range(20), "P2"), patients=("P2", "P1")
    ),
    "two PatientIDs of the PACS, the second half pulled again": Case(
        images(range(10), in_pull=False) + images(range(10, 20), "P2"), listed(range(20)),
        patients=("P1", "P2")
    ),
    "blanks around the PatientID": Case(images(range(10)) + images(range(10, 20), "  P1 "), PacsWord("P1  "),
                                        question=False),
    "the same image under two PatientIDs of the PACS in one pull counts once": Case(
        images(range(20)) + images(range(5), "P2"), listed(range(20)), rejected={Rejection.SECOND_COPY: 5}
    ),
    "a stranger's images of another patient lie here before the pull": Case(
        images(range(20)) + images(range(50, 70), "P9", STRANGER, in_pull=False), listed(range(20)),
        rejected={Rejection.OTHER_PATIENT: 20},
    ),
    "the same, and the PACS does not answer": Case(
        images(range(20)) + images(range(50, 70), "P9", STRANGER, in_pull=False), PacsWord(),
        rejected={Rejection.OTHER_PATIENT: 20},
    ),
    "the same, not asked yet": Case(
        images(range(20)) + images(range(50, 70), "P9", STRANGER, in_pull=False),
        rejected={Rejection.OTHER_PATIENT: 20}, question=True,
    ),
    "a stranger under the right PatientID with UIDs of its own": Case(
        images(range(20)) + images(range(50, 55), sender=STRANGER), listed(range(20)),
        rejected={Rejection.NOT_AT_PACS: 5}
    ),
    "the same at a PACS that lists no images": Case(
        images(range(20)) + images(range(50, 55), sender=STRANGER), PacsWord("P1", 20),
        rejected={Rejection.SURPLUS: 5}
    ),
    "a stranger has overwritten some while they arrived": Case(
        images(range(12)) + images(range(12, 20), sender=STRANGER, twice=True), listed(range(20)),
        accepted=12, rejected={Rejection.OTHER_SENDER: 8}, pull_again=8,
    ),
    "a stranger has overwritten all": Case(
        images(range(20), sender=STRANGER, twice=True), listed(range(20)),
        accepted=0, rejected={Rejection.OTHER_SENDER: 20}, pull_again=20, patients=(),
    ),
    "a stranger was first and the PACS has not sent these": Case(
        images(range(12)) + images(range(12, 20), sender=STRANGER, in_pull=False), listed(range(20)),
        accepted=12, rejected={Rejection.OTHER_SENDER: 8}, pull_again=8,
    ),
    "somebody calls itself as the PACS and sends the same images": Case(
        images(range(15)) + images(range(15, 20), twice=True), listed(range(20)),
        accepted=15, rejected={Rejection.SENT_TWICE: 5}, pull_again=5,
    ),
    "the same in the last attempt": Case(
        images(range(15)) + images(range(15, 20), twice=True), listed(range(20)), replace(TWENTY, final=True),
        certain=False
    ),
    "the PACS sends from another node that it confirms": Case(images(range(20), sender=NODE),
                                                              listed(range(20))),
    "from two nodes": Case(images(range(10)) + images(range(10, 20), sender=NODE), listed(range(20))),
    "from another node, not asked yet": Case(images(range(20), sender=NODE), question=True, certain=False),
    "from another node, of which it says nothing": Case(images(range(20), sender=NODE), PacsWord(),
                                                        certain=False),
    "from another node, without a list but in the number announced": Case(
        images(range(20), sender=NODE), PacsWord("P1"), replace(TWENTY, counts_agree=True)
    ),
    "from another node, one image less than announced": Case(
        images(range(19), sender=NODE), PacsWord("P1"), TWENTY, accepted=19, certain=False
    ),
    "stored by HTTP and not by DICOM": Case(
        images(range(20)) + images(range(30, 32), sender=Sender("", "10.0.0.1")), listed(range(20)),
        rejected={Rejection.NOT_AT_PACS: 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_only_the_images_of_the_pacs_that_was_asked_are_handed_over(name: str) -> None:
    case = CASES[name]
    for here in (case.here, case.here[::-1]):
        found = judge_pulled(here, KNOWN, case.word, case.pull)
        reasons = [one.why for one in found.rejected]
        assert {why: reasons.count(why) for why in reasons} == case.rejected
        assert len(found.accepted) == len({image.sop_uid for image in found.accepted}) == case.accepted
        assert len(found.pull_again) == case.pull_again
        assert (found.question, found.certain, found.patient_ids) == (
            case.question,
            case.certain,
            case.patients,
        )
        assert len(found.accepted) + len(found.rejected) == len(here)


def test_a_sender_is_learned_only_when_the_pacs_has_confirmed_its_images() -> None:
    assert judge_pulled(images(range(20), sender=NODE), KNOWN, listed(range(20)), TWENTY).learned == {NODE}
    assert judge_pulled(images(range(20), sender=NODE), KNOWN, PacsWord("P1"), TWENTY).learned == frozenset()
    overwritten = images(range(20), sender=STRANGER, twice=True)
    assert judge_pulled(overwritten, KNOWN, listed(range(20)), TWENTY).learned == frozenset()


def test_who_sends_what_the_pacs_sends_too_is_not_learned() -> None:
    """Found by a storm: a stranger's altered copies beside a C-MOVE that broke off, each under a listed UID."""
    pushed = images(range(12, 17), sender=STRANGER)
    sent_after_them = images(range(8, 12), twice=True)
    found = judge_pulled([*images(range(8)), *sent_after_them, *pushed], KNOWN, listed(range(20)), TWENTY)
    assert (found.learned, found.certain) == (frozenset(), False)
    short = judge_pulled([*images(range(12)), *pushed], KNOWN, listed(range(20)), TWENTY)
    assert short.learned == frozenset()
    whole = judge_pulled(
        [*images(range(12)), *images(range(12, 20), sender=NODE)], KNOWN, listed(range(20)), TWENTY
    )
    assert (whole.learned, whole.certain) == (frozenset({NODE}), True)


def test_a_learned_sender_speaks_for_the_pacs() -> None:
    known = KNOWN | KnownSenders(frozenset({NODE}))
    found = judge_pulled(images(range(20), sender=NODE), known, None, TWENTY)
    assert (len(found.accepted), found.question, found.certain) == (20, False, True)


def test_an_image_in_two_series_counts_once_for_the_study_and_once_in_each_series() -> None:
    found = judge_pulled(images(range(12)) + images(range(11, 20), series="1.2.2"), KNOWN, None, TWENTY)
    assert found.counts == {"1.2.1": 12, "1.2.2": 9}
    assert found.total == 20


@pytest.mark.parametrize(
    ("text", "sender", "known"),
    [
        ("PACS", PACS, True),
        ("PACS@10.0.0.1", PACS, True),
        ("PACS@10.0.0.2", PACS, False),
        ("@10.0.0.1", PACS, True),
        ("@10.0.0.1", Sender("OTHER", "10.0.0.1"), True),
        ("@10.0.0.1", Sender("", "10.0.0.1"), False),
        ("pacs", PACS, False),
        (" PACS @ 10.0.0.1 ", PACS, True),
        ("@", Sender("", ""), False),
        ("10.0.0.1", PACS, True),
        ("10.0.0.2", PACS, False),
        ("fe80::1", Sender("PACS", "fe80::1"), True),
        ("", PACS, False),
    ],
)
def test_senders_as_settings_name_them(text: str, sender: Sender, known: bool) -> None:
    assert read_senders([text]).knows(sender) is known


PUSHED = {
    "one sender, one patient": (images(range(5)), None, 5, ("P1",), 0),
    "one sender, two patients: it stays together": (
        images(range(5)) + images(range(5, 8), "P2"),
        None,
        8,
        ("P1", "P2"),
        0,
    ),
    "two senders, two patients: the larger part": (
        images(range(5)) + images(range(9), "P9", STRANGER),
        None,
        9,
        ("P9",),
        5,
    ),
    "two senders, one patient": (
        images(range(5)) + images(range(5, 8), sender=STRANGER),
        None,
        8,
        ("P1",),
        0,
    ),
    "the PACS knows the patient": (
        images(range(5)) + images(range(9), "P9", STRANGER),
        PacsWord("P1"),
        5,
        ("P1",),
        9,
    ),
    "the PACS knows another patient": (images(range(9), "P9", STRANGER), PacsWord("P1"), 0, (), 9),
    "the PACS does not say the patient": (images(range(9), "P9", STRANGER), PacsWord(None, 9), 9, ("P9",), 0),
    "blanks": (images(range(5), " P1"), PacsWord("P1 "), 5, ("P1",), 0),
    "nothing here": ([], None, 0, (), 0),
    "an empty PatientID beside the PACS's": (
        images(range(5)) + images(range(5, 8), "", STRANGER),
        PacsWord("P1"),
        5,
        ("P1",),
        3,
    ),
}


def test_what_somebody_else_pushes_is_not_known_to_be_what_the_pacs_has() -> None:
    assert judge_pushed(images(range(5)), PacsWord("P1", 5), KNOWN).certain
    assert not judge_pushed(images(range(5), sender=STRANGER), PacsWord("P1", 5), KNOWN).certain
    assert not judge_pushed(
        images(range(4)) + images(range(4, 5), sender=STRANGER), PacsWord("P1", 5), KNOWN
    ).certain
    assert judge_pushed(
        images(range(5), sender=STRANGER), None
    ).certain  # no PACS knows it: there is nothing to compare with


@pytest.mark.parametrize("name", PUSHED)
def test_of_what_was_pushed_one_patient_is_handed_over(name: str) -> None:
    here, word, accepted, patients, others = PUSHED[name]
    found = judge_pushed(here, word)
    assert (len(found.accepted), found.patient_ids) == (accepted, patients)
    assert [one.why for one in found.rejected] == [Rejection.OTHER_PATIENT] * others


MOJIBAKE = "张1".encode("gb18030").decode("latin-1")


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("张1", MOJIBAKE),
        (MOJIBAKE, "张1"),
        ("P1", "Ｐ１"),
        ("Mü1", "Mu\u03081"),
        ("P1", "P1 \0"),
        ("MÃ¼ller1", "Müller1"),
    ],
)
def test_one_patient_id_read_by_two_character_sets_is_one_patient(told: str, written: str) -> None:
    """The finder and Orthanc may decode the same bytes in two ways: nothing is set aside for that."""
    word = PacsWord(told, 20)
    pushed = judge_pushed(images(range(20), written, NODE), word, KNOWN)
    assert (pushed.total, pushed.rejected) == (20, ())
    pulled = judge_pulled(images(range(20), written, NODE), KNOWN, word, replace(TWENTY, counts_agree=True))
    assert (pulled.total, pulled.rejected, pulled.certain) == (20, (), True)
    mixed = judge_pulled([*images(range(10), told), *images(range(10, 20), written)], KNOWN, word, TWENTY)
    assert (mixed.total, mixed.patient_ids) == (20, (told,)), "no difference to be marked"


@pytest.mark.parametrize("written", ["P2", "p1", "P 1", "张2", "P¹", ""])
def test_another_patient_id_stays_another_patient(written: str) -> None:
    pushed = judge_pushed(images(range(20), written, NODE), PacsWord("P1", 20), KNOWN)
    assert (pushed.total, len(pushed.rejected)) == (0, 20)


@pytest.mark.parametrize(
    "sender",
    [Sender("PACS ", "10.0.0.1"), Sender("PACS", "::ffff:10.0.0.1"), Sender("PACS", "::FFFF:10.0.0.1 ")],
)
def test_a_sender_is_known_however_its_address_is_written(sender: Sender) -> None:
    assert KNOWN.knows(sender)
    assert read_senders(["::ffff:10.0.0.1", "AET@::ffff:10.0.0.2"]).knows(Sender("X", "10.0.0.1"))
    assert not KNOWN.knows(Sender("PACS", "::ffff:10.0.0.10"))


ALL = Expectations({"1.2.1": 24}, 24)


@pytest.mark.parametrize("word", [listed(range(24)), PacsWord("P1", 24, {"1.2.1": 24})])
def test_what_alone_came_and_as_announced_is_the_pacs_s_whatever_patient_its_node_still_has(
    word: PacsWord,
) -> None:
    """An archive node of another AE title that keeps the headers from before a correction: was set aside whole."""
    old = images(range(24), "OLD", NODE)
    found = judge_pulled(old, KNOWN, word, Circumstances(ALL, counts_agree=True))
    assert (len(found.accepted), found.rejected, found.patient_ids) == (24, (), ("OLD",))
    assert found.learned == frozenset(), "such an address is confirmed by nothing else"


@pytest.mark.parametrize(
    ("came", "agree", "word"),
    [
        (images(range(24), "OLD", NODE), False, listed(range(24))),
        (images(range(24), "OLD", NODE, in_pull=False), True, listed(range(24))),
        (images(range(24), "OLD", NODE, twice=True), True, listed(range(24))),
        (images(range(24), "OLD", NODE), True, listed(range(1, 25))),
        (images(range(12), "OLD", NODE) + images(range(12, 24), "OLD", STRANGER), True, listed(range(24))),
        (images(range(23)) + images(range(23, 24), "OLD", NODE), True, listed(range(24))),
    ],
    ids=["counts differ", "before the pull", "overwritten", "not listed", "two senders", "beside its own"],
)
def test_otherwise_another_patient_of_an_unknown_sender_is_set_aside(
    came: list[Image], agree: bool, word: PacsWord
) -> None:
    found = judge_pulled(came, KNOWN, word, Circumstances(ALL, counts_agree=agree))
    assert not any(image.patient == "OLD" for image in found.accepted)


@pytest.mark.parametrize(
    "written", ["P1\u00a0", "\u200bP1", "P1\ufeff", "P\u00ad1", "\u200eP1\u200f", "P1\t", "P1\0 "]
)
def test_characters_that_nobody_sees_make_no_other_patient(written: str) -> None:
    half = images(range(12)) + images(range(12, 24), written)
    assert judge_pulled(half, KNOWN, None).patient_ids == ("P1",)
    pushed = judge_pushed(images(range(12), sender=NODE) + images(range(12, 24), written, STRANGER), None)
    assert (len(pushed.accepted), pushed.rejected) == (24, ())


MEANWHILE = Circumstances(Expectations({"1.2.1": 20}, 20), asked_as="P1")


@pytest.mark.parametrize("old", [1, 10, 19])
def test_what_the_pacs_sent_before_it_corrected_the_patient_id_in_this_pull_is_pulled_again(old: int) -> None:
    here = [*images(range(old)), *images(range(old, 20), "P2")]
    assert judge_pulled(here, KNOWN, None, MEANWHILE).question
    judged = judge_pulled(here, KNOWN, listed(range(20), "P2"), MEANWHILE)
    assert judged.patient_ids == ("P2",)
    assert {one.why for one in judged.rejected} == {Rejection.CORRECTED}
    assert len(judged.rejected) == old


@pytest.mark.parametrize("told", ["P1", "P1 ", "P3", ""])
def test_two_patient_ids_of_a_pacs_that_has_corrected_none_stay_together(told: str) -> None:
    here = [*images(range(10)), *images(range(10, 20), "P2")]
    judged = judge_pulled(here, KNOWN, listed(range(20), told), MEANWHILE)
    assert set(judged.patient_ids) == {"P1", "P2"}
    assert len(judged.accepted) == 20


def test_the_last_attempt_keeps_both_patient_ids() -> None:
    here = [*images(range(10)), *images(range(10, 20), "P2")]
    judged = judge_pulled(here, KNOWN, listed(range(20), "P2"), replace(MEANWHILE, final=True))
    assert set(judged.patient_ids) == {"P1", "P2"}
