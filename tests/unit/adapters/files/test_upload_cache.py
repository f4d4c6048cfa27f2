"""The offline cache on disk: whole or not at all, found again, and emptied of what nobody needs."""

from pathlib import Path

import pytest

from pacs_module.adapters.files.upload_cache import DiskCache
from pacs_module.domain.errors import FilesGone, MessageError, RetriableError

ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    (folder / "series").mkdir(parents=True)
    (folder / "a.dcm").write_bytes(b"abc")
    (folder / "series" / "b.dcm").write_bytes(b"defgh")
    (folder / "link.dcm").symlink_to("/etc/passwd")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    (tmp_path / "cache").mkdir()
    return DiskCache(tmp_path / "cache")


def test_a_copy_is_whole_and_found_again_by_the_next_process(
    cache: DiskCache, store: Path, tmp_path: Path
) -> None:
    kept = cache.keep(ONE, "1.2.3", str(store), 7)
    assert (kept.files, kept.size, kept.at) == (2, 8, 7)
    again = DiskCache(tmp_path / "cache")
    assert again.all() == [kept]
    copies = {str(one.relative_to(again.folder(ONE))) for one in Path(again.folder(ONE)).rglob("*.dcm")}
    assert copies == {"a.dcm", "series/b.dcm"}
    assert again.keep(ONE, "1.2.3", "/gone", 9) == kept


def test_what_is_gone_is_said_and_leaves_nothing(cache: DiskCache, tmp_path: Path) -> None:
    with pytest.raises(FilesGone):
        cache.keep(ONE, "1.2.3", str(tmp_path / "none"), 7)
    with pytest.raises(FilesGone):
        cache.size_of(str(tmp_path / "none"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_half_copies_and_those_of_nobody_are_swept(cache: DiskCache, store: Path, tmp_path: Path) -> None:
    for handover in (ONE, TWO):
        cache.keep(handover, "1.2.3", str(store), 7)
    (tmp_path / "cache" / f".tmp-{'3' * 32}").mkdir()
    assert cache.sweep([TWO]) == [ONE]
    assert sorted(one.name for one in (tmp_path / "cache").iterdir()) == [TWO, f"{TWO}.cached.json"]


def test_removing_twice_is_no_error(cache: DiskCache, store: Path, tmp_path: Path) -> None:
    cache.keep(ONE, "1.2.3", str(store), 7)
    cache.remove(ONE)
    cache.remove(ONE)
    assert cache.all() == []
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_note_without_its_copy_counts_for_nothing(cache: DiskCache, store: Path, tmp_path: Path) -> None:
    cache.keep(ONE, "1.2.3", str(store), 7)
    (tmp_path / "cache" / f"{TWO}.cached.json").write_text("{")
    assert [one.handover_id for one in DiskCache(tmp_path / "cache").all()] == [ONE]


def test_only_ids_of_handovers_are_names(cache: DiskCache, store: Path) -> None:
    with pytest.raises(MessageError):
        cache.keep("../x", "1.2.3", str(store), 7)


def test_a_cache_that_is_not_there_is_retriable(tmp_path: Path, store: Path) -> None:
    with pytest.raises((RetriableError, FilesGone)):
        DiskCache(tmp_path / "none" / "x").all()
