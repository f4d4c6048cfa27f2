"""What is refused, and which archives are old."""

from dataclasses import replace

from pacs_module.domain.json_messages.documents import from_document, to_document
from pacs_module.domain.recover.backup import FORMAT, Manifest, file_name, refusals, superseded

OURS = Manifest(FORMAT, "0.1.0", "2026-11-30T02:30:00Z", "abc", {"store": 2, "journal": 1}, ())
KNOWN = {"store": 2, "journal": 1}


def test_what_this_version_or_an_older_one_wrote_is_restored() -> None:
    assert refusals(OURS, KNOWN) == []
    assert refusals(replace(OURS, schemas={"store": 1}), KNOWN) == []


def test_what_a_newer_version_wrote_is_refused_by_name() -> None:
    assert refusals(replace(OURS, version="9.0", format=FORMAT + 1), KNOWN) == [
        f"a newer version (9.0) wrote it: format {FORMAT + 1}, known {FORMAT}"
    ]
    newer = replace(OURS, version="9.0", schemas={"store": 3, "journal": 2})
    assert refusals(newer, KNOWN) == [
        "a newer version (9.0) wrote its journal: schema 2, known 1",
        "a newer version (9.0) wrote its store: schema 3, known 2",
    ]
    assert refusals(replace(OURS, schemas={"audit trail": 1}), KNOWN) != []


def test_a_manifest_survives_being_written() -> None:
    assert from_document(Manifest, to_document(OURS)) == OURS


def test_only_archives_of_ours_are_superseded() -> None:
    names = [file_name(f"2026-11-{day:02}T02:30:00Z") for day in range(1, 6)]
    assert names[0] == "aipull-backup-20261101T023000Z.tar.gz"
    others = [
        "aipull-backup-20261101T023000Z.tar.gz.gpg",
        "notes.txt",
        ".aipull-backup-20261101T023000Z.tar.gz.new",
    ]
    assert superseded([*reversed(names), *others], 2) == names[:3]
    assert superseded(names, 9) == []
