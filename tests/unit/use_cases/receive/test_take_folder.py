"""
Files that lie in a watched folder: which are taken, in which order, and what is never lost.

The real Orthanc behind it: ``tests/integration/receive/test_quarantine.py``.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path

import pytest

from hospital_sim.platform.http_base import Handler, Server
from pacs_module.adapters.watched_folder.folder import REFUSED, TAKEN, WatchedFolder
from pacs_module.adapters.watched_folder.orthanc import OrthancStore
from pacs_module.domain.errors import RetriableError
from pacs_module.shared.logs import ContractLog
from pacs_module.use_cases.receive.take_folder import TakeFolder


class Orthanc:
    """Takes what begins with DICM."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []
        self.status = HTTPStatus.OK
        orthanc = self

        class _Instances(Handler):
            def _post(self) -> None:
                content = b"".join(self.body())
                good = content.startswith(b"DICM")
                status = orthanc.status if good else HTTPStatus.BAD_REQUEST
                if status == HTTPStatus.OK:
                    orthanc.stored.append(content)
                self.answer(status, b"{}")

            do_POST = _post  # noqa: N815

        self.server = Server(_Instances)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "watched"
    (made / "deep" / "er").mkdir(parents=True)
    return made


def lay(folder: Path, name: str, content: bytes = b"", age_s: float = 100.0) -> Path:
    file = folder / name
    file.write_bytes(content or b"DICM" + name.encode())
    at = file.stat().st_mtime - age_s
    os.utime(file, (at, at))
    return file


def taker(
    folder: Path, url: str, tmp_path: Path, keep: bool = False, full: bool = False, most: int = 20
) -> TakeFolder:
    store = OrthancStore(url, "aipull", "word", 5.0)
    log = ContractLog(tmp_path / "logs", "dcm_end")
    return TakeFolder(WatchedFolder(folder, 10.0, keep), store.put, lambda: full, log, most)


def names(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_the_oldest_go_first_and_unfinished_hidden_and_linked_ones_stay(folder: Path, tmp_path: Path) -> None:
    orthanc = Orthanc()
    lay(folder, "b", age_s=50)
    lay(folder, "deep/er/a", age_s=90)
    for name in ("new.part", ".hidden", "x.tmp"):
        lay(folder, name)
    lay(folder, "fresh", age_s=0)
    (folder / "link").symlink_to(lay(tmp_path, "elsewhere"))
    with orthanc.server:
        take = taker(folder, orthanc.server.url, tmp_path)
        assert take() is False
    assert orthanc.stored == [b"DICMdeep/er/a", b"DICMb"]
    assert names(folder) == [".hidden", "fresh", "link", "new.part", "x.tmp"]


def test_what_is_no_dicom_is_refused_with_its_reason_and_costs_only_itself(
    folder: Path, tmp_path: Path
) -> None:
    orthanc = Orthanc()
    lay(folder, "deep/readme.txt", b"hello", age_s=90)
    lay(folder, "good")
    with orthanc.server:
        take = taker(folder, orthanc.server.url, tmp_path, keep=True)
        take()
        take()
    assert orthanc.stored == [b"DICMgood"]
    assert names(folder) == [
        f"{REFUSED}/deep/readme.txt", f"{REFUSED}/deep/readme.txt.why.txt", f"{TAKEN}/good",
    ]  # fmt: skip
    assert "no DICOM file" in (folder / REFUSED / "deep" / "readme.txt.why.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("status", [500, 503, 507, 401, 404, 302])
def test_while_orthanc_takes_nothing_every_file_stays(folder: Path, tmp_path: Path, status: int) -> None:
    orthanc = Orthanc()
    orthanc.status = HTTPStatus(status)
    lay(folder, "a")
    with orthanc.server:
        take = taker(folder, orthanc.server.url, tmp_path)
        with pytest.raises(RetriableError):
            take()
        assert names(folder) == ["a"]
        orthanc.status = HTTPStatus.OK
        take()
    assert orthanc.stored == [b"DICMa"]
    lay(folder, "b")
    away = taker(folder, orthanc.server.url, tmp_path)
    with pytest.raises(RetriableError):
        away()
    assert names(folder) == ["b"]


def test_a_backlog_does_not_flood_the_ram_disk(folder: Path, tmp_path: Path) -> None:
    orthanc = Orthanc()
    for number in range(10):
        lay(folder, f"{number}", age_s=100 - number)
    with orthanc.server:
        taker(folder, orthanc.server.url, tmp_path, full=True)()
        assert orthanc.stored == []
        taker(folder, orthanc.server.url, tmp_path, most=4)()
    assert orthanc.stored == [f"DICM{number}".encode() for number in range(4)]
