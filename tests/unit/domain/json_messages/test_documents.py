"""Studies to documents and back."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import Sighting
from pacs_module.domain.json_messages.documents import camel, from_document, to_document
from pacs_module.domain.json_messages.messages import PullRequest, SeriesReport
from pacs_module.domain.rules.verdict import Verdict
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.history import HistoryEntry
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PacsCopy, Pull, SeriesRecord, Study, read_study

TEXT = st.text(max_size=12)
COUNT = st.none() | st.integers(0, 5000)
UID = st.from_regex(r"1\.2\.[0-9]{1,6}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
VERDICTS = st.builds(Verdict, st.booleans(), TEXT, TEXT, TEXT)
REQUESTS = st.builds(
    PullRequest, TEXT, UID, TEXT, st.sampled_from(["STUDY", "SERIES"]), st.lists(UID, max_size=2).map(tuple),
    expected=COUNT,
    expected_series=st.dictionaries(UID, st.integers(0, 5000), max_size=2),
    filtered=st.dictionaries(UID, VERDICTS, max_size=2),
    skip_filter=st.lists(UID, max_size=2).map(tuple), final=st.booleans(),
)  # fmt: skip
PULLS = st.builds(
    Pull, REQUESTS, st.integers(1, 9), TEXT, received=COUNT, move_seconds=st.none() | st.floats(0, 1e6)
)
HANDOVERS = st.builds(
    HandOver,
    TEXT,
    UID,
    st.integers(0, 5000),
    TEXT,
    st.dictionaries(TEXT, JSON, max_size=3),
    TEXT,
    next_at=st.integers(0, 2**50),
)
RECORDS = st.builds(SeriesRecord, UID, st.booleans(), TEXT, TEXT, TEXT, in_pacs=COUNT, received=COUNT)
STUDIES = st.builds(
    Study,
    study_uid=UID,
    study_date=TEXT,
    patient_id=TEXT,
    modality=st.lists(TEXT, max_size=3),
    state=st.none() | st.sampled_from([state for state in State if state]),
    priority=st.sampled_from([0, 1, 2, 4]),
    pacs=st.dictionaries(TEXT, st.builds(PacsCopy, COUNT, TEXT), max_size=2),
    sightings=st.lists(st.builds(Sighting, st.integers(0, 2**50), TEXT, COUNT), max_size=3),
    baseline=COUNT,
    pull=st.none() | PULLS,
    pulls=st.lists(PULLS, max_size=2),
    series=st.dictionaries(UID, RECORDS, max_size=2),
    handovers=st.lists(HANDOVERS, max_size=2),
    due=st.dictionaries(st.sampled_from(["pull", "watch"]), st.integers(0, 2**50)),
    history=st.lists(st.builds(HistoryEntry, TEXT, TEXT, TEXT), max_size=2),
    is_push=st.booleans(),
    revision=st.integers(0, 99),
)


@given(STUDIES)
def test_a_study_comes_back_as_it_was_also_by_way_of_json(study: Study) -> None:
    document = study.to_document()
    assert read_study(document) == study
    assert read_study(json.loads(json.dumps(document))) == study


@given(REQUESTS)
def test_a_message_comes_back_as_it_was(request: PullRequest) -> None:
    assert from_document(PullRequest, json.loads(json.dumps(to_document(request)))) == request


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("study_uid", "studyUID"),
        ("study_date", "studyDate"),
        ("accession_number", "accessionNumber"),
        ("patient_id", "patientID"),
        ("modality", "modality"),
        ("state", "state"),
        ("series_uids", "seriesUIDs"),
        ("due", "due"),
        ("first_seen_at", "firstSeenAt"),
    ],
)
def test_names_are_the_sites(name: str, site: str) -> None:
    assert camel(name) == site


def test_the_contracts_names_stand_in_the_document() -> None:
    study = Study(
        "1.2.3",
        study_date="2020-06-12",
        modality=["CT", "PR"],
        state=State.META_ONLY,
        accession_number="A",
        patient_id="P",
    )
    document = study.to_document()
    wanted = {
        "studyUID": "1.2.3",
        "studyDate": "2020-06-12",
        "modality": ["CT", "PR"],
        "state": "meta_only",
        "accessionNumber": "A",
    }
    assert wanted.items() <= document.items()
    assert type(document["state"]) is str


def test_no_state_is_no_field() -> None:
    assert "state" not in Study("1.2.3").to_document()


def test_a_modality_that_is_one_text() -> None:
    assert read_study({"studyUID": "1.2.3", "modality": "CT"}).modality == ["CT"]


def test_unknown_keys_are_left_out_and_missing_ones_take_their_default() -> None:
    assert read_study({"studyUID": "1.2.3", "_id": "1.2.3", "future": {"a": 1}}) == Study("1.2.3")


def test_a_key_that_must_be_there_is_named() -> None:
    with pytest.raises(KeyError, match="studyUID"):
        read_study({"studyDate": "2020-06-12"})
    with pytest.raises(KeyError, match="seriesUID"):
        from_document(SeriesReport, {})


def test_a_state_that_is_none_of_ours_is_an_error() -> None:
    with pytest.raises(ValueError, match="lost"):
        read_study({"studyUID": "1.2.3", "state": "lost"})


@dataclass
class Whole:
    """A class of the tests."""

    parts: tuple[Sighting, ...]
    best: Sighting | None = None


def test_dataclasses_in_tuples_and_unions() -> None:
    whole = Whole((Sighting(1, "A", 2), Sighting(3, "B", None)), Sighting(1, "A", 2))
    document = to_document(whole)
    assert document == {
        "parts": [{"at": 1, "pacs": "A", "count": 2}, {"at": 3, "pacs": "B"}],
        "best": {"at": 1, "pacs": "A", "count": 2},
    }
    assert from_document(Whole, document) == whole
