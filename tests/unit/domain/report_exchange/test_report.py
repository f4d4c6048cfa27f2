"""Reports as JSON and FHIR; quality records; the comparison of two lists."""

import base64
from typing import Any

import pytest

from pacs_module.domain.errors import MessageError
from pacs_module.domain.report_exchange.comparison import MAX_SERIALS, compare
from pacs_module.domain.report_exchange.fhir import read_diagnostic_report, write_diagnostic_report
from pacs_module.domain.report_exchange.quality import QualityKind, read_quality, record_of, scores
from pacs_module.domain.report_exchange.report import MAX_ATTACHMENT, read_report

GOOD = {"serial": "R-17", "day": "2026-11-30", "version": 2, "conclusion": "右肺结节", "patientID": "P1"}


def test_a_report_is_read_and_its_version_is_no_content() -> None:
    report = read_report(GOOD)
    assert (report.serial, report.version, report.patient_id, report.status) == ("R-17", 2, "P1", "final")
    assert report.content("api").digest == read_report({**GOOD, "version": 7}).content("api").digest
    assert report.content("api").digest != read_report({**GOOD, "conclusion": ""}).content("api").digest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("serial", ""),
        ("serial", " R-17"),
        ("serial", "R\n17"),
        ("serial", "x" * 65),
        ("serial", 17),
        ("day", "20261130"),
        ("day", "2026-13-01"),
        ("day", ""),
        ("version", -1),
        ("version", True),
        ("version", 2**40),
        ("status", "done"),
        ("reportedAt", "yesterday"),
        ("findings", "x" * 70_000),
        ("author", "x" * 201),
        ("attachments", [{"contentType": "text/html", "data": ""}]),
        ("attachments", [{"contentType": "application/pdf", "data": "%%%"}]),
        (
            "attachments",
            [
                {
                    "contentType": "application/pdf",
                    "data": base64.b64encode(b"x" * (MAX_ATTACHMENT + 1)).decode(),
                }
            ],
        ),
        ("attachments", [{"contentType": "text/plain", "data": ""}] * 6),
        ("conclussion", "misspelt"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(key: str, value: Any) -> None:
    with pytest.raises(MessageError) as refused:
        read_report({**GOOD, key: value})
    assert refused.value.key in (key, "contentType", "data")


def test_a_body_that_is_no_object_is_refused() -> None:
    bodies: list[Any] = [None, [], "x", 5]
    for body in bodies:
        with pytest.raises(MessageError):
            read_report(body)


FHIR: dict[str, Any] = {
    "resourceType": "DiagnosticReport",
    "meta": {"versionId": "4"},
    "identifier": [
        {"type": {"coding": [{"code": "ACSN"}]}, "value": "A-1"},
        {"system": "urn:hospital:reports", "value": "R-9"},
    ],
    "status": "amended",
    "subject": {"identifier": {"value": "P-7"}},
    "imagingStudy": [{"identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.840.1"}}],
    "category": [{"coding": [{"code": "CT"}]}],
    "code": {"text": "Chest CT"},
    "performer": [{"display": "Dr. Wang"}],
    "resultsInterpreter": [{"display": "Dr. Li"}],
    "issued": "2026-11-30T14:05:00+08:00",
    "text": {"div": "<div xmlns='http://www.w3.org/1999/xhtml'><b>8&nbsp;mm &lt; 1 cm</b></div>"},
    "conclusion": "nodule",
    "presentedForm": [{"contentType": "application/pdf", "data": base64.b64encode(b"%PDF-1.4").decode()}],
}


def test_a_diagnostic_report_is_read() -> None:
    report = read_diagnostic_report(FHIR)
    assert (report.serial, report.version, report.accession_number) == ("R-9", 4, "A-1")
    assert (report.status, report.day, report.patient_id) == ("corrected", "2026-11-30", "P-7")
    assert (report.study_uid, report.modality, report.body_part) == ("1.2.840.1", "CT", "Chest CT")
    assert (report.author, report.verified_by) == ("Dr. Wang", "Dr. Li")
    assert report.findings == "8\xa0mm < 1 cm"
    assert len(report.attachments) == 1


def test_what_is_written_is_read_back() -> None:
    body = read_diagnostic_report(FHIR).content("fhir").body
    again = read_diagnostic_report(write_diagnostic_report(body, 4))
    assert again.content("fhir").body == body
    assert again.version == 4


@pytest.mark.parametrize(
    "change",
    [
        {"resourceType": "Patient"}, {"status": "unknown"}, {"status": None}, {"identifier": []}, {"identifier": "R-9"},
        {"issued": None}, {"issued": "gestern"}, {"presentedForm": [{"contentType": "application/x-sh", "data": "QQ=="}]},
    ],
)  # fmt: skip
def test_a_resource_that_cannot_be_used_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        read_diagnostic_report({**FHIR, **change})


def test_odd_shapes_inside_are_not_told() -> None:
    odd = {**FHIR, "subject": "P-7", "performer": {"display": "x"}, "category": [None], "meta": [], "code": 5}
    report = read_diagnostic_report(odd)
    assert (report.patient_id, report.author, report.modality, report.version) == ("", "", "", 0)


QUALITY = [
    {
        "id": "I1",
        "kind": "image_quality",
        "day": "2026-10-02",
        "device": "CT-1",
        "total": 100,
        "defectPoints": 12,
    },
    {
        "id": "I2",
        "kind": "image_quality",
        "day": "2026-10-30",
        "device": "CT-2",
        "total": 300,
        "defectPoints": 0,
    },
    {
        "id": "I3",
        "kind": "image_quality",
        "day": "2026-11-01",
        "device": "CT-1",
        "total": 50,
        "defectPoints": 25,
    },
    {"id": "R1", "kind": "report_accuracy", "day": "2026-11-01", "doctor": "Li", "all": 50, "correct": 48},
    {"id": "S1", "kind": "spot_check", "day": "2026-11-01", "department": "ER", "checked": 20, "passed": 19},
]


def test_the_three_scores() -> None:
    records = [read_quality(one) for one in QUALITY]
    by_month = scores(records, "month")
    october, november = by_month[QualityKind.IMAGE_QUALITY]
    assert (october.group, october.records, november.group) == ("2026-10", 2, "2026-11")
    assert october.rate == pytest.approx(388 / 400)
    assert november.rate == pytest.approx(0.5)
    assert by_month[QualityKind.REPORT_ACCURACY][0].rate == pytest.approx(0.96)
    assert by_month[QualityKind.SPOT_CHECK][0].rate == pytest.approx(0.95)
    by_device = scores(records, "device")[QualityKind.IMAGE_QUALITY]
    assert [(one.group, one.rate) for one in by_device] == [("CT-1", pytest.approx(113 / 150)), ("CT-2", 1.0)]


def test_a_record_comes_back_from_the_ledger() -> None:
    for one in QUALITY:
        record = read_quality(one)
        assert record_of(record.content("api").body) == record


@pytest.mark.parametrize(
    "change",
    [
        {"total": 0}, {"total": None}, {"total": "100"}, {"total": float("nan")}, {"total": float("inf")}, {"total": True},
        {"defectPoints": -1}, {"defectPoints": 101}, {"defectPoints": [1]}, {"kind": "other"}, {"kind": None},
        {"day": "2026-11"}, {"id": ""}, {"device": "x" * 300}, {"counts": 5},
    ],
)  # fmt: skip
def test_counts_that_cannot_be_so_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        read_quality({**QUALITY[0], **change})


def test_two_lists_are_compared_by_serial_and_version() -> None:
    ours = {"a": 1, "b": 2, "c": 1, "d": 1}
    answer = {
        "count": 4,
        "reports": [{"serial": s, "version": v} for s, v in (("a", 1), ("b", 1), ("c", 1), ("x", 1))],
    }
    found = compare("2026-11-30", ours, answer)
    assert (found.missing, found.strange, found.equal) == (("b", "d"), ("x",), False)
    whole = {"count": 4, "reports": [{"serial": s, "version": v} for s, v in ours.items()]}
    assert compare("2026-11-30", ours, whole).equal


def test_a_count_that_differs_from_the_list_is_not_equal() -> None:
    answer = {"count": 3, "reports": [{"serial": "a", "version": 1}]}
    assert not compare("2026-11-30", {"a": 1}, answer).equal
    assert not compare("2026-11-30", {"a": 1}, {"reports": answer["reports"]}).equal, "no count was told"


@pytest.mark.parametrize(
    "answer",
    [
        None, [], {}, {"reports": None}, {"reports": ["a"]}, {"reports": [{"serial": "a"}]},
        {"reports": [{"serial": 1, "version": 1}]}, {"reports": [{"serial": "a", "version": 1}] * (MAX_SERIALS + 1)},
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_says_nothing(answer: Any) -> None:
    with pytest.raises(MessageError):
        compare("2026-11-30", {"a": 1}, answer)


BARE = {
    "resourceType": "DiagnosticReport", "status": "final", "identifier": [{"value": "R1"}],
    "issued": "2026-11-30T10:15:00+08:00",
}  # fmt: skip


def test_no_word_of_a_narrative_or_of_coded_conclusions_is_lost() -> None:
    text = {"div": "<div>first<br/>second<p>third</p><p>&lt;5 mm &amp; round</p></div>"}
    coded = [{"text": "nodule"}, {"coding": [{"code": "C34"}]}]
    report = read_diagnostic_report({**BARE, "text": text, "conclusionCode": coded})
    assert report.findings == "first\nsecond third\n<5 mm & round"
    assert report.conclusion == "nodule\nC34"


@pytest.mark.parametrize("key", ["end", "start"])
def test_a_period_tells_the_day_where_nothing_else_does(key: str) -> None:
    told = {**BARE, "issued": None, "effectivePeriod": {key: "2026-11-30T08:00:00Z"}}
    assert read_diagnostic_report(told).day == "2026-11-30"


def test_an_attachment_by_its_media_type_in_any_letters() -> None:
    form = {"contentType": "Application/PDF; charset=binary", "data": "JVBERi0="}
    (file,) = read_diagnostic_report({**BARE, "presentedForm": [form]}).attachments
    assert file.content_type == "application/pdf"


@pytest.mark.parametrize(
    "changed",
    [{"conclusion": ["a", "b"]}, {"presentedForm": [{"contentType": "application/pdf", "url": "http://x"}]}],
)
def test_what_would_be_lost_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        read_diagnostic_report({**BARE, **changed})


def test_the_patient_within_the_resource_is_the_reports() -> None:
    own = {"type": {"coding": [{"code": "MR"}]}, "value": "P9"}
    patients = [
        {"resourceType": "Patient", "id": "other", "identifier": [{"value": "P1"}]},
        {"resourceType": "Patient", "id": "p", "identifier": [{"value": "N9"}, own]},
    ]
    told = {**FHIR, "contained": patients, "subject": {"reference": "#p"}}
    assert read_diagnostic_report(told).patient_id == "P9"
    told["subject"] = {"reference": "Patient/other"}
    assert read_diagnostic_report(told).patient_id == ""


def test_wrapped_base64_of_fhir_is_one_file() -> None:
    forms = [{"contentType": "application/pdf", "data": "JVBE\n Ri0="}]
    report = read_diagnostic_report({**FHIR, "presentedForm": forms})
    assert [one.data for one in report.attachments] == ["JVBERi0="]


@pytest.mark.parametrize("key", ["patientID", "accessionNumber", "studyUID"])
def test_a_number_with_characters_that_nobody_sees_is_refused(key: str) -> None:
    with pytest.raises(MessageError, match=key):
        read_report({"serial": "S", "day": "2026-11-30", key: "P\u202e1"})
