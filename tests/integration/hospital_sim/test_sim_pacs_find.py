"""
The simulated PACS over the network: what C-FIND answers, and that every habit about finding and about text
shows.

Not proved: that real PACS have these habits in just this form.
"""

import datetime as dt
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from hospital_sim.busy_day.day import BusyStudy
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import HABITS, ManualClock, SimPacs
from hospital_sim.pacs.client import Client, Found
from hospital_sim.pacs.find.odd_answers import BAD_UIDS
from hospital_sim.pacs.find.spoiled_answers import LONG_TEXT
from hospital_sim.pacs.habits import Area
from hospital_sim.pacs.wire.text import HABITUAL
from hospital_sim.sending.scu import Pacs, PacsUnreachableError
from tests.support.waiting import wait_for

DATE = dt.date(2026, 11, 21)
DAY = plan_busy_day(DATE, 300, max_slices=20)
TODAY = {"StudyDate": "20261121"}
KEYS = {
    **TODAY, "StudyTime": "", "StudyInstanceUID": "", "AccessionNumber": "", "PatientID": "",
    "PatientName": "",
    "StudyDescription": "", "ModalitiesInStudy": "", "NumberOfStudyRelatedInstances": "",
    "NumberOfStudyRelatedSeries": "",
}  # fmt: skip
OF_TODAY = [one for one in DAY.studies if one.planned.started_at.date() == DATE and one.vanishes_at is None]
CT = next(
    one
    for one in OF_TODAY
    if "CT" in one.modalities and one.chest and not one.oddities and len(one.modalities) > 1
)


@pytest.fixture(scope="module")
def running() -> Iterator[SimPacs]:
    with SimPacs(DAY) as pacs:
        yield pacs


@pytest.fixture
def pacs(running: SimPacs) -> SimPacs:
    running.habits = []
    running.ledger.clear()
    running._context.finds = 0
    running._context.started = time.monotonic()
    running._associations = 0
    return running


def client(pacs: SimPacs, **options: Any) -> Client:
    return Client(Pacs(pacs.host, pacs.port, pacs.ae_title), **options)


def find(pacs: SimPacs, level: str = "STUDY", keys: Mapping[str, str] = KEYS, **options: Any) -> Found:
    implicit = options.pop("implicit", False)
    with client(pacs, implicit=implicit, timeout_s=options.pop("timeout_s", 10.0)) as scu:
        return scu.find(level, keys, **options)


# ---------------------------------------------------------------------------------------------- no habit


def test_echo(pacs: SimPacs) -> None:
    with client(pacs) as scu:
        assert scu.echo() == 0
    assert [one.service for one in pacs.ledger.entries] == ["C-ECHO"]


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("patient_root", [True, False])
def test_study_level(pacs: SimPacs, implicit: bool, patient_root: bool) -> None:
    found = find(pacs, implicit=implicit, patient_root=patient_root)
    assert found.status == 0
    by_uid = {one["StudyInstanceUID"]: one for one in found.answers}
    assert set(by_uid) == {one.uid for one in OF_TODAY}
    for study in OF_TODAY:
        answer, planned = by_uid[study.uid], study.planned
        assert answer["NumberOfStudyRelatedInstances"] == str(planned.instances)
        assert answer["NumberOfStudyRelatedSeries"] == str(len(planned.series))
        assert set(answer["ModalitiesInStudy"].split("\\")) == study.modalities
        assert answer["StudyTime"] == f"{planned.started_at:%H%M%S}"
        if planned.character_set == "ISO_IR 192":
            assert answer["StudyDescription"] == planned.description
        assert answer["RetrieveAETitle"] == "SIMPACS"


def test_the_four_levels_agree(pacs: SimPacs) -> None:
    of_study = {"StudyInstanceUID": CT.uid}
    with client(pacs) as scu:
        study = scu.find("STUDY", {**KEYS, **of_study, "StudyDate": ""}).answers[0]
        series = scu.find(
            "SERIES",
            {**of_study, "SeriesInstanceUID": "", "Modality": "", "NumberOfSeriesRelatedInstances": ""},
        )
        images = scu.find(
            "IMAGE",
            {**of_study, "SeriesInstanceUID": "", "SOPInstanceUID": "", "InstanceNumber": "", "Rows": ""},
        )
        patient = scu.find(
            "PATIENT",
            {"PatientID": study["PatientID"], "NumberOfPatientRelatedStudies": ""},
            patient_root=True,
        ).answers
    counts = dict(
        zip(
            series.values("SeriesInstanceUID"),
            map(int, series.values("NumberOfSeriesRelatedInstances")),
            strict=True,
        )
    )
    assert counts == {one.uid: one.instances for one in CT.planned.series}
    assert (
        sum(counts.values())
        == int(study["NumberOfStudyRelatedInstances"])
        == len(set(images.values("SOPInstanceUID")))
    )
    archived = pacs.archive[CT.uid].sop_instance_uids(pacs.now)
    assert {one["SOPInstanceUID"] for one in images.answers} == {
        uid for uids in archived.values() for uid in uids
    }
    assert len(patient) == 1
    assert int(patient[0]["NumberOfPatientRelatedStudies"]) >= 1


@pytest.mark.parametrize(
    ("keys", "pick"),
    [
        ({"ModalitiesInStudy": "CT"}, lambda one: "CT" in one.modalities),
        ({"ModalitiesInStudy": "DX\\DR\\CR"}, lambda one: one.modalities & {"DX", "DR", "CR"}),
        ({"AccessionNumber": "CT*"}, lambda one: one.planned.accession_number.startswith("CT")),
        ({"StudyTime": "080000-120000"}, lambda one: 8 <= one.planned.started_at.hour < 12),
        ({"StudyInstanceUID": f"{CT.uid}\\1.2.3"}, lambda one: one is CT),
        (
            {"PatientName": f"{CT.planned.patient.name}"},
            lambda one: one.planned.patient.name == CT.planned.patient.name,
        ),
    ],
)
def test_keys_restrict(pacs: SimPacs, keys: Mapping[str, str], pick: Callable[[BusyStudy], object]) -> None:
    found = find(pacs, keys={**KEYS, **keys})
    chosen = {one.uid for one in OF_TODAY if pick(one) and not one.corrections}
    corrected = {one.uid for one in OF_TODAY if one.corrections}
    assert set(found.values("StudyInstanceUID")) - corrected == chosen


def test_a_range_across_midnight_is_one_stretch(pacs: SimPacs) -> None:
    found = find(pacs, keys={**KEYS, "StudyDate": "20261120-20261121", "StudyTime": "200000-040000"})
    low, high = (dt.datetime.combine(DATE, dt.time()) + dt.timedelta(hours=hour) for hour in (-4, 4))
    expected = {
        one.uid for one in DAY.studies if low <= one.planned.started_at <= high and one.vanishes_at is None
    }
    assert set(found.values("StudyInstanceUID")) == expected


def test_content_appears_with_time() -> None:
    clock = ManualClock(DAY.begins_at)
    with SimPacs(DAY, clock=clock) as own, client(own) as scu:
        seen = []
        for _ in range(36):
            own.advance(dt.timedelta(hours=1))
            seen.append(len(scu.find("STUDY", {"StudyDate": "20261120-20261122"}).answers))
    assert seen[0] < 30
    assert max(seen) >= 290
    assert own.ledger.queries("STUDY") == 36
    assert own.ledger.answers("STUDY") == sum(seen)


def test_the_ledger_has_keys_counts_and_who_asked(pacs: SimPacs) -> None:
    find(pacs)
    (entry,) = pacs.ledger.finds
    assert (entry.service, entry.level, entry.calling, entry.status) == ("C-FIND", "STUDY", "CLIENT", 0)
    assert entry.keys["StudyDate"] == "20261121"
    assert entry.answers == len(OF_TODAY)
    assert pacs.ledger.summary()[0][:4] == ("C-FIND", "STUDY", 1, len(OF_TODAY))


def test_a_cancel_is_heard(pacs: SimPacs) -> None:
    pacs.habits = ["trickle=0.02"]
    found = find(pacs, cancel_after=5)
    assert found.status == 0xFE00
    assert 5 <= len(found.raw) < 100


def test_no_level_is_a_failure(pacs: SimPacs) -> None:
    assert find(pacs, level="").status == 0xA900


def test_many_clients_at_once(pacs: SimPacs) -> None:
    results = []

    def ask() -> None:
        for _ in range(3):
            results.append(len(find(pacs).answers))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results == [len(OF_TODAY)] * 18


# ---------------------------------------------------------------------------------------------- habits about finding


def number_of(pacs: SimPacs, keys: Mapping[str, str] = KEYS, level: str = "STUDY") -> int:
    return len(find(pacs, level, keys).answers)


def cap(pacs: SimPacs) -> None:
    found = find(pacs)
    assert found.status == 0
    assert len(found.answers) == 100
    assert pacs.ledger.finds[-1].habits == ("cap",)
    assert number_of(pacs, {**KEYS, "StudyTime": "100000-101500"}) < 100


def cap_a700(pacs: SimPacs) -> None:
    found = find(pacs)
    assert (found.status, len(found.answers)) == (0xA700, 100)
    assert find(pacs, keys={**KEYS, "StudyInstanceUID": CT.uid}).status == 0


def no_counts(pacs: SimPacs) -> None:
    assert not any("NumberOf" in name for one in find(pacs).answers for name in one)


def counts_as_text(pacs: SimPacs) -> None:
    raw = [one["NumberOfStudyRelatedInstances"] for one in find(pacs).raw]
    assert b"n/a" in {one.strip() for one in raw}
    assert b"" in raw
    assert any(one.startswith(b" ") and one.strip().isdigit() for one in raw)


def overloaded(pacs: SimPacs) -> None:
    assert [(one.status, bool(one.answers)) for one in (find(pacs), find(pacs), find(pacs))] == [
        (0, False),
        (0, True),
        (0, False),
    ]
    pacs.habits = ["overloaded=600s"]
    assert number_of(pacs) == 0
    pacs._context.started -= 600
    assert number_of(pacs) == len(OF_TODAY)


def never_answers(pacs: SimPacs) -> None:
    assert find(pacs, timeout_s=0.3).status is None
    assert find(pacs).status == 0
    assert find(pacs).status == 0
    assert find(pacs, timeout_s=0.3).status is None
    wait_for(lambda: len(pacs.ledger.finds) == 4, what="the PACS notices that the callers have hung up")
    assert [one.status for one in pacs.ledger.finds].count(None) == 2


def slow(pacs: SimPacs) -> None:
    pacs.habits = ["slow=0.4"]
    begin = time.monotonic()
    find(pacs)
    assert time.monotonic() - begin >= 0.4


def trickle(pacs: SimPacs) -> None:
    pacs.habits = ["trickle=0.002"]
    begin = time.monotonic()
    find(pacs)
    assert time.monotonic() - begin >= 0.002 * len(OF_TODAY)


def empty_uid(pacs: SimPacs) -> None:
    uids = find(pacs).values("StudyInstanceUID")
    assert uids.count("") > 20
    hidden = next(one for one in OF_TODAY if one.uid not in uids)
    series = find(
        pacs, "SERIES", {"AccessionNumber": hidden.planned.accession_number, "StudyInstanceUID": ""}
    )
    assert hidden.uid in series.values("StudyInstanceUID")


def empty_uid_everywhere(pacs: SimPacs) -> None:
    uids = find(pacs).values("StudyInstanceUID")
    hidden = next(one for one in OF_TODAY if one.uid not in uids)
    keys = {
        "AccessionNumber": hidden.planned.accession_number,
        "StudyInstanceUID": "",
        "SeriesInstanceUID": "",
    }
    assert hidden.uid not in find(pacs, "SERIES", keys).values("StudyInstanceUID")
    assert number_of(pacs, {"StudyInstanceUID": hidden.uid}) == 0


def dirty_uid(pacs: SimPacs) -> None:
    uids = [one["StudyInstanceUID"].decode() for one in find(pacs).raw]
    dirty = [one for one in uids if " " in one]
    assert len(dirty) > 30
    assert {one.replace(" ", "").rstrip("\0") for one in uids} == {one.uid for one in OF_TODAY}
    assert number_of(pacs, {"StudyInstanceUID": dirty[0].replace(" ", "")}) == 1
    assert number_of(pacs, {"StudyInstanceUID": dirty[0].rstrip()}) == 1


def duplicate_answers(pacs: SimPacs) -> None:
    uids = find(pacs).values("StudyInstanceUID")
    assert len(uids) == len(OF_TODAY) + len(OF_TODAY) // 3
    assert len(set(uids)) == len(OF_TODAY)


def no_modalities_in_study(pacs: SimPacs) -> None:
    found = find(pacs, keys={**KEYS, "ModalitiesInStudy": "CT"})
    assert not found.values("ModalitiesInStudy")
    assert len(found.answers) == len(OF_TODAY)


def modalities_single(pacs: SimPacs) -> None:
    found = find(pacs, keys={**KEYS, "ModalitiesInStudy": "CT"})
    assert not any("\\" in one for one in found.values("ModalitiesInStudy"))
    assert {"SR", "PR"} & set(found.values("ModalitiesInStudy"))


def modalities_as_text(pacs: SimPacs) -> None:
    assert any("\\" in one for one in find(pacs).values("ModalitiesInStudy"))
    pacs.habits = ["modalities-as-text=comma"]
    assert any("," in one for one in find(pacs).values("ModalitiesInStudy"))


def modalities_equal(pacs: SimPacs) -> None:
    found = find(pacs, keys={**KEYS, "ModalitiesInStudy": "CT"})
    assert set(found.values("ModalitiesInStudy")) == {"CT"}


def no_series_level(pacs: SimPacs) -> None:
    assert find(pacs, "SERIES", {"StudyInstanceUID": CT.uid, "SeriesInstanceUID": ""}).status == 0xA900
    assert find(pacs, "IMAGE", {"StudyInstanceUID": CT.uid, "SOPInstanceUID": ""}).status == 0


def series_needs_study_uid(pacs: SimPacs) -> None:
    by_accession = {"AccessionNumber": CT.planned.accession_number, "SeriesInstanceUID": ""}
    assert find(pacs, "SERIES", by_accession).status == 0xA900
    assert number_of(pacs, {"StudyInstanceUID": CT.uid, "SeriesInstanceUID": ""}, "SERIES") == len(
        CT.planned.series
    )
    pacs.habits = ["series-needs-study-uid=empty"]
    found = find(pacs, "SERIES", by_accession)
    assert (found.status, found.answers) == (0, [])


def empty_image_level(pacs: SimPacs) -> None:
    found = find(pacs, "IMAGE", {"StudyInstanceUID": CT.uid, "SOPInstanceUID": ""})
    assert (found.status, found.answers) == (0, [])


def time_range_independent(pacs: SimPacs) -> None:
    keys = {**KEYS, "StudyDate": "20261120-20261121", "StudyTime": "220000-020000"}
    assert number_of(pacs, keys) == 0
    pacs.habits = []
    assert number_of(pacs, keys) > 5


def time_range_ignored(pacs: SimPacs) -> None:
    assert number_of(pacs, {**KEYS, "StudyTime": "100000-100500"}) == len(OF_TODAY)


def date_range_ignored(pacs: SimPacs) -> None:
    found = find(pacs, keys={**KEYS, "StudyDate": "20261120-20261121"})
    assert set(found.values("StudyDate")) == {"20261120"}


def wildcard_ignored(pacs: SimPacs) -> None:
    assert number_of(pacs, {**KEYS, "AccessionNumber": "CT*"}) == len(OF_TODAY)
    pacs.habits = ["wildcard-ignored=literal"]
    assert number_of(pacs, {**KEYS, "AccessionNumber": "CT*"}) == 0


def uid_list_first(pacs: SimPacs) -> None:
    uids = [one.uid for one in OF_TODAY[:3]]
    assert find(pacs, keys={"StudyInstanceUID": "\\".join(uids)}).values("StudyInstanceUID") == uids[:1]


def ignores_key(pacs: SimPacs) -> None:
    asked = {**KEYS, "AccessionNumber": CT.planned.accession_number}
    assert number_of(pacs, asked) == len(OF_TODAY)
    pacs.habits = ["ignores-key=PatientID+StudyDate+ModalitiesInStudy"]
    asked = {**KEYS, "PatientID": CT.planned.patient.patient_id, "ModalitiesInStudy": "CT"}
    assert number_of(pacs, asked) == len(pacs.archive.visible(pacs.now))
    pacs.habits = ["ignores-key=StudyInstanceUID"]
    assert number_of(pacs, {**KEYS, "StudyInstanceUID": CT.uid}) == len(OF_TODAY)
    of_study = {"StudyInstanceUID": CT.uid, "SeriesInstanceUID": ""}
    series = find(pacs, "SERIES", {**of_study, "StudyDate": "20261121"})
    assert len(set(series.values("StudyInstanceUID"))) == len(OF_TODAY)


def foreign_answers(pacs: SimPacs) -> None:
    asked = {**KEYS, "AccessionNumber": CT.planned.accession_number}
    numbers = find(pacs, keys=asked).values("AccessionNumber")
    assert [number == CT.planned.accession_number for number in numbers] == [True, False, False, False]
    of_series = {"StudyInstanceUID": CT.uid, "SeriesInstanceUID": "", "SOPInstanceUID": ""}
    for level in ("SERIES", "IMAGE"):
        studies = find(pacs, level, of_series).values("StudyInstanceUID")
        assert len(set(studies)) == 4
        assert studies.count(CT.uid) == len(studies) - 3


def bad_uid_answers(pacs: SimPacs) -> None:
    uids = find(pacs).values("StudyInstanceUID")
    assert len(uids) == len(OF_TODAY) + len(BAD_UIDS)
    assert set(BAD_UIDS.values()) == set(uids) - {one.uid for one in OF_TODAY}
    assert max(map(len, uids)) > 60_000
    pacs.habits = ["bad-uid-answers=path"]
    series = find(pacs, "SERIES", {"StudyInstanceUID": CT.uid, "SeriesInstanceUID": ""}).values(
        "SeriesInstanceUID"
    )
    assert len(series) == len(CT.planned.series) + 1
    assert series[-1] == BAD_UIDS["path"]
    assert number_of(pacs, {"StudyInstanceUID": "1.2.3"}) == 0


def answers_without_data(pacs: SimPacs) -> None:
    found = find(pacs)
    assert (len(found.answers), found.without_data) == (len(OF_TODAY), len(OF_TODAY) // 3)


def answers_shuffled(pacs: SimPacs) -> None:
    lists = [find(pacs).values("StudyInstanceUID") for _ in range(3)]
    assert len({tuple(uids) for uids in lists}) == 3
    assert {frozenset(uids) for uids in lists} == {frozenset(one.uid for one in OF_TODAY)}


def flapping_rows(pacs: SimPacs) -> None:
    name = "NumberOfStudyRelatedInstances"
    first, second = find(pacs).answers, find(pacs).answers
    twice = [uid for uid, times in Counter(one["StudyInstanceUID"] for one in first).items() if times == 2]
    assert len(OF_TODAY) // 7 < len(twice) < len(OF_TODAY) // 3
    for uid in twice:
        planned = next(str(one.planned.instances) for one in OF_TODAY if one.uid == uid)
        assert [one[name] for one in first if one["StudyInstanceUID"] == uid] == [planned, "2"]
        assert [one[name] for one in second if one["StudyInstanceUID"] == uid] == ["2", planned]
    assert number_of(pacs, {"StudyInstanceUID": twice[0], "SeriesInstanceUID": ""}, "SERIES") >= 1


def flapping_text(pacs: SimPacs) -> None:
    names = [find(pacs).values("StudyDescription") for _ in range(3)]
    assert names[0] == names[2] != names[1]
    assert names[1].count("") > names[0].count("")


def counts_fewer(pacs: SimPacs) -> None:
    name = "NumberOfStudyRelatedInstances"
    counts = {one["StudyInstanceUID"]: int(one[name]) for one in find(pacs).answers}
    assert counts == {one.uid: max(1, one.planned.instances - 1) for one in OF_TODAY}
    series = find(
        pacs,
        "SERIES",
        {"StudyInstanceUID": CT.uid, "SeriesInstanceUID": "", "NumberOfSeriesRelatedInstances": ""},
    )
    told = dict(
        zip(series.values("SeriesInstanceUID"), series.values("NumberOfSeriesRelatedInstances"), strict=True)
    )
    assert told == {one.uid: str(max(1, one.instances - 1)) for one in CT.planned.series}
    images = find(pacs, "IMAGE", {"StudyInstanceUID": CT.uid, "SeriesInstanceUID": "", "SOPInstanceUID": ""})
    assert len(images.answers) == CT.planned.instances


def endless_answers(pacs: SimPacs) -> None:
    found = find(pacs, cancel_after=3 * len(OF_TODAY))
    assert found.status == 0xFE00
    assert len(found.answers) >= 3 * len(OF_TODAY)
    assert set(found.values("StudyInstanceUID")) == {one.uid for one in OF_TODAY}
    assert number_of(pacs) == len(OF_TODAY)


def long_text(pacs: SimPacs) -> None:
    lengths = [len(one) for one in find(pacs).values("StudyDescription")]
    assert max(lengths) == LONG_TEXT
    assert len(OF_TODAY) // 9 < lengths.count(LONG_TEXT) < len(OF_TODAY) // 5


def patient_id_blanks(pacs: SimPacs) -> None:
    raw = [one["PatientID"].decode() for one in find(pacs).raw]
    assert all(one != one.strip() for one in raw)
    assert {one.strip() for one in raw} >= {
        one.planned.patient.patient_id for one in OF_TODAY if not one.corrections
    }


ABOUT_FINDING = {
    function.__name__.replace("_", "-"): function
    for function in (
        cap, cap_a700, no_counts, counts_as_text, overloaded, never_answers, slow, trickle, empty_uid,
        empty_uid_everywhere,
        dirty_uid, duplicate_answers, no_modalities_in_study, modalities_single, modalities_as_text,
        modalities_equal,
        no_series_level, series_needs_study_uid, empty_image_level, time_range_independent,
        time_range_ignored,
        date_range_ignored, wildcard_ignored, uid_list_first, ignores_key, foreign_answers, bad_uid_answers,
        answers_without_data, answers_shuffled, flapping_rows, flapping_text, counts_fewer, patient_id_blanks,
        endless_answers, long_text,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ABOUT_FINDING)
def test_a_habit_about_finding_bites(pacs: SimPacs, name: str) -> None:
    pacs.habits = [name]
    ABOUT_FINDING[name](pacs)


def test_every_habit_about_finding_is_tested() -> None:
    assert set(ABOUT_FINDING) == {one.name for one in HABITS if one.area is Area.FIND}


def test_a_silent_cap_may_be_any_number(pacs: SimPacs) -> None:
    pacs.habits = ["cap=130"]
    found = find(pacs)
    assert (found.status, len(found.answers)) == (0, 130)


def test_habits_combine(pacs: SimPacs) -> None:
    pacs.habits = ["cap=50", "no-counts", "gbk-undeclared", "duplicate-answers=2", "dirty-uid=2"]
    found = find(pacs)
    assert len(found.answers) == 50
    assert "NumberOfStudyRelatedInstances" not in found.raw[0]
    assert "SpecificCharacterSet" not in found.raw[0]
    assert any(b" " in one["StudyInstanceUID"].strip() for one in found.raw)


# ---------------------------------------------------------------------------------------------- habits about text


@pytest.mark.parametrize("name", HABITUAL)
def test_a_habit_about_text_shows_at_every_level(pacs: SimPacs, name: str) -> None:
    coding = HABITUAL[name]
    chinese = next(one for one in OF_TODAY if one.planned.description == "胸部CT平扫")
    pacs.habits = [name]
    with client(pacs) as scu:
        answers = scu.find("STUDY", {"StudyInstanceUID": chinese.uid, "StudyDescription": ""}).raw
        answers += scu.find(
            "SERIES", {"StudyInstanceUID": chinese.uid, "StudyDescription": "", "SeriesDescription": ""}
        ).raw
    for one in answers:
        assert one["StudyDescription"].rstrip() == coding.encode("胸部CT平扫")
        declared = one.get("SpecificCharacterSet")
        assert (declared.decode().rstrip() if declared is not None else None) == coding.declared


# ---------------------------------------------------------------------------------------------- associations


def test_one_association_at_a_time(pacs: SimPacs) -> None:
    pacs.habits = ["one-association"]
    with client(pacs) as first:
        assert first.echo() == 0
        with pytest.raises(PacsUnreachableError, match="rejected"), client(pacs):
            pass
        assert first.echo() == 0
    for _ in range(5):  # one after the other is fine
        with client(pacs) as again:
            assert again.echo() == 0
    assert pacs.ledger.bitten() == {"one-association": 1}


def test_associations_are_refused_for_a_time_and_then_not(pacs: SimPacs) -> None:
    pacs.habits = ["refuse-associations=600s"]
    with pytest.raises(PacsUnreachableError, match="rejected"), client(pacs):
        pass
    pacs._context.started -= 600
    assert find(pacs).status == 0
    pacs.habits = ["refuse-associations"]
    with pytest.raises(PacsUnreachableError, match="rejected"), client(pacs):
        pass
    pacs.habits = []
    assert find(pacs).status == 0


def test_stop_is_quick_whatever_goes_on_and_start_works_again() -> None:
    own = SimPacs(DAY, habits=["never-answers=1"])
    own.start()
    port = own.port
    threads = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: find(own, timeout_s=20))
        thread.start()
        threads.append(thread)
    wait_for(lambda: own._context.finds == len(threads), what="all of them have asked")
    begin = time.monotonic()
    own.stop()
    for one in threads:
        one.join(timeout=15)
    assert time.monotonic() - begin < 15  # the finders would wait for 20 s
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    own.habits = []
    with own:
        assert own.port == port
        assert find(own).status == 0


def test_a_caller_that_hangs_up_in_the_middle_does_no_harm(pacs: SimPacs) -> None:
    pacs.habits = ["trickle=0.01"]
    scu = client(pacs, timeout_s=2)
    with scu:
        thread = threading.Thread(target=scu.find, args=("STUDY", KEYS))
        thread.start()
        wait_for(lambda: pacs._context.finds == 1, what="the query has come")
        scu._association.abort()
        thread.join(timeout=30)
    assert not thread.is_alive()
    pacs.habits = []
    assert find(pacs).status == 0
