"""
What FTP, SFTP and C-STORE platforms refuse: to write, to rename, images for a reason that may pass, a commitment.
Nothing is shown half meanwhile, nothing is called there that is not, and once the platform behaves all of it is.

The refusals of OpenSSH and vsftpd are their own, by their settings. Other answers of a C-STORE are in
tests/long/test_results_to_pacs.py; a full disk at the platform is not proved.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_messages import N_ACTION_RSP
from pynetdicom.sop_class import CTImageStorage, StorageCommitmentPushModel  # type: ignore[attr-defined]

from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.adapters.upload.cstore import COMMITMENT, STATUS, CStorePlace, CStoreUploader
from pacs_module.domain.errors import Busy, PipelineError, RetriableError
from pacs_module.domain.upload.files import UploadFile
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from stack.ports import LOOPBACK
from tests.contract.upload import upload_cases
from tests.contract.upload.upload_cases import UploadCase, checksum
from tests.support.images.ct_files import ct_file

STUDY = "1.2.826.0.1.3680043.10.1234.56"
NUMBER = 3
SFTP, FTP = pytest.mark.server("sshd"), pytest.mark.server("vsftpd")


@pytest.fixture
def files(tmp_path: Path) -> list[UploadFile]:
    folder = tmp_path / "handover"
    folder.mkdir()
    for number in range(1, NUMBER + 1):
        ct_file(folder / f"{number:05d}.dcm", STUDY, f"{STUDY}.1", number)
    return FolderSource().images(str(folder), StoragePath(DEFAULT), "H1")


def set_up(case: UploadCase, file: Path, settings: str) -> None:
    """The server's settings, from its next start on."""
    assert case.program is not None
    case.program.stop()
    file.write_text(settings)
    case.program.start()


@pytest.mark.parametrize(
    ("way", "file", "before", "after"),
    [
        pytest.param("sftp", "sshd_config", "internal-sftp", "internal-sftp -R", id="sftp-write", marks=SFTP),
        pytest.param(
            "sftp", "sshd_config", "internal-sftp", "internal-sftp -P rename,posix-rename", id="sftp-rename",
            marks=SFTP,
        ),
        pytest.param("ftp", "vsftpd.conf", "write_enable=YES", "write_enable=NO", id="ftp-write", marks=FTP),
        pytest.param(
            "ftp", "vsftpd.conf", "write_enable=YES", "write_enable=YES\ncmds_denied=RNFR,RNTO", id="ftp-rename",
            marks=FTP,
        ),
    ],
)  # fmt: skip
def test_a_server_that_lets_nobody_write_or_rename(
    way: str, file: str, before: str, after: str, tmp_path: Path, files: list[UploadFile]
) -> None:
    for case in upload_cases.make(way, tmp_path / "platform"):
        settings_file = tmp_path / "platform" / file
        settings = settings_file.read_text()
        set_up(case, settings_file, settings.replace(before, after, 1))
        uploader = case.open()
        with pytest.raises(PipelineError):
            uploader.put(files)
        assert case.images() == {}
        assert [one.file for one in uploader.missing(files)] == files
        uploader.close()
        set_up(case, settings_file, settings)
        uploader = case.open()
        assert uploader.put(files) == uploader.missing(files) == []
        uploader.close()
        assert case.images() == {one.sop_uid: checksum(Path(one.path).read_bytes()) for one in files}


@contextmanager
def scp(answers: dict[str, int], commits: set[str] | None = None, at_once: int = 10) -> Iterator[int]:
    """
    The port of an SCP that answers a C-STORE by a status of its SOPInstanceUID (once, then by success), and a
    commitment, on the same association, for ``commits`` alone; None: never.
    """
    entity = AE("PLATFORM")
    entity.maximum_associations = at_once
    entity.add_supported_context(CTImageStorage, ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)

    def store(event: evt.Event) -> int:
        return answers.pop(str(event.file_meta.MediaStorageSOPInstanceUID), 0)

    requests: list[Dataset] = []

    def asked(event: evt.Event) -> tuple[int, None]:
        requests.append(event.action_information)
        return 0, None

    def sent(event: evt.Event) -> None:
        """The report follows the answer to the request, from a thread of its own."""
        if isinstance(event.message, N_ACTION_RSP) and commits is not None:
            threading.Thread(target=_send_report, args=(event.assoc, requests.pop(), commits)).start()

    handlers: list[Any] = [(evt.EVT_C_STORE, store), (evt.EVT_N_ACTION, asked), (evt.EVT_DIMSE_SENT, sent)]
    server = entity.start_server((LOOPBACK, 0), block=False, evt_handlers=handlers)
    assert server is not None
    assert server.socket is not None
    try:
        yield int(server.socket.getsockname()[1])
    finally:
        server.shutdown()


def _send_report(association: Association, request: Dataset, commits: set[str]) -> None:
    told = _report(request, commits)
    association.send_n_event_report(told, 2, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")


def _report(request: Dataset, commits: set[str]) -> Dataset:
    """PS3.4 J.3.3.1: what was committed, and what was not."""
    told = Dataset()
    told.TransactionUID = request.TransactionUID
    told.ReferencedSOPSequence, told.FailedSOPSequence = [], []
    for one in request.ReferencedSOPSequence:
        if one.ReferencedSOPInstanceUID in commits:
            told.ReferencedSOPSequence.append(one)
        else:
            one.FailureReason = 0x0110
            told.FailedSOPSequence.append(one)
    return told


def uploader_to(port: int, proof: str = STATUS) -> CStoreUploader:
    return CStoreUploader(CStorePlace(LOOPBACK, port, "PLATFORM", proof=proof, timeout=2.0))


@pytest.mark.parametrize("status", [0x0110, 0xC000])
def test_a_failure_of_one_image_that_may_pass_costs_only_it(status: int, files: list[UploadFile]) -> None:
    with scp({files[1].sop_uid: status}) as port:
        uploader = uploader_to(port)
        assert uploader.put(files) == []
        (lacking,) = uploader.missing(files)
        assert (lacking.file, lacking.why) == (files[1], f"status {status:04X}")
        assert uploader.put([files[1]]) == uploader.missing(files) == []


def test_a_platform_without_room_for_one_image_is_busy(files: list[UploadFile]) -> None:
    with scp({files[1].sop_uid: 0xA700}) as port:
        uploader = uploader_to(port)
        with pytest.raises(Busy, match="no room"):
            uploader.put(files)
        assert files[1] in [one.file for one in uploader.missing(files)]
        assert uploader.put(files) == uploader.missing(files) == []


def test_a_platform_with_as_many_associations_as_it_takes_is_busy(files: list[UploadFile]) -> None:
    with scp({}, at_once=1) as port:
        entity = AE("OTHER")
        entity.add_requested_context(CTImageStorage)
        other = entity.associate(LOOPBACK, port)
        assert other.is_established
        uploader = uploader_to(port)
        with pytest.raises(Busy, match="rejects the association"):
            uploader.put(files)
        other.release()
        assert uploader.put(files[:1]) == uploader.missing(files[:1]) == []


def test_a_commitment_that_fails_for_one_image(files: list[UploadFile]) -> None:
    commits = {one.sop_uid for one in files[1:]}
    with scp({}, commits) as port:
        (lacking,) = uploader_to(port, COMMITMENT).missing(files)
    assert (lacking.file, lacking.why) == (files[0], "not committed failure reason 0110")


def test_a_commitment_that_never_comes_is_asked_for_again(files: list[UploadFile]) -> None:
    with scp({}) as port, pytest.raises(RetriableError, match="storage commitment in time"):
        uploader_to(port, COMMITMENT).missing(files)
