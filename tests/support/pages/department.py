"""A department's last weeks in a store, so that every page has something to show; the same each time."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pacs_module.adapters.platform_parameters.kept import KeptParameters
from pacs_module.adapters.stores.judged_headers import records_of
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.explain.listing import RowFilter, RowOrder
from pacs_module.domain.instants import iso
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.platform_parameters.parameter import Told
from pacs_module.domain.rehearse.record import RECEPTION, JudgedStudy, encode, header
from pacs_module.domain.report_exchange.entry import EntryKind, accepted, put_off, refused
from pacs_module.domain.report_exchange.quality import read_quality
from pacs_module.domain.report_exchange.report import read_report
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.lifecycle import Event
from pacs_module.domain.study.message_state import MessageState
from pacs_module.domain.study.pull_state import PullOutcome, PullStatus
from pacs_module.domain.study.study import Pull, SeriesRecord, Study
from pacs_module.domain.study.uploads import queue_upload
from pacs_module.domain.upload.upload import Upload
from pacs_module.domain.upload.upload_state import UploadEvent
from pacs_module.ports import Delivery, StoredRecord
from pacs_module.service.service import Service
from pacs_module.use_cases.platform_parameters.fetch import FetchParameters
from pacs_module.use_cases.report_exchange.compare_reports import LEASE as COMPARISON
from pacs_module.use_cases.upload.upload_outcome import away, failed, give_up, verified
from pacs_module.use_cases.upload.upload_policy import DestinationPlan
from tests.fakes.quarantine import TALLY, FakeQuarantine, image

WEEKS, A_DAY = 5, 30
STORY = "1.2.840.113619.2.55.3.9999"
"""A study with a long story."""
HOSTILE = "<script>document.title='hacked'</script><img src=x onerror=\"document.title='hacked'\">"
_DAMAGED = "胸部平扫".encode("gbk").decode("latin-1")
_DROPPED = (
    ("body part", "BodyPartExamined", "THX"),
    ("body part", "BodyPartExamined", "HEAD"),
    ("slice thickness", "SliceThickness", "8"),
    ("image type", "ImageType", "DERIVED\\SECONDARY\\MPR"),
    ("min instances", "instance nums", "1 < 10"),
)


class Letters:
    """A dead-letter queue in memory, and a queue that takes nothing."""

    def __init__(self, *letters: Delivery) -> None:
        self.letters = list(letters)

    def dead_letters(self, limit: int) -> list[Delivery]:
        return self.letters[:limit]

    def dead_depth(self) -> int:
        return len(self.letters)

    def depth(self) -> int:
        return 3

    def drop_dead(self, meant: Any) -> bool:
        before = len(self.letters)
        self.letters = [one for one in self.letters if not meant(one)]
        return len(self.letters) < before

    def close(self) -> None:
        """Nothing."""


def fill(service: Service) -> None:
    """Fill the store, the reports, the log and the dead letters of a service."""
    chance, now = random.Random(5), datetime.now(UTC)
    for number, at in enumerate(_arrivals(chance, now)):
        service.store.insert(_study(service, number, at, chance))
    service.store.insert(_long_story(service, now))
    service.ram_disk.take("", {"totalBytes": 64e9, "freeBytes": 41e9, "pullsWaiting": 2, "alarm": False})
    service.quarantine = replace(service.quarantine, plugins=_quarantine())
    service.parameters = _parameters(service)
    service.queue = Letters(  # type: ignore[assignment]
        Delivery(
            {"studyUID": STORY, "seriesUID": f"{STORY}.1"}, "h99:2", False, 0, reason="the backend said 422"
        ),
        Delivery({"body": HOSTILE}, "", False, 0, fault="no JSON: line 1"),
    )
    _reports(service, chance)
    _headers(service)
    fill_exchange(service, chance)
    service.log.event(
        "find_failed",
        "a find failed",
        "WARNING",
        pacs="A",
        studyUID=STORY,
        error="A gave no end of its answers within 30 s",
    )


DESTINATIONS = """
[[destination]]
name = "region"
kind = "stow"
url = "http://127.0.0.1:1"
modalities = ["CT"]
[[destination]]
name = "archive"
kind = "http"
url = "http://127.0.0.1:1/archive"
hospital = "H1"
closed = [{begin = "07:00", end = "19:00"}]
"""
"""For the end of a settings file: two places beside the backend; at one of them nobody answers."""


def fill_destinations(service: Service) -> None:
    """Uploads of the newest hand-overs: there, under way, put off, and given up."""
    made, now = service.destinations, service.clock.now()
    assert made is not None
    region, archive = made.plans
    rows = service.store.lists.rows(RowFilter(state="completed"), RowOrder.NEWEST, None, 12)
    for number, row in enumerate(rows):
        study = service.store.get(row.study_uid)
        assert study is not None
        for plan in (region, archive):
            because = f"modality: {study.modality[0]}" if plan is region else "everything goes there"
            item = study.handovers[0]
            upload = Upload(
                plan.name, item.handover_id, item.received_at, because, files=431, size=226_000_000
            )
            queue_upload(study, upload)
            _moved(study, upload, plan, number, now)
        assert service.store.replace(study)


def _moved(study: Study, upload: Upload, plan: DestinationPlan, number: int, now: int) -> None:
    """On by some steps, others for each."""
    refusal = f"not at {plan.name}: 3 of 431 images: failure reason C000 (1.2.840.9.1)"
    if number % 6 == 0:
        upload.attempts = 20
        give_up(study, upload, f"{refusal}; attempt 20 was the last", now - 600_000)
    elif number % 6 == 1:
        away(study, upload, f"destination {plan.name} does not answer: Connection refused", now, plan)
    elif number % 6 == 2:
        failed(study, upload, refusal, now, plan)
    else:
        upload.take(UploadEvent.BEGIN)
        if number % 6 != 3:
            upload.take(UploadEvent.SEND)
            verified(study, upload, now, "upload region-1")


def _arrivals(chance: random.Random, now: datetime) -> list[datetime]:
    found = []
    for week in range(WEEKS):
        day = now - timedelta(days=7 * week)
        found += [day - timedelta(minutes=chance.randrange(2, 700)) for _ in range(A_DAY)]
    return found


def _study(service: Service, number: int, at: datetime, chance: random.Random) -> Study:
    local, begin = at.astimezone(service.settings.zone), int(at.timestamp() * 1000)
    uid, kind = f"1.2.840.113619.2.55.3.{number}", chance.choice(["CT", "CT", "DX"])
    study = Study(
        uid, f"{local:%Y-%m-%d}", f"{local:%H%M%S}", f"NA{200000 + number}", f"P{1000 + number // 2}",
        chance.choice(["CHEST CT", "THORAX", _DAMAGED, "LUNG LOW DOSE"]), [kind], first_seen_at=iso(begin),
    )  # fmt: skip
    study.apply(Event.WANTED, f"A: ModalitiesInStudy {kind}", begin)
    study.saw("A", 300, begin)
    study.saw(chance.choice(["A", "MIRROR"]), 862, begin + 20_000)
    if number % 10 == 1:
        return study
    pulled = begin + 20_000 + chance.randrange(5, 90) * 1000
    study.apply(Event.PULL_ASKED, "STUDY from A, attempt 1", pulled - 4000)
    request = PullRequest(f"p{number}", uid, "A", expected=862)
    ended = (PullStatus.ENDED, PullOutcome.RECEIVED, "COMPLETE", 862, "4c18cd69", 29.67)
    study.pull = Pull(request, 1, iso(pulled - 4000), *ended, iso(pulled))
    study.keep_series([_series(uid, place, pulled, chance) for place in (1, 2, 3)])
    return _ended(study, number, pulled, chance)


def _series(uid: str, place: int, at: int, chance: random.Random) -> SeriesRecord:
    if place == 1:
        verdict = Verdict(True, "all", "", "no rule speaks against it")
        return SeriesRecord(
            f"{uid}.1", True, "all", verdict.because, "reception", "CT", "CHEST 1.0 B50f", 431, 431, iso(at),
            verdict, "handed_over", "of 3 series by thickness: 1 mm, 431 instances, kernel B50f",
        )  # fmt: skip
    verdict = Verdict(False, *chance.choice(_DROPPED))
    return SeriesRecord(
        f"{uid}.{place}", False, verdict.rule, verdict.because, "reception", "CT", "SCOUT 10", 2, 2, iso(at),
        verdict, "filtered",
    )  # fmt: skip


def _ended(study: Study, number: int, pulled: int, chance: random.Random) -> Study:
    if number % 17 == 3:
        study.apply(
            Event.PULL_GIVEN_UP, "A is out of resources (DIMSE status A701); attempt 5 was the last", pulled
        )
        return study
    if number % 6 == 5:
        study.apply(Event.FILTERED_OUT, "every series was filtered out: 2 x BodyPartExamined HEAD", pulled)
        return study
    study.apply(Event.RECEIVED, "862 instances, COMPLETE", pulled)
    item = HandOver(
        f"h{number}", f"{study.study_uid}.1", 431, f"/store_image/{number}", {}, iso(pulled + 900)
    )
    item.completeness, item.message_state = "COMPLETE", MessageState.ACCEPTED
    item.published_at, item.accepted_at = iso(pulled + 1200), iso(pulled + 2500)
    item.tried("accepted", "attempt 1", pulled + 2500, "WORKER-1")
    study.handovers = [item]
    if number % 7 != 2:
        took = pulled + 2500 + chance.randrange(20, 240) * 1000
        item.result, item.result_at, item.message_state = "completed", iso(took), MessageState.DONE
        item.result_values = {"lungVolumeMl": 4100.5}
        study.apply(Event.RESULT_COMPLETED, "completed", took, by="backend")
    return study


def _long_story(service: Service, now: datetime) -> Study:
    at = now - timedelta(minutes=50)
    study = _study(service, 99_000, at, random.Random(3))
    begin = int(at.timestamp() * 1000)
    study = Study(
        STORY,
        study.study_date,
        study.study_time,
        "NA-STORY",
        "P-STORY",
        _DAMAGED,
        ["CT"],
        first_seen_at=iso(begin),
    )
    study.apply(Event.WANTED, "A: ModalitiesInStudy CT\\PR", begin)
    for after, count in ((0, 120), (60, 500), (180, 862)):
        study.saw("A", count, begin + after * 1000)
    for attempt, (ask, end, outcome, words) in enumerate(
        ((240, 330, PullOutcome.SHORT, "SHORT 700 of 862"), (420, 480, PullOutcome.RECEIVED, "COMPLETE")), 1
    ):
        study.apply(Event.PULL_ASKED, f"STUDY from A, attempt {attempt}", begin + ask * 1000)
        request = PullRequest(f"s{attempt}", STORY, "A", expected=862)
        received = 700 if attempt == 1 else 862
        pull = Pull(
            request, attempt, iso(begin + ask * 1000), PullStatus.ENDED, outcome, words, received, "4c18",
            60.0,
            iso(begin + end * 1000),
        )  # fmt: skip
        study.pulls = [*study.pulls, pull]
        if attempt == 1:
            study.apply(Event.PULL_AGAIN, "short: SHORT 700 of 862; again in 0:01:30", begin + end * 1000)
    study.pull = study.pulls[-1]
    study.apply(Event.RECEIVED, "862 instances, COMPLETE", begin + 481_000)
    made = [_series(STORY, place, begin + 481_000, random.Random(place)) for place in (1, 2, 3, 4)]
    kept = Verdict(True, "all", "", "no rule speaks against it")
    made[3] = SeriesRecord(
        f"{STORY}.4", True, "all", kept.because, "reception", "CT", _DAMAGED, 431, 431, iso(begin), kept,
        "kept_back", f"by thickness before {STORY}.4: {STORY}.1 was chosen",
    )  # fmt: skip
    made[2].series_description = HOSTILE
    study.keep_series(made)
    item = HandOver("h99", f"{STORY}.1", 431, "/store_image/99", {}, iso(begin + 482_000))
    item.message_state, item.published_at = MessageState.DEAD, iso(begin + 483_000)
    item.tried("refused", "422: no lung in it", begin + 490_000, "WORKER-1")
    study.handovers = [item]
    study.apply(Event.DELIVERY_GIVEN_UP, "the backend said 422: no lung in it", begin + 490_000)
    study.apply(Event.MANUAL, "redo: the model was updated", begin + 1_500_000, by="manual: Dr. Li")
    study.apply(Event.CANCELLED, "a phantom", begin + 1_600_000, by="manual: Wu Fang")
    return study


DEVICES = (("GE", "Revolution", "CT-3"), ("SIEMENS", "SOMATOM Force", "CT-1"))


def _headers(service: Service) -> None:
    """What was judged of the newest studies: one series taken, one dropped for its body part."""
    records = records_of(service.store)
    for number, row in enumerate(service.store.lists.rows(RowFilter(), RowOrder.NEWEST, None, 40)):
        part = "STND" if number % 3 else "HEAD"
        made = [_facts(row.study_uid, number, 1, "CHEST"), _facts(row.study_uid, number, 2, part)]
        told = [header(one, judge_series(one, Switches()), RECEPTION, "") for one in made[number % 2 :]]
        judged = JudgedStudy(row.study_uid, row.day, "A").with_headers(told)
        records.put(StoredRecord(row.study_uid, row.day, encode(judged)), None)


def _facts(study_uid: str, number: int, place: int, part: str) -> SeriesFacts:
    maker, model, station = DEVICES[number % 2]
    told = {
        "Modality": "CT",
        "BodyPartExamined": part,
        "SliceThickness": str(place),
        "SeriesDescription": "std",
    }
    device = {"Manufacturer": maker, "ManufacturerModelName": model, "StationName": station}
    return SeriesFacts(f"{study_uid}.{place}", {**told, **device}, 431)


def _reports(service: Service, chance: random.Random) -> None:
    folder = service.settings.reconcile_folder
    folder.mkdir(parents=True, exist_ok=True)
    today = service.clock.today()
    line = {
        "studyUID": STORY, "cause": "dead letter", "why": "the backend said 422",
        "accessionNumber": "NA-STORY",
        "patientID": "P-STORY", "modality": ["CT"], "studyDescription": "CHEST CT", "pacs": ["A"],
        "notes": ["AccessionNumber differs: NA-STORY A, NA-OTHER here"],
        "devices": [{"manufacturer": "GE", "model": "Revolution", "station": "CT-3"}],
    }  # fmt: skip
    for back in range(1, 15):
        day, missing = today - timedelta(days=back), chance.choice([0, 0, 1, 3])
        told = {
            "firstDay": day.isoformat(), "lastDay": day.isoformat(), "madeAt": iso(service.clock.now()),
            "studiesInPacs": 813, "missing": missing or (1 if back == 1 else 0),
            "compared": back != 4, "byCause": {"computed": 512, "filtered": 300, "dead letter": 1},
            "repaired": {}, "lines": [line],
            "answered": [{"pacs": "A", "day": day.isoformat(), "studies": 813, "complete": back != 4,
                          "error": ""}],
        }  # fmt: skip
        (folder / f"reconcile-{day}.json").write_text(json.dumps(told), encoding="utf-8")


def _quarantine() -> FakeQuarantine:
    """Images that wait, one of them hostile, some that were decided, and a sender that fails too often."""
    reasons = (
        "pixels: PixelData has 100 of 524288 bytes",
        "mandatory: PatientID is empty",
        "sender: calling AE title " + HOSTILE,
    )
    made = FakeQuarantine(*(image(number, STORY, words) for number, words in enumerate(reasons, 1)))
    made.images[2]["header"]["PatientID"] = HOSTILE
    made.images += [
        {
            **image(4, STORY),
            "state": "released",
            "decidedBy": "manual: Li",
            "why": "checked by eye",
            "decidedAt": 1_796_000_000_000,
        }
    ]
    made.senders.append(
        {
            **made.senders[0],
            "aeTitle": "DR7",
            "lastAt": 1_796_000_000_000,
            "window": {**TALLY, "failed": 40, "failureRate": 0.174, "beyond": True},
        }
    )
    return made


class _Platform:
    """It says hostile things, and wants too many threads."""

    def __init__(self) -> None:
        self.told = Told(
            7,
            {"batch_size": 50, "threads": 4, "hospital_code": "H001", "s3_secret_key": "secret", HOSTILE: 1},
        )

    def parameters(self) -> Told:
        return self.told


def _parameters(service: Service) -> FetchParameters:
    """A set in force with some changes behind it, and one that was not taken."""
    platform, folder = _Platform(), service.settings.log_folder
    nothing: Any = lambda values: None  # noqa: E731
    kept = KeptParameters(folder / "parameters.json")
    made = FetchParameters(platform, kept, nothing, nothing, service.clock, service.log, ("threads",))
    made()
    platform.told = Told(8, {**platform.told.values, "batch_size": 20})
    made()
    platform.told = Told(9, {**platform.told.values, "hospital_code": HOSTILE})
    made()
    return made


def fill_exchange(service: Service, chance: random.Random) -> None:
    """A year of quality records, and some days of reports: sent, refused, and waiting after a try."""
    exchange, today = service.exchange, service.clock.today()
    for number in range(240):
        day = (today - timedelta(days=chance.randrange(360))).isoformat()
        told = {"id": f"Q-{number}", "day": day, "department": chance.choice(["Radiology", "ER", "胸外科"])}
        told |= {"device": f"CT-{chance.randrange(1, 4)}", "doctor": chance.choice(["Li", "王", HOSTILE])}
        for name, counts in (
            ("image_quality", ("total", "defectPoints")),
            ("spot_check", ("checked", "passed")),
        ):
            part = chance.randrange(0, 20) if name == "image_quality" else chance.randrange(80, 101)
            one = {**told, "id": f"{name}-{number}", "kind": name, counts[0]: 100, counts[1]: part}
            exchange.take(read_quality(one).content("api"))
    for number in range(40):
        day = (today - timedelta(days=number % 3)).isoformat()
        exchange.take_report(read_report({"serial": f"R-{number:04}", "day": day}), "view")
    policy = RetryPolicy()
    for number in range(38):
        entry = exchange.ledger.get(EntryKind.REPORT, f"R-{number:04}")
        assert entry is not None
        now = service.clock.now()
        changed = accepted(entry, now) if number else refused(entry, f"no such patient {HOSTILE}")
        exchange.ledger.put(put_off(entry, "platform answered 500", policy, now) if number == 1 else changed)
    compared = {
        (today - timedelta(days=back)).isoformat(): {
            "here": 13, "there": 13 - (back == 0), "missingCount": int(back == 0), "strangeCount": 0, "queries": 2,
            "missing": [], "strange": [], "equal": back > 0, "at": iso(service.clock.now()),
        }
        for back in range(5)
    }  # fmt: skip
    service.leases.leases.edit(COMPARISON, lambda _: compared)
