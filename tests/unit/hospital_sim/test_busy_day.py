"""
The busy day: the same each time, realistic in the large, and true about itself. Not proved: that hospitals
are like this.
"""

import datetime as dt
from collections import Counter
from io import BytesIO
from itertools import pairwise

import pytest
from pydicom import dcmread

from hospital_sim import headers
from hospital_sim.busy_day.day import BusyDay, BusyStudy, Oddity
from hospital_sim.busy_day.oddities import made_late
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.busy_day.study import CLOCK_OFF, CLOCK_OFF_DEVICE
from hospital_sim.pacs.content.planned import archive_of, series_attributes, study_attributes
from hospital_sim.pacs.wire.text import coding_of
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches

DATE = dt.date(2026, 11, 21)
MIDNIGHT = dt.datetime.combine(DATE, dt.time())


@pytest.fixture(scope="module")
def day() -> BusyDay:
    return plan_busy_day(DATE, 800)


def test_the_same_arguments_give_the_same_day(day: BusyDay) -> None:
    assert plan_busy_day(DATE, 800) == day
    other = plan_busy_day(DATE, 800, seed=2)
    assert not {one.uid for one in other.studies} & {one.uid for one in day.studies}
    assert [one.planned.label for one in other.studies] != [one.planned.label for one in day.studies]


def test_as_many_new_studies_as_asked_for_and_every_uid_once(day: BusyDay) -> None:
    assert len(day.new_studies) == 800
    uids = [uid for one in day.studies for uid in (one.uid, *(series.planned.uid for series in one.arrivals))]
    assert len(set(uids)) == len(uids)


def test_the_day_has_two_midnights_and_two_peaks(day: BusyDay) -> None:
    plain = [one for one in day.new_studies if not one.oddities]
    arrived = [one.arrives_at for one in plain]
    assert min(arrived) < MIDNIGHT < MIDNIGHT + dt.timedelta(days=1) < max(arrived)
    assert all(day.begins_at <= one.arrives_at <= one.complete_at <= day.ends_at for one in plain)
    hours = Counter(at.hour for at in arrived if at.date() == DATE)
    assert hours[9] + hours[10] > 3 * (hours[12] + hours[13]) / 2
    assert hours[15] > hours[13]
    assert hours[10] > 5 * hours[3]


def test_the_mix_of_modalities(day: BusyDay) -> None:
    share = {
        name: number / 800
        for name, number in Counter(m for one in day.new_studies for m in one.modalities).items()
    }
    assert 0.3 < share["CT"] < 0.5
    assert 0.25 < share["DX"] < 0.4
    assert {"CT", "DX", "DR", "CR", "MR", "US", "MG", "XA", "RF", "OT", "PT", "PR", "SR"} == set(share)
    assert 0.6 < len(day.wanted) / 800 < 0.85
    assert any({"MG", "CT"} <= one.modalities for one in day.new_studies)


@pytest.mark.parametrize("number", [60, 300])
def test_every_oddity_occurs(number: int) -> None:
    day = plan_busy_day(DATE, number)
    found = {oddity for one in day.studies for oddity in one.oddities}
    assert found >= set(Oddity) - {Oddity.CLOCK}
    if number == 300:
        assert Oddity.CLOCK in found


def test_late_series_have_another_series_date_and_come_late(day: BusyDay) -> None:
    for oddity in (Oddity.LATE_SERIES, Oddity.NEXT_DAY_SERIES):
        for study in (one for one in day.new_studies if oddity in one.oddities):
            last = max(study.arrivals, key=lambda one: one.begins_at)
            others = max(one.ends_at for one in study.arrivals if one is not last)
            assert last.begins_at - others > dt.timedelta(minutes=9)
            made_at = headers.series_made_at(study.planned, last.planned)
            assert made_at > study.planned.started_at
            if oddity is Oddity.NEXT_DAY_SERIES and Oddity.CLOCK not in study.oddities:
                assert made_at.date() == study.planned.started_at.date() + dt.timedelta(days=1)
            assert last.planned in study.planned.series


def test_a_clock_eight_hours_behind_files_studies_under_yesterday(day: BusyDay) -> None:
    off = [one for one in day.new_studies if one.planned.device is CLOCK_OFF_DEVICE]
    assert all(Oddity.CLOCK in one.oddities for one in off)
    late = {Oddity.LATE_ARCHIVED, Oddity.LATE_SERIES, Oddity.NEXT_DAY_SERIES, Oddity.DUPLICATE}
    for one in off:
        if not one.oddities & late:
            assert CLOCK_OFF < one.arrives_at - one.planned.started_at < CLOCK_OFF + dt.timedelta(minutes=10)
    assert any(one.planned.started_at.date() < one.arrives_at.date() for one in off)


def test_duplicates_share_the_accession_number_of_a_chest_and_hold_nothing_to_compute(day: BusyDay) -> None:
    by_accession = Counter(one.planned.accession_number for one in day.studies)
    doubles = [one for one in day.new_studies if Oddity.DUPLICATE in one.oddities]
    assert doubles
    for one in doubles:
        assert by_accession[one.planned.accession_number] == 2
        assert one.wanted
        assert not one.chest


def test_priors_are_there_from_the_beginning(day: BusyDay) -> None:
    priors = [one for one in day.studies if Oddity.PRIOR in one.oddities]
    patients = {one.planned.patient.patient_id for one in day.new_studies}
    assert 0.2 < len(priors) / 800 < 0.6
    for one in priors:
        assert one.complete_at < day.begins_at
        assert one.planned.patient.patient_id in patients


def as_the_pacs_says_it(study: BusyStudy, text: str) -> str:
    return (
        coding_of(study.planned.character_set)
        .encode(text)
        .decode({"GB18030": "gb18030"}.get(study.planned.character_set, "utf-8"))
    )


def test_the_truth_about_chests_is_what_the_default_rules_say(day: BusyDay) -> None:
    switches = Switches()
    for study in day.new_studies:
        taken = set()
        for one in study.arrivals:
            attributes = {**study_attributes(study.planned), **series_attributes(study.planned, one.planned)}
            said = {name: as_the_pacs_says_it(study, value) for name, value in attributes.items()}
            facts = SeriesFacts(one.planned.uid, said, one.planned.instances)
            if one.planned.modality in ("CT", "DX", "DR", "CR") and judge_series(facts, switches).taken:
                taken.add(one.planned.uid)
        assert bool(taken) == study.chest, study.planned
        assert set(study.expected_series) <= taken


@pytest.mark.parametrize("max_slices", [None, 20])
def test_attributes_are_those_of_the_images(max_slices: int) -> None:
    day = plan_busy_day(DATE, 60, max_slices=max_slices)
    for study in day.studies:
        for one in study.arrivals:
            assert one.planned.instances <= (max_slices or 420)
            if study.planned.character_set == "damaged":
                continue
            header = headers.series_header(study.planned, one.planned)
            known = {**study_attributes(study.planned), **series_attributes(study.planned, one.planned)}
            for name, value in known.items():
                element = header[name]
                got = "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value or "")
                assert got == value, name


def test_making_a_series_late_keeps_everything_else() -> None:
    study = next(one for one in plan_busy_day(DATE, 60).new_studies if one.chest and "CT" in one.modalities)
    late = made_late(study, dt.timedelta(hours=30))
    assert late.expected_series == study.expected_series
    assert late.complete_at - study.complete_at > dt.timedelta(hours=29)
    assert [one.planned.uid for one in late.arrivals] == [one.planned.uid for one in study.arrivals]
    assert sum(a.planned != b.planned for a, b in zip(late.arrivals, study.arrivals, strict=True)) == 1


def test_days_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="at least one"):
        plan_busy_day(DATE, 0)
    with pytest.raises(ValueError, match="at least 12"):
        plan_busy_day(DATE, 5, max_slices=3)


def test_what_a_pacs_holds_grows_with_time(day: BusyDay) -> None:
    archive = archive_of(day)
    moments = [day.begins_at + dt.timedelta(hours=hour) for hour in range(37)]
    counts = [len(archive.visible(at)) for at in moments]
    vanished = sum(Oddity.VANISHES in one.oddities for one in day.studies)
    assert counts == sorted(counts) or max(a - b for a, b in pairwise(counts)) <= vanished
    growing = next(one for one in day.new_studies if one.planned.instances > 500 and not one.oddities)
    study = archive[growing.uid]
    seen = [
        study.instances_at(growing.arrives_at + dt.timedelta(seconds=second)) for second in range(0, 600, 5)
    ]
    assert seen == sorted(seen)
    assert 1 <= seen[0] < seen[-1] == growing.planned.instances
    assert len(set(seen)) > 5


def test_corrections_and_deletions_show(day: BusyDay) -> None:
    archive = archive_of(day)
    corrected = next(one for one in day.studies if one.corrections)
    study, at = archive[corrected.uid], corrected.corrections[0].at
    moment = dt.timedelta(seconds=1)
    assert study.attributes_at(at - moment)["PatientID"] == corrected.planned.patient.patient_id
    assert study.attributes_at(at)["PatientID"] == dict(corrected.corrections[0].attributes)["PatientID"]
    uid, gone_at = next((one.uid, one.vanishes_at) for one in day.studies if one.vanishes_at)
    assert archive[uid].is_visible(gone_at - moment)
    assert not archive[uid].is_visible(gone_at)


def test_an_image_can_be_read_and_says_what_the_index_says(day: BusyDay) -> None:
    archive = archive_of(day)
    kinds = {
        (one.planned.modality, one.planned.content): (study, one)
        for study in day.new_studies
        for one in study.arrivals
    }
    for (modality, _), (study, one) in kinds.items():
        series = next(found for found in archive[study.uid].series if found.uid == one.planned.uid)
        for syntaxes in (("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"), ("1.2.840.10008.1.2",)):
            image = series.images.encoded(0, None, syntaxes)
            assert image.transfer_syntax == syntaxes[0]
            read = dcmread(BytesIO(image.data), force=True)
            assert read.SOPInstanceUID == series.images.uid(0) == image.sop_instance
            assert (read.Modality, read.StudyInstanceUID, read.SeriesInstanceUID) == (
                modality,
                study.uid,
                one.planned.uid,
            )
            if "Rows" in read:
                assert len(read.PixelData) == read.Rows * read.Columns * 2
                assert series.images.attributes(0)["Rows"] == str(read.Rows)
