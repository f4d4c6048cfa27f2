"""
Whose fault a failed pull is: the words of Orthanc 1.10.1 for each kind of failure, each seen with a real PACS
that failed so.

Does not prove what is done about it: tests/unit/use_cases/pull/test_move_paths.py.
"""

from __future__ import annotations

import pytest

from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import PullReport, read_pull_report
from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure, kind_of_status
from pacs_module.domain.pull.failure_blame import Blames, Us, failure_of, judge_blame
from pacs_module.domain.pull.failure_words import read_failure

US = Us("AIPULL", "10.1.2.3", 4242)
STATUS = 'Error in the network protocol C-MOVE SCU to AET "SIM" has failed with DIMSE status 0x'
ASSOCIATION = "Error in the network protocol DicomAssociation - "

SAID = {
    f"{STATUS}A801": ("A801", Blames.PATH),
    f"{STATUS}A702": ("A702", Blames.EITHER),
    f"{STATUS}A701": ("A701", Blames.EITHER),
    f"{STATUS}A900": ("A900", Blames.EITHER),
    f"{STATUS}0122": ("0122", Blames.PATH),
    f"{STATUS}0124": ("0124", Blames.PATH),
    f"{STATUS}0211": ("0211", Blames.PATH),
    f"{STATUS}0110": ("0110", Blames.EITHER),
    f"{STATUS}C000 (unable to process - resource not found ?)": ("C000", Blames.EITHER),
    f"{STATUS}C512": ("C512", Blames.EITHER),
    f"{STATUS}FE00": ("FE00", Blames.EITHER),
    f"{STATUS}B000": ("B000", Blames.EITHER),
    f'{ASSOCIATION}C-MOVE to AET "SIM": Peer aborted Association (or never connected)': (
        "aborted",
        Blames.EITHER,
    ),
    f'{ASSOCIATION}C-MOVE to AET "SIM": DIMSE No data available (timeout in non-blocking mode)': (
        "timeout",
        Blames.EITHER,
    ),
    f'{ASSOCIATION}connecting to AET "SIM": DUL Association Rejected': ("refused", Blames.PATH),
    f'{ASSOCIATION}connecting to AET "SIM": TCP Initialization Error: Connection refused': (
        "unreachable",
        Blames.PATH,
    ),
    f'{ASSOCIATION}connecting to AET "SIM": TCP Initialization Error: No route to host': (
        "unreachable",
        Blames.PATH,
    ),
    "DicomUserConnection: The C-MOVE command is not supported by the remote SCP": (
        "not_supported",
        Blames.PATH,
    ),
    "HOSPITAL-PACS does not have study 1.2.3": ("not_there", Blames.STUDY),
    "HOSPITAL-PACS has none of the 3 series of study 1.2.3": ("not_there", Blames.STUDY),
    "no image came": ("nothing_came", Blames.EITHER),
    "Cannot write to the storage area": ("ourselves", Blames.PATH),
    "": ("other", Blames.UNTOLD),
    "something nobody has ever said": ("other", Blames.UNTOLD),
}


SAID |= {
    f"{STATUS}{status}": (status, Blames.EITHER)
    for status in (
        "0001",
        "0112",
        "0213",
        "A703",
        "A802",
        "A901",
        "B001",
        "D000",
        "E000",
        "FE01",
        "FF00",
        "FFFF",
        "1234",
    )
}
SAID |= {
    "Status: 0xA801 (Refused: Move Destination unknown)": ("A801", Blames.PATH),
    "C-MOVE ended with DIMSE status a801H": ("A801", Blames.PATH),
    "Result: Rejected Transient, Reason: Local Limit Exceeded": ("refused", Blames.PATH),
    "Reason: Called AE Title Not Recognized": ("refused", Blames.PATH),
    "Temporary failure in name resolution": ("unreachable", Blames.PATH),
    "TLS handshake failed: certificate verify failed": ("unreachable", Blames.PATH),
    "DUL Peer Requested Release": ("aborted", Blames.EITHER),
    "[Errno 32] Broken pipe": ("aborted", Blames.EITHER),
    "Refused: Out of resources": ("no_resources", Blames.EITHER),
    "DIMSE No valid Presentation Context ID": ("not_supported", Blames.PATH),
}


def test_an_unknown_destination_is_known_by_its_words() -> None:
    failure = read_failure("Refused: Move Destination unknown")
    assert failure.kind is FailureKind.NO_DESTINATION
    assert judge_blame(failure, "SIM", US).at_once


@pytest.mark.parametrize("status", range(1, 0x10000, 0x3D7))
def test_no_status_that_a_pacs_ends_a_move_with_is_the_studys_alone(status: int) -> None:
    """A status that nobody knows is the PACS's own failure: charged when another study has come."""
    failure = read_failure(f"{STATUS}{status:04X}")
    assert failure.kind is not FailureKind.OTHER
    assert judge_blame(failure, "SIM", US).blames in (Blames.PATH, Blames.EITHER)


@pytest.mark.parametrize("words", SAID)
def test_orthancs_words_are_read_for_what_they_say(words: str) -> None:
    cause, blames = SAID[words]
    blame = judge_blame(read_failure(words), "HOSPITAL-PACS", US)
    assert (blame.cause, blame.blames) == (cause, blames)


def test_an_unknown_destination_is_told_with_what_to_do() -> None:
    blame = judge_blame(read_failure(f"{STATUS}A801"), "HOSPITAL-PACS", US)
    assert blame.told == (
        "HOSPITAL-PACS does not know our AE title AIPULL at 10.1.2.3:4242: register it as a move destination"
    )
    assert blame.at_once


@pytest.mark.parametrize("us", [Us("BATCH1"), Us("BATCH1", "", 104)])
def test_what_is_not_known_of_us_is_not_made_up(us: Us) -> None:
    told = judge_blame(PullFailure(FailureKind.NO_DESTINATION, "A801"), "P", us).told
    assert told.startswith("P does not know our AE title BATCH1")
    assert "None" not in told
    assert ":0" not in told


PROOF = ("A801", "0122", "0124", "0211", "not_supported", "ourselves")


@pytest.mark.parametrize("words", [words for words, (cause, _) in SAID.items() if cause not in PROOF])
def test_where_images_came_the_path_works(words: str) -> None:
    assert judge_blame(read_failure(words), "P", US, new_images=3).blames is Blames.STUDY


@pytest.mark.parametrize("status", ["A702", "B000", "C001"])
def test_a_full_ram_disk_is_blamed_for_what_could_not_be_sent(status: str) -> None:
    blame = judge_blame(PullFailure(kind_of_status(int(status, 16)), status), "P", US, disk_full=True)
    assert blame.blames is Blames.PATH
    assert blame.told.startswith("the RAM disk is full")


def test_every_kind_is_judged_and_no_sentence_has_a_hole() -> None:
    for kind in FailureKind:
        blame = judge_blame(PullFailure(kind), "P", US)
        assert blame.words
        assert "{" not in blame.told


def test_the_failure_of_a_report_is_its_own_or_read_from_its_message() -> None:
    failure = PullFailure(FailureKind.NO_DESTINATION, "A801", "words", failed=3, completed=0)
    report = PullReport("R", "P", "1.2", "failed", message="no image came", failure=failure)
    assert failure_of(report) == failure
    assert read_pull_report(to_document(report)) == report
    old = PullReport("R", "P", "1.2", "failed", message=f"no image came {STATUS}A801")
    assert failure_of(old) == PullFailure(FailureKind.NO_DESTINATION, "A801", old.message)
    assert failure_of(PullReport("R", "P", "1.2", "short", "SHORT 3 of 4", message="SHORT 3 of 4")) is None
    assert failure_of(PullReport("R", "P", "1.2", "received", message=f"{STATUS}B000")) is None


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Reject permanent, calling AE title not recognized", FailureKind.REFUSED),
        ("Reject transient: local limit exceeded", FailureKind.REFUSED),
        ("Application Context Name Not Supported", FailureKind.REFUSED),
        ("Protocol Version Not Supported", FailureKind.REFUSED),
        ("0006:0319 A-ABORT received", FailureKind.ABORTED),
        (
            "DIMSE failure (aborting association) 0006:020e DIMSE Failed to receive message",
            FailureKind.ABORTED,
        ),
        ("0006:020d DIMSE Failed to send message", FailureKind.ABORTED),
        ("SSL handshake failed", FailureKind.UNREACHABLE),
        ("TLS error: wrong version number", FailureKind.UNREACHABLE),
        ("move destination AIPULL unknown to server", FailureKind.NO_DESTINATION),
        ("Refused: MoveDestinationUnknown", FailureKind.NO_DESTINATION),
        ("Refused: OutOfResourcesSubOperations", FailureKind.NO_SUB_OPERATIONS),
        ("Refused: OutOfResources", FailureKind.NO_RESOURCES),
        ("Failed: IdentifierDoesNotMatchSOPClass", FailureKind.BAD_IDENTIFIER),
        ("Failed: UnableToProcess", FailureKind.UNABLE_TO_PROCESS),
        ("Cancel: SubOperationsTerminatedDueToCancelIndication", FailureKind.CANCELLED),
        ("Warning: SubOperationsCompleteOneOrMoreFailures", FailureKind.SOME_FAILED),
        ("C-MOVE-RSP, status=0xA801", FailureKind.NO_DESTINATION),
        ("status code 0xC514", FailureKind.UNABLE_TO_PROCESS),
        ("disk full", FailureKind.OURSELVES),
        ("[Errno 111] ECONNREFUSED", FailureKind.UNREACHABLE),
        ("Host name could not be resolved", FailureKind.UNREACHABLE),
        ("Refused: Out of Resources - Unable to perform sub-operations", FailureKind.NO_SUB_OPERATIONS),
        ("Unable to perform sub-operations", FailureKind.NO_SUB_OPERATIONS),
        ("Unable to calculate number of matches", FailureKind.NO_RESOURCES),
        ("Refused: OutOfResourcesNumberOfMatches", FailureKind.NO_RESOURCES),
        ("Server busy", FailureKind.NO_RESOURCES),
        ("Failed: SOPClassNotSupported", FailureKind.NOT_SUPPORTED),
        ("SOP Class Not Supported", FailureKind.NOT_SUPPORTED),
        ("ARTIM timer expired", FailureKind.TIMEOUT),
        ("sslv3 alert handshake failure", FailureKind.UNREACHABLE),
        ("Association rejected: local-limit-exceeded", FailureKind.REFUSED),
        ("called AE title not recognised", FailureKind.REFUSED),
        ("user not authorized for retrieval", FailureKind.NOT_AUTHORISED),
        ("maximum number of associations reached", FailureKind.NO_RESOURCES),
        ("peer sent A-P-ABORT", FailureKind.ABORTED),
        ("the job was canceled", FailureKind.CANCELLED),
        ("Cannot write to file", FailureKind.OURSELVES),
        ("Too many open files", FailureKind.OURSELVES),
    ],
)
def test_k04_what_dcmtk_and_others_say_of_a_failure(words: str, kind: FailureKind) -> None:
    assert read_failure(f'C-MOVE to AET "PACS": {words}').kind is kind


@pytest.mark.parametrize(
    "name", ["TIMEOUT", "DATABASE", "ABORTED", "NO ROUTE TO HOST", "CERTIFICATE", "SQLITE", "status 0xA801"]
)
@pytest.mark.parametrize(
    ("words", "kind"),
    [("Failed: UnableToProcess", FailureKind.UNABLE_TO_PROCESS), ("nothing known", FailureKind.OTHER)],
)
def test_k04_the_name_of_a_pacs_is_no_word_of_its_failure(name: str, words: str, kind: FailureKind) -> None:
    for said in (
        f'C-MOVE to AET "{name}": {words}',
        f"AE title '{name}' says {words}",
        f"POST /modalities/{name.replace(' ', '-')}/move: 500 {words}",
    ):
        assert read_failure(said).kind is kind


@pytest.mark.parametrize(
    ("words", "kind", "status"),
    [
        ("DIMSE status 43009", FailureKind.NO_DESTINATION, "A801"),
        ("status: 42754", FailureKind.NO_SUB_OPERATIONS, "A702"),
        ("status code 49153", FailureKind.UNABLE_TO_PROCESS, "C001"),
        ("DIMSE status 43009 (0xA801)", FailureKind.NO_DESTINATION, "A801"),
        ("status = A801", FailureKind.NO_DESTINATION, "A801"),
        ("Statut DIMSE 0xA801", FailureKind.NO_DESTINATION, "A801"),
        ("\u72b6\u6001 0xa801h", FailureKind.NO_DESTINATION, "A801"),
        (
            "has failed with DIMSE status 0xC001 (timed out waiting for A801)",
            FailureKind.UNABLE_TO_PROCESS,
            "C001",
        ),
        ("timed out after status = A801", FailureKind.TIMEOUT, ""),
        ("Bad HTTP answer 500", FailureKind.OTHER, ""),
        ("status 12345", FailureKind.OTHER, ""),
        ("status: 99999", FailureKind.OTHER, ""),
        ("0x10124", FailureKind.OTHER, ""),
        ("status = failed", FailureKind.OTHER, ""),
    ],
)
def test_k04_a_status_that_stands_alone_or_in_decimal_digits(
    words: str, kind: FailureKind, status: str
) -> None:
    read = read_failure(words)
    assert (read.kind, read.status) == (kind, status)
