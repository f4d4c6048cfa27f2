"""
K8 at the files of hand-overs: what kills, stops or confuses who reads them costs only itself. Real files and
deaths.

Does not prove that every such file is found; what is read here is what pydicom and the codecs of this machine
read.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from pacs_module.adapters.files import reader_process
from pacs_module.adapters.files.archive import CompressedArchive
from pacs_module.adapters.files.copies import AnonymousCopies
from pacs_module.adapters.files.deidentify import Deidentifier
from pacs_module.adapters.files.reader_process import ReaderProcess
from pacs_module.domain.errors import MessageError, PermanentError
from pacs_module.domain.json_messages.messages import SeriesFolder
from tests.fakes.pipeline import H1
from tests.support.images.ct_files import ct_file
from tests.support.images.poison import as_file, dataset, nested

KEY = b"a secret of the site"
TODAY = date(2026, 11, 30)
DEADLY = """
import os, sys, time
from pacs_module.adapters.files import reader_process
from pathlib import Path
answer = reader_process.answer
def acts(deeds, request):
    if Path(request["source"]).name == "00002.dcm":
        {action}
    return answer(deeds, request)
reader_process.answer = acts
reader_process.serve(lambda config: reader_process.Serving(config).deeds())
"""
ACTIONS = {
    "is killed": "os.kill(os.getpid(), 9)",
    "aborts": "os.abort()",
    "segfaults": "import ctypes; ctypes.string_at(0)",
    "exits": "os._exit(3)",
    "hangs": "time.sleep(1000)",
    "closes its end": "os.close(1); os.closerange(3, 100); time.sleep(1000)",
    "fills the memory": "hoard = bytearray(8 << 30)",
    "recurses": "(lambda f: f(f))(lambda f: f(f))",
    "raises": "raise RuntimeError('unforeseen')",
}


@pytest.fixture
def series(tmp_path: Path) -> SeriesFolder:
    folder = tmp_path / "store_image" / "4c18cd69"
    folder.mkdir(parents=True)
    (tmp_path / "copies").mkdir()
    (tmp_path / "archive").mkdir()
    for number in (1, 2, 3):
        ct_file(folder / f"{number:05d}.dcm", "1.2.3.4", "1.2.3.4.1", number)
    return SeriesFolder("1.2.3.4.1", str(folder), 3)


def deadly(action: str) -> ReaderProcess:
    """A reader whose child does this at the second file of the series."""
    program = (sys.executable, "-c", DEADLY.format(action=action))
    return ReaderProcess({"key": KEY.decode()}, seconds=5.0, program=program)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_file_that_kills_who_reads_it_costs_only_itself(
    series: SeriesFolder, tmp_path: Path, action: str
) -> None:
    copied = AnonymousCopies(tmp_path / "copies", KEY, deadly(ACTIONS[action])).make(H1, "1.2.3.4", [series])
    assert copied.number == 2
    (failed,) = copied.failed
    assert failed.startswith("00002.dcm: ")
    assert [path.name for path in sorted((tmp_path / "copies" / H1).iterdir())] == ["00001.dcm", "00003.dcm"]


@pytest.mark.parametrize("said", ["'no JSON'", "'{}'", "'x' * 100_000"])
def test_a_codec_that_prints_confuses_nobody(series: SeriesFolder, tmp_path: Path, said: str) -> None:
    reader = deadly(f"print({said}, flush=True); os.write(1, ({said}).encode())")
    assert AnonymousCopies(tmp_path / "copies", KEY, reader).make(H1, "1.2.3.4", [series]).number == 3


@pytest.mark.parametrize("said", ["'no JSON'", "'[]'", "'[' * 1000", "'x' * (2 << 20)", "'\\xff'"])
def test_an_answer_that_is_none_is_a_death(series: SeriesFolder, tmp_path: Path, said: str) -> None:
    program = (sys.executable, "-c", f"import sys; sys.stdin.readline(); sys.stdin.readline(); print({said})")
    with pytest.raises(PermanentError, match="2 times"):
        ReaderProcess(program=program).ask("clean", Path(series.filepath), tmp_path / "x")


@pytest.mark.parametrize("action", ["segfaults", "hangs", "fills the memory"])
def test_a_file_that_kills_the_codec_is_archived_as_it_is(
    series: SeriesFolder, tmp_path: Path, action: str
) -> None:
    kept = CompressedArchive(tmp_path / "archive", 30, deadly(ACTIONS[action])).store(
        H1, Path(series.filepath), TODAY
    )
    assert kept.files == 3
    original, archived = Path(series.filepath) / "00002.dcm", Path(kept.folder) / "00002.dcm"
    assert archived.read_bytes() == original.read_bytes()


def test_it_is_tried_twice_and_no_more(series: SeriesFolder, tmp_path: Path) -> None:
    program = (
        sys.executable,
        "-c",
        f"open({str(tmp_path / 'lives')!r}, 'a').write('x'); import os; os._exit(1)",
    )
    with pytest.raises(PermanentError, match="2 times"):
        ReaderProcess(program=program).ask("clean", Path(series.filepath), tmp_path / "x")
    assert (tmp_path / "lives").read_text() == "xx"


def private(image: Dataset) -> None:
    image.add(RawDataElement(Tag(0x0009, 0x1001), "DS", 4, b"\xff\xfe\xfd\xfc", 0, False, True))  # type: ignore[arg-type]


def nested_private(image: Dataset) -> None:
    inner = Dataset()
    private(inner)
    inner.CodeValue = "x"
    image.AnatomicRegionSequence = Sequence([inner])


def raw(tag: int, vr: str, value: bytes) -> Callable[[Dataset], None]:
    def add(image: Dataset) -> None:
        image.add(RawDataElement(Tag(tag), vr, len(value), value, 0, False, True))  # type: ignore[arg-type]

    return add


def nested_raw(image: Dataset) -> None:
    inner = Dataset()
    raw(0x00181400, "DS", b"1.2.3.4,5")(inner)
    raw(0x00189461, "FL", b"\x01\x02\x03")(inner)
    image.AnatomicRegionSequence = Sequence([inner])


UNREADABLE: dict[str, Callable[[Dataset], None]] = {
    "private DS": private,
    "private DS nested": nested_private,
    "DS that is no number": raw(0x00180050, "DS", b"abc "),
    "IS that is no number": raw(0x00200012, "IS", b"one "),
    "US of three bytes": raw(0x00280106, "US", b"\x01\x02\x03"),
    "FD of five bytes": raw(0x00189306, "FD", b"\x01\x02\x03\x04\x05"),
    "AT of three bytes": raw(0x00280009, "AT", b"\x01\x02\x03"),
    "SQ that is none": raw(0x00081140, "SQ", b"\xff\xff\xff\xff\x01\x02"),
    "SS of one byte": raw(0x00280120, "SS", b"\x01"),
    "FL of three bytes, nested": nested_raw,
    "an unknown VR": raw(0x00180022, "QQ", b"\x01\x02"),
}


@pytest.mark.parametrize("which", UNREADABLE)
def test_what_cannot_be_decoded_is_removed_and_the_image_goes_on(series: SeriesFolder, which: str) -> None:
    image = pydicom.dcmread(Path(series.filepath) / "00001.dcm")
    image.PatientName = "ZWORYKIN^VLADIMIR"
    UNREADABLE[which](image)
    removed = Deidentifier(KEY).clean(image)
    assert not any(tag.is_private for tag in image.keys())  # noqa: SIM118 - iterating decodes
    assert "ZWORYKIN" not in str(image)
    assert image.pixel_array.shape == (image.Rows, image.Columns)
    assert all(" " in what for what in removed)
    again = BytesIO()
    image.save_as(again, enforce_file_format=True)
    again.seek(0)
    assert all(element.value is not ... for element in pydicom.dcmread(again).iterall())


@pytest.mark.parametrize("keyword", ["Rows", "BitsAllocated"])
def test_an_image_without_what_shows_it_is_set_aside(series: SeriesFolder, keyword: str) -> None:
    image = pydicom.dcmread(Path(series.filepath) / "00001.dcm")
    raw(int(image[keyword].tag), "US", b"\x01\x02\x03")(image)
    with pytest.raises(ValueError, match=f"{keyword} cannot be decoded"):
        Deidentifier(KEY).clean(image)


def deeper(image: FileDataset, depth: int) -> None:
    inner = Dataset()
    inner.CodeValue = "x"
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedSeriesSequence = Sequence([inner])
        inner = outer
    image.ReferencedSeriesSequence = Sequence([inner])


def test_sequences_nested_without_end_are_set_aside(series: SeriesFolder) -> None:
    image = pydicom.dcmread(Path(series.filepath) / "00001.dcm")
    deeper(image, 200)
    with pytest.raises(ValueError, match="nested"):
        Deidentifier(KEY).clean(image)


BODIES = {
    "empty": b"",
    "text": b"no DICOM at all",
    "half a head": bytes(128) + b"DICM\x02\x00",
    "zeroes": bytes(100_000),
    "nested": None,
    "no meta": b"\x08\x00\x05\x00\xff\xff\xff\xff" * 1000,
    "endless sequence": bytes(128) + b"DICM" + b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff" * 5000,
}


@pytest.mark.parametrize("which", BODIES)
def test_any_file_among_the_images_costs_only_itself(
    series: SeriesFolder, tmp_path: Path, which: str
) -> None:
    body = BODIES[which]
    if body is None:
        body = as_file(dataset("1.2.3.4", "1.2.3.4.1.2", nested(5000)))
    (Path(series.filepath) / "00002.dcm").write_bytes(body)
    copied = AnonymousCopies(tmp_path / "copies", KEY).make(H1, "1.2.3.4", [series])
    assert (copied.number, len(copied.failed)) == (2, 1)
    kept = CompressedArchive(tmp_path / "archive", 30).store(H1, Path(series.filepath), TODAY)
    assert kept.files == 3


@pytest.mark.parametrize(
    "handover_id", ["x/../../../OUTSIDE", "..", "", "/tmp/x", H1 + "/..", H1.upper() + "G"]
)
def test_no_id_leads_out_of_the_folders(series: SeriesFolder, tmp_path: Path, handover_id: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MessageError):
        AnonymousCopies(tmp_path / "copies", KEY).make(handover_id, "1.2.3.4", [series])
    with pytest.raises(MessageError):
        CompressedArchive(tmp_path / "archive", 30).store(handover_id, Path(series.filepath), TODAY)
    assert sorted(tmp_path.rglob("*")) == before


def test_links_are_not_copied(series: SeriesFolder, tmp_path: Path) -> None:
    ct_file(tmp_path / "secret.dcm", "1.2.9", "1.2.9.1", 1)
    (Path(series.filepath) / "00004.dcm").symlink_to(tmp_path / "secret.dcm")
    copied = AnonymousCopies(tmp_path / "copies", KEY).make(H1, "1.2.3.4", [series])
    kept = CompressedArchive(tmp_path / "archive", 30).store(H1, Path(series.filepath), TODAY)
    assert (copied.number, kept.files) == (3, 3)


def test_more_than_a_thousand_open_files_cost_no_answer() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    high = 1500
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, high + 1), hard))
    reads, writes = os.pipe()
    try:
        os.dup2(reads, high)
        os.write(writes, b"{}")
        assert reader_process._piece(high, time.monotonic() + 5) == b"{}"
    finally:
        for one in (reads, writes, high):
            with contextlib.suppress(OSError):
                os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
