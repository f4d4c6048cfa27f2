"""
The probe against the simulated PACS: each habit that concerns finding is named, and a PACS without habits has
none named.

The compressed day has 150 studies. Not proved here: real implementations (test_probe_real), and the backslash
text under VR ST, which is the same bytes as a list over Implicit VR.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.probe import DicomProbe, Receiver
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.probe import Verdict
from pacs_module.use_cases.probe.probe_pacs import MOST_QUERIES, Probed, ProbePacs
from pacs_module.use_cases.probe.questions.client import MoveTest
from pacs_module.web.page_support.language import catalogue
from pacs_module.web.page_support.sentences import sentences_in
from stack.ports import LOOPBACK, free_ports

DAY = dt.date(2026, 11, 20)
AIPULL = "AIPULL"
ENOUGH_S = 2.0
"""For an answer of this PACS on a busy machine; each that never comes costs as much."""
YES, NO, PARTLY, NOT_TOLD = Verdict.YES, Verdict.NO, Verdict.PARTLY, Verdict.NOT_TOLD


@pytest.fixture(scope="module")
def pacs() -> Iterator[SimPacs]:
    with SimPacs(plan_busy_day(DAY, studies=150, max_slices=12)) as pacs:
        yield pacs


def probe(
    pacs: SimPacs, *habits: str, timeout: float = 10.0, most: int = MOST_QUERIES, move: MoveTest | None = None
) -> Probed:
    """Restarted, because habits that come and go count from the start."""
    pacs.stop()
    pacs.start()
    pacs.habits = list(habits)
    late = 20.0 if any(habit.startswith("move-late-images") for habit in habits) else 0.3
    asker = DicomProbe(Peer(LOOPBACK, pacs.port, pacs.ae_title, AIPULL), timeout, late)
    before = pacs.ledger.queries()
    probed = ProbePacs(asker, lambda: None, time.monotonic, most)(DAY, DAY, move)
    assert pacs.ledger.queries() - before <= probed.queries <= most
    return probed


def told(probed: Probed, key: str) -> tuple[Verdict, Any]:
    return probed.findings[key].verdict, probed.findings[key].value


def recommended(probed: Probed) -> dict[str, object]:
    return {each.setting: each.value for each in probed.recommendations}


@pytest.fixture(scope="module")
def of(pacs: SimPacs) -> Callable[[str], Probed]:
    """What the probe says of a habit, asked once in this module."""
    return functools.cache(lambda habit: probe(pacs, *([habit] if habit else [])))


@pytest.fixture(scope="module")
def good(of: Callable[[str], Probed]) -> Probed:
    return of("")


def test_a_pacs_without_habits_is_found_to_be_good(good: Probed) -> None:
    verdicts = {key: finding.verdict for key, finding in good.findings.items()}
    bad = {"model.study get", "model.patient get", "cap", "duplicates", "uid.dirty"}
    assert {key for key, verdict in verdicts.items() if verdict is not YES} == bad
    assert all(verdicts[key] is NO for key in bad)
    assert recommended(good)["finder"] == "orthanc"
    assert good.queries <= 30


HABITS: list[tuple[str, str, Verdict, object]] = [
    ("cap=100", "cap", YES, 100),
    ("cap-a700=37", "cap", YES, 37),
    ("no-counts", "count.study", NO, "absent"),
    ("no-counts", "count.series", NO, "absent"),
    ("counts-as-text", "count.study", PARTLY, "text"),
    ("empty-uid", "uid.resolved", YES, None),
    ("empty-uid-everywhere", "uid.resolved", NO, None),
    ("no-modalities-in-study", "modalities", NO, "absent"),
    ("no-modalities-in-study", "match.modality", NO, "ignored"),
    ("modalities-single", "modalities", NO, "single"),
    ("modalities-as-text=comma", "modalities", PARTLY, "comma"),
    ("modalities-equal", "match.modality", PARTLY, "equals"),
    ("no-series-level", "level.series", NO, None),
    ("series-needs-study-uid=refused", "level.series_alone", NO, None),
    ("empty-image-level", "level.image", NO, 0),
    ("time-range-independent", "match.date_time", NO, "independent"),
    ("time-range-ignored", "match.time_range", NO, None),
    ("date-range-ignored", "match.date_range", NO, None),
    ("wildcard-ignored=everything", "match.AccessionNumber*", NO, None),
    ("wildcard-ignored=literal", "match.PatientID*", NO, None),
    ("uid-list-first", "match.uid_list", PARTLY, None),
    ("ignores-key=AccessionNumber+PatientID", "match.AccessionNumber", NO, "ignored"),
    ("ignores-key=AccessionNumber+PatientID", "match.PatientID", NO, "ignored"),
    ("one-association", "parallel", NO, 1),
    ("gbk-undeclared", "text.sent", YES, "GBK"),
    ("gbk-undeclared", "text.agrees", NO, False),
    ("gbk-as-latin1", "text.declared", YES, "ISO_IR 100"),
    ("gbk-as-latin1", "text.agrees", NO, False),
    ("utf8-undeclared", "text.sent", YES, "UTF-8"),
    ("utf8-as-latin1", "text.agrees", NO, False),
    ("escapes-second", "text.declared", YES, "\\ISO 2022 IR 58"),
    ("escapes-second", "text.sent", YES, "ISO 2022 escapes"),
    ("utf8", "text.agrees", YES, True),
]


@pytest.mark.parametrize(("habit", "key", "verdict", "value"), HABITS, ids=lambda each: str(each))
def test_each_habit_is_named(
    of: Callable[[str], Probed], good: Probed, habit: str, key: str, verdict: Verdict, value: object
) -> None:
    assert told(of(habit), key) == (verdict, value)
    if key in good.findings and not key.startswith("text."):
        assert told(good, key) != (verdict, value)


TWO_WORDS = re.compile(r"(?<![\w.])[a-z]{3,}(?:'s)? [a-z]{2,}")
"""English: names, states and keys are single words."""
AS_DICOM_NAMES_IT = re.compile(r"^presentation context |\((Rejected|Aborted) ")
"""Services, and why an association is rejected (PS3.8)."""


@pytest.mark.parametrize("habit", sorted({"", *(habit for habit, *_ in HABITS)}))
def test_the_page_tells_what_was_found_in_chinese(of: Callable[[str], Probed], habit: str) -> None:
    said, probed = sentences_in(catalogue("zh").gettext), of(habit)
    told = [text for one in probed.findings.values() for text in (one.words, one.asked, one.came)]
    told += [one.why for one in probed.recommendations]
    left = {text for text in told if TWO_WORDS.search(said(text))}
    assert {text for text in left if not AS_DICOM_NAMES_IT.search(text)} == set()


@pytest.mark.parametrize(
    ("habit", "key"),
    [("dirty-uid", "uid.dirty"), ("empty-uid", "uid.dirty"), ("duplicate-answers", "duplicates")],
)
def test_untidy_answers_are_counted(of: Callable[[str], Probed], habit: str, key: str) -> None:
    verdict, number = told(of(habit), key)
    assert verdict is YES
    assert isinstance(number, int)
    assert number > 10


@pytest.mark.parametrize(
    ("habit", "setting", "value"),
    [
        ("cap=100", "caps", (100,)),
        ("time-range-ignored", "recent_min", 0),
        ("no-series-level", "use_series", False),
        ("ignores-key=AccessionNumber+PatientID", "ignores", ("AccessionNumber", "PatientID")),
        ("modalities-single", "trust_modalities", False),
        ("no-counts", "stability_rule", "fixed_delay"),
        ("one-association", "parallel_pulls", 1),
        ("gbk-undeclared", "DefaultEncoding", "Chinese"),
        ("utf8-undeclared", "DefaultEncoding", "Utf8"),
        ("escapes", "finder", "orthanc"),
        ("escapes-second", "finder", "pynetdicom"),
        ("escapes-after-ir6", "finder", "pynetdicom"),
        ("gb2312-declared", "finder", "pynetdicom"),
        ("gbk-as-utf8", "finder", "pynetdicom"),
    ],
)
def test_the_setting_follows_the_habit(
    of: Callable[[str], Probed], habit: str, setting: str, value: object
) -> None:
    assert recommended(of(habit))[setting] == value


@pytest.mark.parametrize("habit", ["overloaded=2", "never-answers=5", "refuse-associations=3"])
def test_what_comes_and_goes_is_named_and_changes_nothing_else(
    pacs: SimPacs, good: Probed, habit: str
) -> None:
    probed = probe(pacs, habit, timeout=ENOUGH_S if habit.startswith("never") else 10.0)
    assert told(probed, "reliable")[0] is NO
    same = (
        "cap",
        "match.time_range",
        "match.date_range",
        "match.AccessionNumber*",
        "match.uid_list",
        "level.series",
        "count.study",
    )
    assert {key: told(probed, key) for key in same} == {key: told(good, key) for key in same}
    assert probed.findings["parallel"].verdict in (YES, NOT_TOLD)


def test_slowness_is_measured(pacs: SimPacs) -> None:
    probed = probe(pacs, "slow=0.02", "trickle=0.001")
    assert told(probed, "speed.slowest")[1] >= 0.02
    verdict, rate = told(probed, "speed")
    assert verdict is YES
    assert rate < 1000


def test_combined_habits_do_not_hide_one_another(pacs: SimPacs) -> None:
    probed = probe(
        pacs, "cap=100", "time-range-ignored", "duplicate-answers", "gbk-undeclared", "overloaded=3"
    )
    assert told(probed, "cap") == (YES, 100)
    assert told(probed, "match.time_range")[0] is NO
    assert told(probed, "duplicates")[0] is YES
    assert told(probed, "text.sent") == (YES, "GBK")
    assert told(probed, "reliable")[0] is NO


def test_a_cap_that_no_key_can_question_is_not_told(pacs: SimPacs) -> None:
    habits = ("time-range-ignored", "date-range-ignored", "wildcard-ignored=literal")
    assert told(probe(pacs, *habits), "cap")[0] is NOT_TOLD


def test_a_pacs_that_refuses_is_asked_twice_and_no_more(pacs: SimPacs) -> None:
    probed = probe(pacs, "refuse-associations")
    assert (told(probed, "echo")[0], probed.queries, list(probed.findings)) == (NO, 0, ["echo"])


def test_a_pacs_that_never_answers_is_left_alone_soon(pacs: SimPacs) -> None:
    probed = probe(pacs, "never-answers=1", timeout=ENOUGH_S)
    assert probed.queries <= 3
    assert told(probed, "reliable")[0] is NO
    assert {finding.verdict for key, finding in probed.findings.items() if key.startswith("match.")} == {
        NOT_TOLD
    }


def test_the_stated_number_of_queries_is_kept_and_the_rest_not_told(pacs: SimPacs) -> None:
    probed = probe(pacs, most=10)
    assert probed.queries == 10
    assert told(probed, "match.uid_list") == (NOT_TOLD, None)
    assert "10 queries" in probed.findings["match.uid_list"].came


def test_a_day_without_studies_tells_nothing(pacs: SimPacs) -> None:
    probed = ProbePacs(
        DicomProbe(Peer(LOOPBACK, pacs.port, pacs.ae_title, AIPULL), 10), lambda: None, time.monotonic
    )
    answer = probed(DAY, dt.date(2001, 1, 1))
    assert told(answer, "content")[0] is NO
    assert {
        finding.verdict
        for key, finding in answer.findings.items()
        if key.startswith(("match.", "level.", "text."))
    } == {NOT_TOLD}


def test_it_finds_a_busy_day_by_itself(pacs: SimPacs) -> None:
    pacs.habits = []
    probed = ProbePacs(
        DicomProbe(Peer(LOOPBACK, pacs.port, pacs.ae_title, AIPULL), 10), lambda: None, time.monotonic
    )
    assert probed(DAY + dt.timedelta(days=5)).day == DAY


MOVES: list[tuple[str, Verdict, str]] = [
    ("", YES, "all images came"),
    ("move-success-all-failed=*", NO, "Success, but only 0"),
    ("move-drops-nth=2x*", PARTLY, "Success, but only"),
    ("move-b000=2x*", PARTLY, "status B000"),
    ("move-refused=*", NO, "status A702"),
    ("move-dies=*", PARTLY, "broke"),
    ("move-late-images=1", YES, "after its end"),
    ("move-silent=0.3", YES, "all images came"),
]


@pytest.mark.parametrize(("habit", "verdict", "words"), MOVES)
def test_a_move_is_judged_by_what_came(pacs: SimPacs, habit: str, verdict: Verdict, words: str) -> None:
    (port,) = free_ports(1)
    pacs.destinations[AIPULL] = (LOOPBACK, port)
    with Receiver(AIPULL, port) as receiver:
        probed = probe(
            pacs, *([habit] if habit else []), move=MoveTest(AIPULL, lambda series: receiver.received())
        )
    assert probed.findings["move"].verdict is verdict
    assert words in probed.findings["move"].words
    if habit.startswith("move-silent"):
        assert told(probed, "move.silence")[1] >= 0.3


@pytest.mark.parametrize(("habit", "senders"), [("", ()), ("move-other-title=NODE2", (f"NODE2@{LOOPBACK}",))])
def test_who_sends_beside_the_one_that_was_asked_becomes_a_setting(
    pacs: SimPacs, habit: str, senders: tuple[str, ...]
) -> None:
    (port,) = free_ports(1)
    pacs.destinations[AIPULL] = (LOOPBACK, port)
    peer = Peer(pacs.host, pacs.port, pacs.ae_title, AIPULL)
    with Receiver(AIPULL, port) as receiver:
        test = MoveTest(
            AIPULL, lambda series: receiver.received(), lambda series: receiver.senders_beside(peer)
        )
        probed = probe(pacs, *([habit] if habit else []), move=test)
    assert recommended(probed)["senders"] == senders


def test_a_destination_that_the_pacs_does_not_know_is_said(pacs: SimPacs) -> None:
    pacs.destinations.pop(AIPULL, None)
    probed = probe(pacs, move=MoveTest(AIPULL, lambda series: 0))
    assert "does not know our AE title" in probed.findings["move"].words


def test_no_finding_holds_a_value_of_a_patient(pacs: SimPacs, good: Probed) -> None:
    values = {
        value
        for study in pacs.archive
        for keyword in ("PatientID", "PatientName", "AccessionNumber", "StudyInstanceUID")
        if (value := study.attributes.get(keyword, ""))
    }
    said = "\n".join(
        f"{finding.words} {finding.asked} {finding.came} {finding.value}"
        for finding in good.findings.values()
    )
    assert not [value for value in values if value in said]


def test_a_receiver_that_cannot_be_asked_costs_the_move_only(pacs: SimPacs) -> None:
    def received(series: str) -> int:
        raise RetriableError("the receiving Orthanc cannot be asked")

    probed = probe(pacs, most=60, move=MoveTest(AIPULL, received))
    assert "cannot be asked" in probed.findings["move"].came
    assert told(probed, "cap")[0] is NO
