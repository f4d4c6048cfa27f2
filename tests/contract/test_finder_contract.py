"""
Both finders against Debian's Orthanc, dcmqrscp, qrscp and the simulator, with the same images in all of them.

What a PACS does not return is absent, and the three differ in that: qrscp has no counts, no ModalitiesInStudy
and no descriptions and gives an answer an image; dcmqrscp has no counts and no SeriesDescription. Not proved
here: character sets (tests/integration/find/test_charsets).
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from hospital_sim.pacs import SimPacs
from pacs_module.adapters.dicom import pynetdicom_finder
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.orthanc_finder import OrthancFinder
from pacs_module.domain.errors import PermanentError, PipelineError, RetriableError, TooManyAnswers
from pacs_module.domain.find.series_answers import SERIES_KEYS
from pacs_module.ports import PacsFinder
from pacs_module.service.finders import finder_by_pacs
from pacs_module.settings import PacsSettings
from pacs_module.use_cases.find.match_answers import MatchedFinder
from stack.ports import LOOPBACK, free_ports
from stack.run_folder import RunFolder
from tests.fakes.world import FakeLog
from tests.support.images.dicom_maker import CHEST_CT, CHEST_DX, Study, store
from tests.support.pacs.raw_scp import RawScp, Script, identifier
from tests.support.pacs.real_pacs import KINDS, AskingOrthanc, RealPacs, start

pytestmark = pytest.mark.server("orthanc", "dcmtk")

DAY = "20200618"
STUDY_KEYS = (
    "StudyInstanceUID",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
    "StudyDescription",
    "AccessionNumber",
)
ANSWER = identifier({"StudyInstanceUID": b"1.2.3"})
DEADLINE_S = 60.0
SHORT_DEADLINE_S = 1.0
"""For those who shall wait in vain."""
SIM = "sim"
TELL_ALL = ("orthanc", SIM)


@dataclass
class Hospital:
    """Every PACS by name, and what lies in the three real ones."""

    peers: dict[str, Peer]
    finders: dict[str, PacsFinder]
    impatient: dict[str, PacsFinder]
    ct: Study
    dx: Study

    def uids(self, finder: str, pacs: str, query: dict[str, str], level: str = "STUDY") -> set[str]:
        key = {
            "STUDY": "StudyInstanceUID",
            "SERIES": "SeriesInstanceUID",
            "IMAGE": "SOPInstanceUID",
            "PATIENT": "PatientID",
        }[level]
        return {answer[key] for answer in self.finders[finder].find(pacs, level, query, (key,))}


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    ct, dx = Study("1", DAY), Study("2", DAY)
    ct.add_series(3, CHEST_CT)
    ct.add_series(1, CHEST_CT, Modality="PR")
    dx.add_series(2, CHEST_DX)
    folder: Path = tmp_path_factory.mktemp("finders")
    with (
        RunFolder(folder / "run") as run,
        RawScp(Script([ANSWER], stop_at="find")) as silent,
        RawScp(Script([ANSWER] * 2, final=0xA700, comment="too many")) as capped,
        RawScp(Script([], final=0xA900)) as picky,
        SimPacs(habits=["one-association"]) as sim,
    ):
        real: dict[str, RealPacs] = {kind: start(kind, run, free_ports(1)[0]) for kind in KINDS}
        real[SIM] = RealPacs(SIM, Peer(LOOPBACK, sim.port, sim.ae_title, "AIPULL"))
        for pacs in real.values():
            store(pacs.address, ct.images + dx.images)
        peers = {kind: pacs.peer for kind, pacs in real.items()}
        peers["refusing"] = Peer(LOOPBACK, peers["dcmqrscp"].port, "SOMEBODYELSE", "AIPULL")
        peers["closed"] = Peer(LOOPBACK, free_ports(1)[0], "CLOSED", "AIPULL")
        for name, scp in (("silent", silent), ("capped", capped), ("picky", picky)):
            peers[name] = Peer(LOOPBACK, scp.port, name.upper(), "AIPULL")
        asking = AskingOrthanc(run, peers)
        asking.start()
        patient, impatient = (
            OrthancFinder(asking.url, asking.user, asking.password, deadline_s)
            for deadline_s in (DEADLINE_S, SHORT_DEADLINE_S)
        )
        finders = finders_of(patient, peers, DEADLINE_S)
        yield Hospital(peers, finders, finders_of(impatient, peers, SHORT_DEADLINE_S), ct, dx)
        patient.close()
        impatient.close()
        asking.kill()


def finders_of(orthanc: OrthancFinder, peers: dict[str, Peer], deadline_s: float) -> dict[str, PacsFinder]:
    direct = [settings_of(name, peer) for name, peer in peers.items()]
    return {"orthanc": orthanc, "pynetdicom": finder_by_pacs(direct, lambda _: orthanc, deadline_s)}


def settings_of(name: str, peer: Peer) -> PacsSettings:
    return PacsSettings(
        name=name, finder="pynetdicom", host=peer.host, port=peer.port, ae_title=peer.ae_title
    )


@pytest.fixture(params=["orthanc", "pynetdicom"])
def finder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[*KINDS, SIM])
def pacs(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_four_levels(hospital: Hospital, finder: str, pacs: str) -> None:
    ct = hospital.ct
    series = sorted({image.SeriesInstanceUID for image in ct.images})
    in_first = {image.SOPInstanceUID for image in ct.images if image.SeriesInstanceUID == series[0]}
    assert hospital.uids(finder, pacs, {"PatientID": "PID1"}, "PATIENT") == {"PID1"}
    assert hospital.uids(finder, pacs, {"StudyDate": DAY}) == {ct.uid, hospital.dx.uid}
    assert hospital.uids(finder, pacs, {"StudyInstanceUID": ct.uid}, "SERIES") == set(series)
    image_query = {"StudyInstanceUID": ct.uid, "SeriesInstanceUID": series[0]}
    assert hospital.uids(finder, pacs, image_query, "IMAGE") == in_first


def test_the_images_of_a_study_without_naming_the_series(hospital: Hospital, finder: str, pacs: str) -> None:
    """A relational query (PS3.4 C.4.1.3.2.2): the unique keys of the levels above go along, empty."""
    query = {"StudyInstanceUID": hospital.ct.uid}
    assert hospital.uids(finder, pacs, query, "IMAGE") == {
        image.SOPInstanceUID for image in hospital.ct.images
    }


def test_no_answers_are_an_empty_list(hospital: Hospital, finder: str, pacs: str) -> None:
    assert hospital.finders[finder].find(pacs, "STUDY", {"StudyDate": "19000101"}, STUDY_KEYS) == []


def test_a_list_of_uids(hospital: Hospital, finder: str, pacs: str) -> None:
    """
    List of UID matching, PS3.4 C.2.2.2.2; qrscp fails on it (0xC320), and the error is one to be tried again.
    """
    query = {"StudyInstanceUID": f"{hospital.ct.uid}\\{hospital.dx.uid}"}
    if pacs == "qrscp":
        with pytest.raises(RetriableError, match="0xC320"):
            hospital.uids(finder, pacs, query)
    else:
        assert hospital.uids(finder, pacs, query) == {hospital.ct.uid, hospital.dx.uid}


def test_what_the_pacs_does_not_return_is_absent_and_the_rest_is_text(
    hospital: Hospital, finder: str, pacs: str
) -> None:
    answers = hospital.finders[finder].find(pacs, "STUDY", {"StudyInstanceUID": hospital.ct.uid}, STUDY_KEYS)
    expected = {"StudyInstanceUID": hospital.ct.uid, "AccessionNumber": "ACC1"}
    if pacs in (*TELL_ALL, "dcmqrscp"):
        expected["StudyDescription"] = "111"
    if pacs in TELL_ALL:
        expected |= {"ModalitiesInStudy": "CT\\PR", "NumberOfStudyRelatedInstances": "4"}
    assert {key: value for key, value in answers[0].items() if key in STUDY_KEYS} == expected


def test_values_of_a_series_with_several_joined_by_a_backslash(
    hospital: Hospital, finder: str, pacs: str
) -> None:
    answers = hospital.finders[finder].find(
        pacs, "SERIES", {"StudyInstanceUID": hospital.ct.uid}, SERIES_KEYS
    )
    ct = next(answer for answer in answers if answer["Modality"] == "CT")
    if pacs not in TELL_ALL:
        assert not ct.keys() & {
            "NumberOfSeriesRelatedInstances",
            "SeriesDescription",
            "ImageType",
            "BodyPartExamined",
        }
        return
    assert ct["ImageType"] == "ORIGINAL\\PRIMARY\\AXIAL"
    assert (ct["SliceThickness"], ct["ConvolutionKernel"], ct["NumberOfSeriesRelatedInstances"]) == (
        "1.0",
        "B30f",
        "3",
    )


def test_both_finders_give_the_same_of_what_was_asked_for(hospital: Hospital, pacs: str) -> None:
    for level, keys in (("STUDY", STUDY_KEYS), ("SERIES", SERIES_KEYS)):
        asked = [
            hospital.finders[finder].find(pacs, level, {"StudyInstanceUID": hospital.ct.uid}, keys)
            for finder in hospital.finders
        ]
        first, second = (
            [sorted((key, answer[key]) for key in keys if key in answer) for answer in answers]
            for answers in asked
        )
        assert sorted(first) == sorted(second)


def test_a_pacs_that_nobody_configured(hospital: Hospital, finder: str) -> None:
    with pytest.raises(PermanentError, match="nobody"):
        hospital.uids(finder, "nobody", {"StudyDate": DAY})


@pytest.mark.parametrize("pacs", ["refusing", "closed"])
def test_a_refused_association_or_connection_is_tried_again_later(
    hospital: Hospital, finder: str, pacs: str
) -> None:
    with pytest.raises(RetriableError):
        hospital.uids(finder, pacs, {"StudyDate": DAY})


def test_a_silent_pacs_costs_the_deadline(hospital: Hospital, finder: str) -> None:
    began = time.monotonic()
    with pytest.raises(RetriableError):
        hospital.impatient[finder].find("silent", "STUDY", {"StudyDate": DAY}, STUDY_KEYS)
    assert SHORT_DEADLINE_S <= time.monotonic() - began < 15, "Orthanc's own would be 20 s"


def test_a_list_that_the_pacs_cut_is_told_apart(hospital: Hospital, finder: str) -> None:
    with pytest.raises(TooManyAnswers) as raised:
        hospital.uids(finder, "capped", {"StudyDate": DAY})
    kept = 2 if finder == "pynetdicom" else 0  # Orthanc throws away what came before an error
    assert len(raised.value.partial) == kept


def test_a_query_that_the_pacs_cannot_answer_is_not_asked_for_ever(hospital: Hospital, finder: str) -> None:
    with pytest.raises(PermanentError, match="0xA900"):
        hospital.uids(finder, "picky", {"StudyDate": DAY})


def test_nothing_but_pipeline_errors_comes_out(hospital: Hospital, finder: str) -> None:
    for name in hospital.peers:
        try:
            hospital.impatient[finder].find(name, "STUDY", {"StudyDate": "nonsense"}, ("StudyInstanceUID",))
        except PipelineError:
            continue


def test_eight_threads_at_a_pacs_that_takes_one_association(hospital: Hospital) -> None:
    """Each waits for its turn within its own deadline, so that nobody is refused."""
    direct = finder_by_pacs(
        [settings_of(SIM, hospital.peers[SIM])], lambda _: hospital.finders["orthanc"], DEADLINE_S
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: len(direct.find(SIM, "STUDY", {"StudyDate": DAY}, STUDY_KEYS)), range(24))
        )
    assert answers == [2] * 24


def test_answers_that_are_none_cost_only_themselves(hospital: Hospital) -> None:
    """
    K2: no UID, 60 kB of it, a text of two megabytes. Without data set:
    tests/integration/find/test_k02_answers_that_lie.py.
    """
    uids = [b"1.2.3", b"*", b"1.2\\1.3", b"../..", b"1." * 30_000 + b"1", b"ABC", b"", b"1.2.4"]
    answers = [identifier({"StudyInstanceUID": uid, "StudyDescription": b"CHEST"}) for uid in uids]
    answers.insert(4, identifier({"StudyInstanceUID": b"1.2.5", "StudyDescription": b"x" * (1 << 21)}))
    with RawScp(Script(answers)) as scp:
        peer = Peer(LOOPBACK, scp.port, "ODD", "AIPULL")
        finder = MatchedFinder(
            finder_by_pacs([settings_of("odd", peer)], lambda _: hospital.finders["orthanc"], 30.0), FakeLog()
        )
        found = finder.find("odd", "STUDY", {"StudyDate": ""}, ("StudyInstanceUID", "StudyDescription"))
    assert [answer["StudyInstanceUID"] for answer in found] == ["1.2.3", "", "1.2.4"]
    assert finder.learned("odd").refused == {"StudyInstanceUID is no UID": 5, "it tells nothing": 1}


def test_a_list_without_an_end_is_cut_by_us(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pynetdicom_finder, "MAX_ANSWERS", 50)
    with RawScp(Script([ANSWER] * 200)) as scp:
        peer = Peer(LOOPBACK, scp.port, "ENDLESS", "AIPULL")
        finder = finder_by_pacs([settings_of("endless", peer)], lambda _: hospital.finders["orthanc"], 30.0)
        with pytest.raises(TooManyAnswers) as caught:
            finder.find("endless", "STUDY", {"StudyDate": ""}, ())
    assert caught.value.number == 50


def test_k02_answers_of_many_bytes_are_cut_by_us(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows that a PACS fills with text need as much memory as many rows."""
    monkeypatch.setattr(pynetdicom_finder, "MAX_ANSWERS_BYTES", 10 * len(ANSWER))
    with RawScp(Script([ANSWER] * 200)) as scp:
        peer = Peer(LOOPBACK, scp.port, "WORDY", "AIPULL")
        finder = finder_by_pacs([settings_of("wordy", peer)], lambda _: hospital.finders["orthanc"], 30.0)
        with pytest.raises(TooManyAnswers) as caught:
            finder.find("wordy", "STUDY", {"StudyDate": ""}, ())
    assert caught.value.number == 11


def test_orthanc_knows_where_a_pacs_is(hospital: Hospital) -> None:
    orthanc = hospital.finders["orthanc"]
    assert isinstance(orthanc, OrthancFinder)
    assert orthanc.peer_of(SIM) == hospital.peers[SIM]
