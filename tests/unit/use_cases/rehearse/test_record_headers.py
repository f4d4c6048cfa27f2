"""Every header that was judged is recorded: at find, and out of the plugins' reports."""

from datetime import date

import pytest

from pacs_module.adapters.stores.judged_headers import MemoryRecords
from pacs_module.domain.errors import StoreAway
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import PullReport, SeriesReport, read_pull_report
from pacs_module.domain.rehearse.record import JudgedStudy, decode
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.domain.study.lifecycle import State
from pacs_module.ports import StoredRecord
from pacs_module.use_cases.rehearse.pull_newly_taken import PullNewlyTaken
from pacs_module.use_cases.rehearse.record_headers import RecordHeaders
from pacs_module.use_cases.rehearse.rehearse import Rehearse
from tests.fakes.pipeline import THICK, THIN, UID, Pipeline, series_answer

DAY = date(2020, 6, 18)
CHEST = {"Modality": "CT", "BodyPartExamined": "CHEST", "StationName": "CT3", "PatientID": "P1"}


class Recording(Pipeline):
    """The pipeline with its headers recorded."""

    def __init__(self, keep_days: int = 60, switches: Switches | None = None) -> None:
        super().__init__(switches=switches or Switches(find_pacs_use_series=True))
        self.records = MemoryRecords()
        self.headers = RecordHeaders(self.records, self.clock, self.log, keep_days)
        self.ends.headers = self.pull.prepare.headers = self.headers
        self.in_force = Switches()
        self.rehearse = Rehearse(self.records, self.store, lambda: self.in_force, self.clock)

    def recorded(self, uid: str = UID) -> JudgedStudy | None:
        record = self.records.get(uid)
        return None if record is None else decode(*record)

    def told(self, pull_id: str, *series: SeriesReport) -> bool:
        """As it comes over the wire."""
        report = PullReport("r", pull_id, UID, "filtered", series=series)
        return self.ends.accept_report(read_pull_report(to_document(report)))


def judged(uid: str, taken: bool = True, **attributes: str) -> SeriesReport:
    verdict = Verdict(taken, "body part", "BodyPartExamined", "CHEST", rules="4-abc")
    return SeriesReport(
        uid, taken, "body part", "BodyPartExamined CHEST", 80, 80, "CT", verdict=verdict,
        outcome="handed_over" if taken else "filtered", attributes={**CHEST, **attributes}, instances=80,
    )  # fmt: skip


@pytest.fixture
def recording() -> Recording:
    return Recording()


def test_what_was_judged_at_find(recording: Recording) -> None:
    recording.pacs.series["A"] = [series_answer(THIN, 80), series_answer(THICK, 20, BodyPartExamined="HEAD")]
    recording.until_asked()
    found = recording.recorded()
    assert found is not None
    assert (found.day, found.pacs) == ("2020-06-18", "A")
    stages = {uid: (one.stage, one.verdict.taken, one.facts.instances) for uid, one in found.series.items()}
    assert stages == {THIN: ("find", True, 80), THICK: ("find", False, 20)}
    assert found.series[THICK].verdict.rules == recording.pull.prepare.switches.version


def test_what_the_plugins_report_is_recorded_without_names_and_not_in_the_study(recording: Recording) -> None:
    request = recording.until_asked()
    assert request.rules == recording.pull.prepare.switches.version
    recording.told(request.pull_id, judged(THIN))
    found = recording.recorded()
    assert found is not None
    one = found.series[THIN]
    assert one.facts.attributes == {"Modality": "CT", "BodyPartExamined": "CHEST", "StationName": "CT3"}
    assert (one.verdict.rules, one.outcome, one.stage) == ("4-abc", "handed_over", "reception")
    assert "attributes" not in to_document(recording.study())["series"][THIN]


def test_a_report_that_is_repeated_changes_nothing(recording: Recording) -> None:
    request = recording.until_asked()
    recording.told(request.pull_id, judged(THIN))
    before = recording.records.get(UID)
    recording.told(request.pull_id, judged(THIN))
    assert recording.records.get(UID) == before


def test_older_plugins_tell_no_attributes(recording: Recording) -> None:
    request = recording.until_asked()
    old = SeriesReport(THIN, True, "body part", "BodyPartExamined CHEST", 80, verdict=None)
    assert recording.told(request.pull_id, old)
    assert recording.recorded() is None


def test_a_store_that_is_away_costs_the_record_and_not_the_report(recording: Recording) -> None:
    def away(record: StoredRecord, before: bytes | None) -> bool:
        raise StoreAway("away")

    recording.records.put = away  # type: ignore[method-assign]
    request = recording.until_asked()
    assert recording.told(request.pull_id, judged(THIN))
    assert recording.study().pull is not None
    assert not recording.study().pull.running  # type: ignore[union-attr]
    assert "judged_headers_not_recorded" in recording.log.keys


def test_two_writers_lose_nothing(recording: Recording) -> None:
    request = recording.until_asked()
    put = recording.records.put
    done: list[bool] = []

    def raced(record: StoredRecord, before: bytes | None) -> bool:
        if not done:
            done.append(True)
            other = recording.headers
            other.reported(recording.study(), [judged(THICK)])
        return put(record, before)

    recording.records.put = raced  # type: ignore[method-assign]
    recording.told(request.pull_id, judged(THIN))
    found = recording.recorded()
    assert found is not None
    assert found.series.keys() == {THIN, THICK}


def test_nothing_is_recorded_where_the_site_wants_none() -> None:
    recording = Recording(keep_days=0)
    request = recording.until_asked()
    recording.told(request.pull_id, judged(THIN))
    assert recording.recorded() is None


def test_what_is_too_old_is_dropped(recording: Recording) -> None:
    recording.records.put(StoredRecord("1.1", "2019-01-01", b"x"), None)
    recording.records.put(StoredRecord("1.2", recording.clock.today().isoformat(), b"x"), None)
    recording.headers.purge()
    assert [one.day for one in recording.records.days()] == [recording.clock.today().isoformat()]


# --- over the records ---


def filtered_study(recording: Recording) -> None:
    request = recording.until_asked()
    recording.told(request.pull_id, judged(THIN, taken=False, BodyPartExamined="STND"))
    recording.accept(
        {**recording.message(request), "statecode": 801, "series": [], "filepath": "", "numberReceived": 0}
    )


def test_a_rehearsal_over_recorded_days(recording: Recording) -> None:
    filtered_study(recording)
    made = recording.rehearse(["KEYWORDS+=STND"], DAY, DAY)
    assert (made.studies, made.kinds["newly_computed"].images, made.unreadable) == (1, 80, 0)
    assert recording.rehearse(["KEYWORDS+=STND"], date(2020, 6, 19), date(2020, 6, 30)).studies == 0


def test_a_record_that_cannot_be_read_is_counted(recording: Recording) -> None:
    recording.records.put(StoredRecord("1.1", DAY.isoformat(), b"?"), None)
    assert recording.rehearse(["KEYWORDS+=STND"], DAY, DAY).unreadable == 1


def test_what_the_ai_said_of_what_would_be_dropped(recording: Recording) -> None:
    request = recording.until_asked()
    recording.told(request.pull_id, judged(THIN))
    recording.accept(recording.message(request))
    made = recording.rehearse(["KEYWORDS-=CHEST"], DAY, DAY)
    assert [group.results for group in made.groups] == [{"no result yet": 1}] * 2


def test_newly_taken_studies_are_pulled_within_a_budget_and_only_once(recording: Recording) -> None:
    filtered_study(recording)
    assert recording.study().state is State.UNSUPPORTED_SERIES
    pull = PullNewlyTaken(recording.rehearse, recording.store, recording.clock, recording.log)
    assert pull.plan(DAY, DAY, 5).studies == ()  # the rules in force would drop it again
    recording.in_force = Switches(keywords=("STND",))
    plan = pull.plan(DAY, DAY, 5)
    assert [(one.study_uid, one.images) for one in plan.studies] == [(UID, 80)]
    assert pull([UID], "hans", "STND applied") == [UID]
    assert recording.study().waits_for_pull
    assert recording.study().priority == 0
    assert pull([UID], "hans", "again") == []
    assert recording.study().history[-1].by == "hans"
