"""
Results that come back: judged, given their patient, kept, sent, told (M25).

That a real PACS is spoken to as it wants, and answers badly, is tests/long/results/test_results_to_pacs.py.
"""

import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pydicom
import pytest

from pacs_module.adapters.results.inbox import FolderInbox
from pacs_module.domain.errors import MessageError, PermanentError, Unreachable
from pacs_module.domain.json_messages.messages import Result
from pacs_module.domain.results.kinds import ResultKind
from pacs_module.domain.results.pseudonyms import PseudonymRecord
from pacs_module.domain.study.study import RENDER
from pacs_module.domain.upload.destination import DestinationRule
from pacs_module.shared import crash_points
from pacs_module.use_cases.operate.manual_work import Who
from pacs_module.use_cases.results import take as take_module
from pacs_module.use_cases.results.collect import CollectResults
from pacs_module.use_cases.results.render import RenderResults
from pacs_module.use_cases.results.tidy import TidyResults
from pacs_module.use_cases.show.results import ShowResults
from tests.fakes.pipeline import UID
from tests.fakes.result_desk import ResultDesk
from tests.support.results.objects import CLASSES, reference_to, result_object

WHO = Who("Li", "the PACS was mended")
CHINESE = "Zhang^San=张^三"


class Killed(BaseException):
    """SIGKILL, as far as one process can play it."""


@pytest.fixture
def desk(tmp_path: Path) -> ResultDesk:
    desk = ResultDesk(tmp_path)
    desk.handover = desk.hand_over()
    return desk


def at_the_pacs(desk: ResultDesk, name: str = "pacs") -> list[str]:
    """SOPInstanceUIDs, as often as each is there."""
    return sorted(Path(one).stem for one in desk.platforms[name].objects)


# --- taken and sent ---


@pytest.mark.parametrize("modality", ["SR", "OT", "SEG", "RTSTRUCT", "PR", "DOC"])
def test_an_object_of_each_kind_is_sent_as_it_came(desk: ResultDesk, tmp_path: Path, modality: str) -> None:
    file = tmp_path / "in" / "one.dcm"
    made = result_object(file, UID, "P1", modality)
    assert desk.answers(file) == ["taken"]
    assert desk.send()
    assert list(desk.platforms["pacs"].objects.values()) == [file.read_bytes()]
    result = desk.study().results[0]
    assert (result.by, result.handover_id, result.modality) == ("posted", desk.handover, modality)
    assert [one.sop_uid for one in result.objects] == [made.SOPInstanceUID]
    assert [(one.state, one.handover_id) for one in desk.uploads()] == [("verified", result.result_id)]


def test_without_a_hand_over_nothing_is_taken(tmp_path: Path) -> None:
    desk = ResultDesk(tmp_path)
    result_object(tmp_path / "one.dcm", "1.2.3.99", "P1")
    assert desk.answers(tmp_path / "one.dcm") == [
        "refused no study that was handed over: StudyInstanceUID is empty"
    ]


def test_a_series_is_one_set_and_the_rule_sends_each_where_it_belongs(tmp_path: Path) -> None:
    desk = ResultDesk(
        tmp_path, {"ris": DestinationRule(modalities=("SR",)), "pacs": DestinationRule(modalities=("OT",))}
    )
    desk.hand_over()
    files = [tmp_path / "in" / f"{number}.dcm" for number in range(3)]
    result_object(files[0], UID, "P1", "SR")
    for file in files[1:]:
        result_object(file, UID, "P1", "OT", SeriesInstanceUID="2.25.77")
    assert desk.answers(*files) == ["taken"] * 3
    assert [len(one.objects) for one in desk.study().results] == [1, 2]
    assert [one.destination for one in desk.uploads()] == ["ris", "pacs"]
    assert desk.send("ris")
    assert desk.send("pacs")
    assert (len(at_the_pacs(desk, "ris")), len(at_the_pacs(desk))) == (1, 2)


def test_the_same_again_is_known_and_another_under_its_uid_is_refused(
    desk: ResultDesk, tmp_path: Path
) -> None:
    first, second = tmp_path / "1.dcm", tmp_path / "2.dcm"
    result_object(first, UID, "P1", SOPInstanceUID="2.25.1", SeriesInstanceUID="2.25.2")
    result_object(
        second, UID, "P1", SOPInstanceUID="2.25.1", SeriesInstanceUID="2.25.2", SeriesDescription="other"
    )
    assert desk.answers(first) == ["taken"]
    assert desk.answers(first) == ["known already"]
    assert desk.answers(second) == [
        "refused another object with this UID was taken before: SOPInstanceUID 2.25.1"
    ]
    assert len(desk.study().results) == 1
    assert desk.study().refused_results[0].sop_uid == "2.25.1"


def test_twice_in_one_post_is_taken_once(desk: ResultDesk, tmp_path: Path) -> None:
    for name in ("1.dcm", "2.dcm"):
        result_object(tmp_path / name, UID, "P1", SOPInstanceUID="2.25.1", SeriesInstanceUID="2.25.2")
    assert desk.answers(tmp_path / "1.dcm", tmp_path / "2.dcm") == ["taken", "known already"]


# --- refused ---


def spoil(file: Path, how: str) -> None:
    data = file.read_bytes()
    if how == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif how == "text":
        file.write_bytes(data.replace(b"AI", b"\xff\xfe"))
    elif how == "nonsense":
        file.write_bytes(b"\0" * 500)
    elif how == "large":
        file.write_bytes(data + bytes(17 << 20))


REFUSED = {
    "of a device": ({"modality": "CT"}, "a result is never of this SOP class"),
    "another patient": ({"patient_id": "P2"}, "it is of another patient, or of none: PatientID P2"),
    "no patient": ({"patient_id": ""}, "it is of another patient, or of none: PatientID is empty"),
    "another study": ({"study_uid": "1.2.3.4.5"}, "no study that was handed over"),
    "no UID": ({"SOPInstanceUID": "../../etc/passwd"}, "no UID: SOPInstanceUID"),
    "a series of the PACS": ({"SeriesInstanceUID": f"{UID}.1"}, "it would be put in a series of the PACS"),
    "an image's UID": ({"SOPInstanceUID": f"{UID}.1.2"}, "an image of the PACS has this UID"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_what_does_not_fit_is_refused_with_the_reason(desk: ResultDesk, tmp_path: Path, how: str) -> None:
    values, words = REFUSED[how]
    told = {"study_uid": UID, "patient_id": "P1", **values}
    # A reader of a UID that is none would warn.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result_object(tmp_path / "one.dcm", **told)
    (answer,) = desk.answers(tmp_path / "one.dcm")
    assert answer.startswith(f"refused {words}")
    assert desk.study().results == []
    assert desk.uploads() == []


@pytest.mark.parametrize("how", ["cut", "text", "nonsense", "large"])
def test_a_damaged_object_costs_only_itself(desk: ResultDesk, tmp_path: Path, how: str) -> None:
    bad, good = tmp_path / "bad.dcm", tmp_path / "good.dcm"
    for file in (bad, good):
        result_object(file, UID, "P1", "OT", PixelData=bytes(2000), BitsAllocated=8)
    spoil(bad, how)
    answers = desk.posted(bad, good)
    assert {one.file.name: str(one.answer) for one in answers} == {"bad.dcm": "refused", "good.dcm": "taken"}


def test_sequences_nested_without_end_are_refused_before_they_are_parsed(
    desk: ResultDesk, tmp_path: Path
) -> None:
    inner = pydicom.Dataset()
    for _ in range(60):
        outer = pydicom.Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    result_object(tmp_path / "deep.dcm", UID, "P1", ContentSequence=[inner])
    (answer,) = desk.answers(tmp_path / "deep.dcm")
    assert answer.startswith("refused")
    assert "nested" in answer


def test_a_kind_that_the_site_does_not_want_is_refused(desk: ResultDesk, tmp_path: Path) -> None:
    desk.take.kinds = frozenset({ResultKind.SR})
    result_object(tmp_path / "seg.dcm", UID, "P1", "SEG")
    (answer,) = desk.answers(tmp_path / "seg.dcm")
    assert answer == f"refused seg is not let through here: SOPClassUID {CLASSES['SEG']}"


# --- under pseudonyms ---


def _pseudonyms(desk: ResultDesk) -> dict[str, str]:
    """PseudonymRecord by UID."""
    return {uid: pseudonym for pseudonym, uid in _identity(desk).uids.items()}


def _identity(desk: ResultDesk) -> PseudonymRecord:
    identity = desk.pseudonyms.of_study(UID)
    assert identity is not None
    return identity


@pytest.mark.parametrize("charset", ["ISO_IR 192", "GB18030", "ISO 2022 IR 6\\ISO 2022 IR 58", "ISO_IR 100"])
def test_after_anonymisation_the_right_patient(desk: ResultDesk, tmp_path: Path, charset: str) -> None:
    name = CHINESE if charset != "ISO_IR 100" else "Müller^Jörg"
    declared = charset.split("\\") if "\\" in charset else charset
    pseudonym = desk.anonymise(
        desk.handover, SpecificCharacterSet=declared, PatientName=name, PatientBirthDate="19620211",
        PatientSex="M", StudyID="77", ReferringPhysicianName="",
    )  # fmt: skip
    given = _pseudonyms(desk)
    image = given[f"{UID}.1.2"]
    result_object(
        tmp_path / "sr.dcm", pseudonym, _identity(desk).patient, PatientName="P1234AB",
        PatientIdentityRemoved="YES", DeidentificationMethod="x", SpecificCharacterSet="ISO_IR 192",
        SeriesDescription="肺结节" if charset != "ISO_IR 100" else "nodule", ContentSequence=[reference_to(CLASSES["CT"], image)],
    )  # fmt: skip
    assert desk.answers(tmp_path / "sr.dcm") == ["taken"]
    assert desk.send()
    (path,) = desk.platforms["pacs"].objects
    there = tmp_path / "there.dcm"
    there.write_bytes(desk.platforms["pacs"].objects[path])
    told = pydicom.dcmread(there)
    assert (str(told.PatientName), told.PatientID, told.PatientBirthDate) == (name, "P1", "19620211")
    assert (told.StudyInstanceUID, told.StudyID, told.AccessionNumber) == (UID, "77", "A1")
    assert told.ContentSequence[0].ReferencedSOPInstanceUID == f"{UID}.1.2"
    assert told.SeriesDescription == ("肺结节" if charset != "ISO_IR 100" else "nodule")
    assert "PatientIdentityRemoved" not in told
    assert "DeidentificationMethod" not in told
    assert pseudonym.encode() not in there.read_bytes()


def test_another_patients_pseudonym_and_one_that_nobody_knows_are_refused(
    desk: ResultDesk, tmp_path: Path
) -> None:
    pseudonym = desk.anonymise(desk.handover)
    result_object(tmp_path / "other.dcm", pseudonym, "P99AABBCCDD")
    result_object(tmp_path / "one.dcm", pseudonym, "")
    assert desk.answers(tmp_path / "other.dcm") == [
        "refused it is of another patient, or of none: PatientID P99AABBCCDD"
    ]
    desk.pseudonyms.forget(UID)
    assert desk.answers(tmp_path / "one.dcm") == [
        f"refused nobody knows who stands behind this pseudonym: StudyInstanceUID {pseudonym}"
    ]


def test_an_object_with_an_images_pseudonym_is_refused(desk: ResultDesk, tmp_path: Path) -> None:
    pseudonym = desk.anonymise(desk.handover)
    given = _pseudonyms(desk)
    result_object(tmp_path / "1.dcm", pseudonym, "", SOPInstanceUID=given[f"{UID}.1.1"])
    result_object(tmp_path / "2.dcm", pseudonym, "", SeriesInstanceUID=given[f"{UID}.1"])
    answers = desk.answers(tmp_path / "1.dcm", tmp_path / "2.dcm")
    assert [one.split(":")[0] for one in answers] == [
        "refused an image of the PACS has this UID", "refused it would be put in a series of the PACS",
    ]  # fmt: skip


def test_the_record_of_pseudonyms_is_for_its_owner_alone(desk: ResultDesk) -> None:
    desk.anonymise(desk.handover)
    (file,) = (desk.folder / "results" / "pseudonyms" / UID).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (file.parent.stat().st_mode & 0o777) == 0o700
    assert not [one for one in (desk.folder / "copies").rglob("*") if b"Chest" in _bytes(one)]


# --- killed, away, given up ---


@pytest.mark.parametrize("place", ["result_restored", "result_kept", "result_taken"])
def test_killed_while_it_is_taken_it_is_posted_again_and_there_once(
    desk: ResultDesk, tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result_object(tmp_path / "one.dcm", UID, "P1")
    monkeypatch.setattr(take_module, "reach", _killing(place))
    with pytest.raises(Killed):
        desk.posted(tmp_path / "one.dcm")
    monkeypatch.setattr(take_module, "reach", crash_points.reach)
    (answer,) = desk.answers(tmp_path / "one.dcm")
    assert answer == ("known already" if place == "result_taken" else "taken")
    while desk.send():
        pass
    assert len(desk.platforms["pacs"].puts) == 1
    assert [one.state for one in desk.uploads()] == ["verified"]


def test_away_costs_nothing_and_given_up_waits_for_a_person(desk: ResultDesk, tmp_path: Path) -> None:
    result_object(tmp_path / "one.dcm", UID, "P1")
    desk.posted(tmp_path / "one.dcm")
    desk.platforms["pacs"].errors = [Unreachable("nobody")] * 5 + [PermanentError("not wanted")]
    for _ in range(6):
        desk.send()
        desk.clock.pass_seconds(400)
    assert [one.state for one in desk.uploads()] == ["dead"]
    view = ShowResults(desk.store, desk.clock, desk.plans)()
    assert [(one.objects, one.uploads[0].state) for one in view.results] == [(1, "dead")]
    desk.by_hand.retry(UID, "pacs", WHO)
    desk.clock.pass_seconds(400)
    assert desk.send()
    assert [one.state for one in desk.uploads()] == ["verified"]


def test_files_that_are_gone_are_no_reason_to_pull_the_study_again(desk: ResultDesk, tmp_path: Path) -> None:
    result_object(tmp_path / "one.dcm", UID, "P1")
    desk.posted(tmp_path / "one.dcm")
    state = desk.study().state
    desk.files.remove(desk.study().results[0].result_id)
    desk.send()
    assert (desk.uploads()[0].state, desk.study().state) == ("dead", state)
    assert desk.uploads()[0].reason.endswith("the backend must send it again")


def test_kept_until_it_is_there_and_then_released(desk: ResultDesk, tmp_path: Path) -> None:
    result_object(tmp_path / "one.dcm", UID, "P1")
    desk.posted(tmp_path / "one.dcm")
    tidy = TidyResults(desk.store, desk.files, desk.pseudonyms, timedelta(0), 90, desk.clock, desk.log)
    tidy()
    assert len(list(desk.files.all())) == 1
    desk.send()
    tidy()
    assert list(desk.files.all()) == []
    assert desk.study().results[0].released_at
    with pytest.raises(MessageError):
        desk.by_hand.retry(UID, "pacs", WHO)


# --- left in a folder ---


def test_what_is_left_in_a_folder_is_taken_when_it_is_whole(desk: ResultDesk, tmp_path: Path) -> None:
    seconds = [1e10]
    inbox = FolderInbox(tmp_path / "inbox", 5.0, lambda: seconds[0])
    good, bad, half = (tmp_path / "inbox" / name for name in ("a/good.dcm", "bad.dcm", "half.dcm.part"))
    result_object(good, UID, "P1")
    result_object(bad, UID, "P2")
    half.write_bytes(b"not yet")
    (tmp_path / "inbox" / "r.json").write_text(
        f'{{"studyUID": "{UID}", "seriesUID": "{UID}.1", "state": "completed", "result": {{"volume": 1}}}}'
    )
    collect = CollectResults(inbox, desk.take, desk.world.record, desk.log)
    assert not collect()
    assert good.exists()
    collect()
    desk.reader.close()
    left = sorted(one.name for one in (tmp_path / "inbox").rglob("*") if one.is_file())
    refused = [one for one in left if one.endswith("bad.dcm.why.txt")]
    assert len(refused) == 1
    assert left[-1] == "half.dcm.part"
    assert len(left) == 3
    assert desk.study().handovers[-1].result == "completed"
    assert len(desk.study().results) == 1


# --- rendered ---


def renderer(desk: ResultDesk) -> RenderResults:
    desk.world.record.render = True
    return RenderResults(
        desk.store, desk.take, ("sr", "pdf"), ("lung", "1.2"), desk.clock, lambda at: at, desk.log, "test"
    )


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_result_in_json_becomes_a_report_and_a_page_of_the_right_patient(
    desk: ResultDesk, anonymous: bool
) -> None:
    if anonymous:
        desk.anonymise(desk.handover, SpecificCharacterSet="GB18030", PatientName=CHINESE)
    render = renderer(desk)
    desk.world.record(
        Result(UID, f"{UID}.1", "completed", "seen", desk.handover, {"volume": 4.5, "lobe": "右"})
    )
    assert render()
    assert RENDER not in desk.study().due
    desk.reader.close()
    while desk.send():
        pass
    told = [_read(desk, name) for name in sorted(desk.platforms["pacs"].objects)]
    assert sorted(one.Modality for one in told) == ["DOC", "SR"]
    expected = CHINESE if anonymous else "Chest^Test"
    assert {(str(one.PatientName), one.PatientID, one.StudyInstanceUID) for one in told} == {
        (expected, "P1", UID)
    }
    assert not render()
    study = desk.study()
    study.handovers[-1].rendered_at = None
    study.due[RENDER] = 0
    desk.store.replace(study)
    assert render()  # as after a crash before it was noted
    assert len(desk.study().results) == 2


def test_a_result_that_makes_no_report_says_so(desk: ResultDesk) -> None:
    render = renderer(desk)
    for file in (desk.folder / "store" / desk.handover).iterdir():
        file.unlink()
    desk.world.record(Result(UID, f"{UID}.1", "completed", "seen", desk.handover, {"volume": 4.5}))
    assert render()
    desk.reader.close()
    assert desk.study().history[-1].why.startswith("its JSON makes no DICOM object")
    assert RENDER not in desk.study().due


def _read(desk: ResultDesk, name: str) -> pydicom.Dataset:
    file = desk.folder / "read.dcm"
    file.write_bytes(desk.platforms["pacs"].objects[name])
    return pydicom.dcmread(file)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _killing(place: str) -> Callable[[str], None]:
    def reach(reached: str) -> None:
        if reached == place:
            raise Killed

    return reach
