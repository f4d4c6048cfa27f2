"""
K2: no answer of a PACS is believed to match the question.

Every kind of query against a PACS that answers what it likes. The matching itself is in
tests/unit/domain/find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import RetriableError, TooManyAnswers
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.study.lifecycle import State
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.operate.look_up_at_pacs import LookUp
from tests.fakes.pipeline import UID, Pipeline, answer, series_answer
from tests.fakes.world import DAY, FakeLog

Asked = list[tuple[str, dict[str, str]]]
BAD_UIDS = ("*", "1.2\\1.3", "../..", "1." * 30_000 + "1", "STUDY", "1..2", "1.2.3;4")


class Deaf:
    """A PACS that ignores keys, or tells less than was asked."""

    def __init__(
        self, answers: Sequence[Attributes], ignores: Sequence[str] = (), hides: Sequence[str] = ()
    ) -> None:
        self.answers, self.ignores, self.hides = answers, ignores, hides
        self.asked: Asked = []

    def find(
        self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
    ) -> list[Attributes]:
        self.asked.append((level, dict(query)))
        keys = {key: value for key, value in query.items() if value and key not in self.ignores}
        found = [one for one in self.answers if all(one.get(key, "") == value for key, value in keys.items())]
        return [{key: value for key, value in one.items() if key not in self.hides} for one in found]


def twelve() -> list[dict[str, str]]:
    """Twelve studies of twelve patients, Q1 to Q12."""
    return [answer(f"{UID}.{n}", AccessionNumber=f"Q{n}", PatientID=f"P{n}") for n in range(1, 13)]


def world_with(pacs: Deaf) -> Pipeline:
    world = Pipeline()
    world.finder.finder = pacs
    return world


@pytest.mark.parametrize(
    ("asked", "ignored", "uids"),
    [
        ({"AccessionNumber": "Q7"}, ("AccessionNumber",), [f"{UID}.7"]),
        ({"PatientID": "P3"}, ("PatientID",), [f"{UID}.3"]),
        ({"StudyInstanceUID": f"{UID}.5"}, ("StudyInstanceUID",), [f"{UID}.5"]),
        ({"AccessionNumber": "Q7", "PatientID": "P7"}, ("AccessionNumber", "PatientID"), [f"{UID}.7"]),
        ({"AccessionNumber": "Q7", "PatientID": "P8"}, ("AccessionNumber", "PatientID"), []),
        ({"AccessionNumber": "Q"}, ("AccessionNumber",), []),
        ({"AccessionNumber": "q7"}, ("AccessionNumber",), []),
        ({"AccessionNumber": "Q 7"}, ("AccessionNumber",), []),
        ({"AccessionNumber": "Q99"}, ("AccessionNumber",), []),
        ({"PatientID": "3"}, ("PatientID",), []),
    ],
)
def test_a_manual_pull_takes_only_what_was_named(
    asked: dict[str, str], ignored: Sequence[str], uids: list[str]
) -> None:
    world = world_with(Deaf(twelve(), ignored))
    told = world.manual(asked, "Dr. Li")
    assert [study["studyUID"] for study in told["studies"]] == uids
    assert world.store.count({}) == len(uids), "nothing is made of the others"
    assert "of 12 answers have another" in told["notMatching"]["A"]
    assert set(ignored) <= world.finder.learned("A").ignores


def test_what_was_answered_beside_the_number_is_told_of_both_questions() -> None:
    """Where no study has the accession number it is asked for as a PatientID, too."""
    told = world_with(Deaf(twelve(), ("AccessionNumber", "PatientID"))).manual(
        {"AccessionNumber": "Q99"}, "x"
    )
    assert told["notMatching"]["A"] == (
        "12 of 12 answers have another AccessionNumber: dropped; "
        "12 of 12 answers have another PatientID: dropped"
    )


def test_the_trait_is_told_once_and_shown(world: Pipeline) -> None:
    pacs = Deaf(twelve(), ("AccessionNumber",))
    world.finder.finder = pacs
    for number in (7, 8, 9):
        world.manual({"AccessionNumber": f"Q{number}"}, "Dr. Li")
    assert world.log.keys.count("answer_not_asked_for") == 1
    learned = world.finder.learned("A").told()
    assert (learned["ignores"], learned["dropped"]) == (["AccessionNumber"], {"STUDY AccessionNumber": 33})
    look_up = LookUp(world.finder, world.clock, world.finding.switches, ("A",), (), lambda: [DAY])
    told = look_up({"AccessionNumber": "Q7"})["A"]
    assert [study["accessionNumber"] for study in told["studies"]] == ["Q7"]
    assert (told["ignores"], told["dropped"]) == (
        ["AccessionNumber"],
        "11 of 12 answers have another AccessionNumber: dropped",
    )


@pytest.mark.parametrize("told_when_asked_for", [True, False])
def test_who_does_not_tell_the_key_must_prove_that_it_honours_it(told_when_asked_for: bool) -> None:
    """The numbers never come back, or only when asked for by UID; the PACS matches them rightly."""

    class Silent(Deaf):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            found = super().find(pacs, level, query, return_keys)
            asked_for = (
                told_when_asked_for and bool(query.get("StudyInstanceUID")) and "AccessionNumber" not in query
            )
            return (
                found
                if asked_for
                else [{k: v for k, v in one.items() if k != "AccessionNumber"} for one in found]
            )

    world = world_with(Silent(twelve()))
    told = world.manual({"AccessionNumber": "Q7"}, "Dr. Li")
    assert [study["studyUID"] for study in told["studies"]] == [f"{UID}.7"]
    assert told["notMatching"] == {}


@pytest.mark.parametrize("held", [1, 2, 5, 12])
def test_who_neither_tells_nor_honours_the_key_gets_nothing_pulled(held: int) -> None:
    pacs = Deaf(twelve()[:held], ("AccessionNumber",), ("AccessionNumber",))
    world = world_with(pacs)
    told = world.manual({"AccessionNumber": "Q1"}, "Dr. Li")
    assert (told["studies"], world.store.count({})) == ([], 0)
    assert f"{held} answers do not tell AccessionNumber" in told["notMatching"]["A"]
    assert len(pacs.asked) <= 2 + 5 * 3, "a long list is not asked after one by one"


def test_who_fails_when_asked_after_has_proved_nothing() -> None:
    class Failing(Deaf):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            if query.get("StudyInstanceUID"):
                raise RetriableError("association refused")
            return super().find(pacs, level, query, return_keys)

    world = world_with(Failing(twelve(), (), ("AccessionNumber",)))
    assert world.manual({"AccessionNumber": "Q7"}, "Dr. Li")["studies"] == []


@pytest.mark.parametrize("uid", BAD_UIDS)
def test_no_document_is_made_of_what_is_no_uid(uid: str) -> None:
    world = world_with(Deaf([answer(uid), answer(UID)], ("AccessionNumber", "StudyInstanceUID")))
    for _ in range(3):
        world.find("A", DAY)
    world.manual({"AccessionNumber": "A1"}, "Dr. Li")
    assert [study.study_uid for study in world.store.find({})] == [UID]
    assert world.log.keys.count("answer_refused") == 1
    assert world.finder.learned("A").refused == {"StudyInstanceUID is no UID": 4}


@pytest.mark.parametrize(
    "nothing", [{}, {"QueryRetrieveLevel": "STUDY"}, {"StudyInstanceUID": "", "PatientID": " "}]
)
def test_an_answer_without_data_set_is_counted_and_nothing_else(nothing: dict[str, str]) -> None:
    world = world_with(Deaf([answer(UID)]))
    pacs = world.finder.finder
    pacs.find = lambda *asked: [nothing, answer(UID), nothing]  # type: ignore[method-assign]
    world.find("A", DAY)
    assert [study.study_uid for study in world.store.find({})] == [UID]
    assert world.finder.learned("A").refused == {"it tells nothing": 2}


def test_studies_of_other_days_are_not_taken_for_those_of_the_day() -> None:
    """A PACS that ignores StudyDate answers all that it has, in every find."""
    others = [answer(f"{UID}.{n}", StudyDate=f"202006{n:02}") for n in range(10, 18)]
    world = world_with(Deaf([*others, answer(UID)], ("StudyDate",)))
    world.find("A", DAY)
    world.find("A", DAY)
    assert [study.study_uid for study in world.store.find({})] == [UID]
    assert world.study().waits_for_pull
    assert world.finder.learned("A").ignores == {"StudyDate"}


def test_an_answer_that_does_not_tell_the_date_is_kept_by_the_days_find() -> None:
    """Automatic work judges every study before it pulls; to lose one is worse."""
    world = world_with(Deaf([answer(UID)], ("StudyDate",), ("StudyDate",)))
    world.find("A", DAY)
    assert world.study().state is State.META_ONLY


@pytest.mark.parametrize("level", ["SERIES", "IMAGE"])
def test_series_and_images_of_other_studies_are_dropped(level: str, world: Pipeline) -> None:
    foreign = series_answer(f"{UID}.9.1", 50, study=f"{UID}.9", SOPInstanceUID=f"{UID}.9.1.1")
    own = series_answer(f"{UID}.1", 20, SOPInstanceUID=f"{UID}.1.1")
    world.finder.finder = Deaf([foreign, own], ("StudyInstanceUID",))
    assert world.finder.find("A", level, {"StudyInstanceUID": UID}, ()) == [own]
    assert world.finder.learned("A").dropped == {f"{level} StudyInstanceUID": 1}
    assert world.finder.learned("A").ignores == set(), "what it does at STUDY level is another matter"


def test_a_uid_that_comes_for_any_number_is_not_that_of_the_study() -> None:
    """
    At SERIES level this PACS ignores the number and does not tell it; one of its two studies has no UID at
    all.
    """
    nameless, other = answer("", AccessionNumber="Q1"), answer(UID, AccessionNumber="Q2", PatientID="P2")

    class Levels(Deaf):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            if level == "STUDY":
                return super().find(pacs, level, query, return_keys)
            return [
                {"StudyInstanceUID": "", "StudyDate": "20200618"},
                {"StudyInstanceUID": UID, "StudyDate": "20200618"},
            ]

    world = world_with(Levels([nameless, other]))
    world.find("A", DAY)
    states = {study.accession_number: study.state for study in world.store.find({})}
    assert states == {"Q1": State.UNPULLABLE, "Q2": State.META_ONLY}


def test_asked_for_by_uid_a_study_without_one_is_only_that_one() -> None:
    world = world_with(Deaf([answer("", AccessionNumber="Q1")], ("StudyInstanceUID",)))
    world.manual.with_uid = lambda found, by: replace(found, study_uid=f"{UID}.9")
    assert world.manual({"StudyInstanceUID": UID}, "Dr. Li")["studies"] == []


def test_of_a_list_that_was_cut_the_matching_ones_are_taken_and_it_is_said() -> None:
    class Cut(Deaf):
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            raise TooManyAnswers(super().find(pacs, level, query, return_keys)[:5])

    world = world_with(Cut(twelve(), ("AccessionNumber",)))
    assert [study["studyUID"] for study in world.manual({"AccessionNumber": "Q3"}, "x")["studies"]] == [
        f"{UID}.3"
    ]
    told = world.manual({"AccessionNumber": "Q7"}, "x")
    assert (told["studies"], "beyond its end" in told["notMatching"]["A"]) == ([], True)
    with pytest.raises(TooManyAnswers) as caught:
        world.finder.find("A", "STUDY", {"AccessionNumber": "Q3"})
    assert [one["AccessionNumber"] for one in caught.value.partial] == ["Q3"]


def test_what_the_site_has_set_is_known_from_the_beginning() -> None:
    finder = MatchedFinder(Deaf([]), FakeLog(), {"A": PacsTraits(ignores=("PatientID",), caps=(130,))})
    assert (finder.learned("A").ignores, finder.learned("A").caps) == ({"PatientID"}, {130})
    assert finder.learned("B").told() == {"caps": [], "ignores": [], "dropped": {}, "refused": {}}


@pytest.mark.parametrize("number", [1, 2, 3, 11])
def test_a_few_answers_beside_the_question_are_no_trait(number: int) -> None:
    """Some PACS answer rows that nobody asked for; it still honours the key."""
    world = Pipeline()
    beside = [answer(f"{UID}.{n}", StudyDate="20200101") for n in range(number)]
    own = [answer(f"{UID}.1{n}") for n in range(12)]
    world.finder.finder = Deaf([*own, *beside], ("StudyDate",))
    world.find("A", DAY)
    assert world.store.count({}) == 12
    assert world.finder.learned("A").ignores == set()


def test_the_look_up_says_what_the_pacs_does_not_tell(world: Pipeline) -> None:
    world.finder.finder = Deaf(twelve()[:2], ("AccessionNumber",), ("AccessionNumber",))
    look_up = LookUp(world.finder, world.clock, world.finding.switches, ("A",), (), lambda: [DAY])
    told = look_up({"AccessionNumber": "Q1"})["A"]
    assert [study["notTold"] for study in told["studies"]] == [["AccessionNumber"]] * 2
    world.finder.finder = Deaf(twelve())
    assert "notTold" not in look_up({"AccessionNumber": "Q2"})["A"]["studies"][0]
