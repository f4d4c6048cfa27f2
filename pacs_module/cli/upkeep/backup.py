"""``pacs-module backup`` and ``restore``: store, plugins' journal, settings and keys in one archive."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer

from ... import __version__
from ...adapters.backup.archive import (
    Draft,
    draft_of,
    extract,
    gathering_folder,
    put_in_place,
    read_manifest,
    remove_superseded,
    write_archive,
)
from ...adapters.backup.snapshot import copy_collection, copy_sqlite, let_go_of, put_collection
from ...adapters.stores.by_url import open_store
from ...adapters.stores.mongo import SCHEMA as MONGO_SCHEMA
from ...adapters.stores.mongo import MongoStore
from ...adapters.stores.sqlite_schema import SCHEMA_VERSION
from ...domain.errors import ConfigurationError, PermanentError, PipelineError
from ...domain.recover.backup import FORMAT, JOURNAL, JOURNAL_SCHEMA, STORE, Kind, Manifest, refusals
from ...settings import SETTINGS_FILE, Settings, load_settings
from ...settings.profiles import PROFILES

_SQLITE = "sqlite:///"
SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", "-s", envvar=SETTINGS_FILE, help="TOML file; PACS_MODULE_... variables override it."
    ),
]
_NOT_FILES = (".before-restore-", ".restoring", ".new", "-wal", "-shm")
"""What a restore or a write in progress leaves beside the files."""


def backup(
    settings: SettingsFile = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the archive; else [backup] folder.")] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="So many archives stay; else [backup] keep.")
    ] = None,
    without_journal: Annotated[
        bool, typer.Option("--without-journal", help="The plugins' journal is on another machine.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """
    Write store, plugins' journal, settings and keys into one archive, while everything runs.

    The archive holds data of patients and secrets; it is readable for its owner only. Exit status 0: it is on
    disk.

    Example: [bold]pacs-module backup --to /var/backups/aipull[/bold]
    """
    loaded = load_settings(settings)
    _check_store(loaded)
    folder = to or loaded.backup.folder
    if folder is None:
        raise ConfigurationError("backup.folder", None, "a folder, here or with --to")
    if loaded.backup.journal is None and not without_journal:
        raise ConfigurationError("backup.journal", None, "the file AIPULL_JOURNAL, or --without-journal")
    try:
        with gathering_folder(folder) as gathered:
            manifest, drafts = _gathered(loaded, gathered, without_journal)
            archive = write_archive(folder, manifest, drafts)
        old = remove_superseded(folder, keep or loaded.backup.keep)
    except OSError as error:
        raise PermanentError(f"the backup cannot be written: {error}") from error
    size = archive.stat().st_size
    if as_json:
        removed = [str(one) for one in old]
        told = {"archive": str(archive), "parts": len(drafts), "bytes": size, "removed": removed}
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    typer.echo(f"{archive}: {len(drafts)} parts, {size / 2**20:.1f} MiB; {len(old)} older removed")


def _gathered(loaded: Settings, folder: Path, without_journal: bool) -> tuple[Manifest, list[Draft]]:
    made_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    drafts: list[Draft] = []
    schemas: dict[str, int] = {}
    with closing(open_store(loaded.store.url)) as store:
        installation = store.identity().installation
        # The store first: what the journal knows beyond it is adopted after a restore, not the other way
        # round.
        if isinstance(store, MongoStore):
            schemas[STORE] = MONGO_SCHEMA
            drafts += _collections(store, folder)
        else:
            path = _sqlite_file(loaded)
            schemas[STORE] = copy_sqlite(path, folder / "store.db")
            drafts.append(draft_of(folder / "store.db", "store.db", Kind.STORE, str(path), path))
    if loaded.backup.journal is not None and not without_journal:
        path = loaded.backup.journal.absolute()
        schemas[JOURNAL] = copy_sqlite(path, folder / "journal.db")
        drafts.append(draft_of(folder / "journal.db", "journal.db", Kind.JOURNAL, str(path), path))
    drafts += _files(loaded, folder)
    parts = tuple(draft.part for draft in drafts)
    return Manifest(FORMAT, __version__, made_at, installation, schemas, parts), drafts


def _collections(store: MongoStore, folder: Path) -> Iterator[Draft]:
    for number, name in enumerate(store.collections()):
        file = folder / f"collection-{number}.bson"
        copy_collection(store, name, file)
        yield draft_of(file, f"collections/{number}.bson", Kind.COLLECTION, name)


def _files(loaded: Settings, folder: Path) -> Iterator[Draft]:
    for number, path in enumerate(sorted(set(_named_files(loaded)))):
        copy = folder / f"file-{number}"
        copy.write_bytes(path.read_bytes())
        yield draft_of(copy, f"files/{number}-{path.name}", Kind.FILE, str(path), path)


def _named_files(loaded: Settings) -> Iterator[Path]:
    """Every file that the settings name, absolute."""
    beside = [loaded.file.parent / PROFILES] if loaded.file else []
    own = (loaded.file, loaded.config, loaded.site_config, loaded.rules_history)
    for path in (*own, *beside, *loaded.backup.files):
        if path is not None and path.exists():
            yield from _files_of(path)


def _files_of(path: Path) -> Iterator[Path]:
    """The file itself, or all below a folder that are not left over of others."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    yield from (one.absolute() for one in found if one.is_file() and not _left_over(one.name))


def _left_over(name: str) -> bool:
    return any(mark in name for mark in _NOT_FILES)


def _check_store(loaded: Settings) -> None:
    """A new and empty store would make a backup of nothing."""
    url = loaded.store.url
    if url.startswith("memory:") or (url.startswith(_SQLITE) and not _sqlite_file(loaded).exists()):
        raise ConfigurationError("store.url", url, "the store of the running service")


def _sqlite_file(loaded: Settings) -> Path:
    return Path(unquote(loaded.store.url.removeprefix(_SQLITE))).absolute()


def restore(
    archive: Annotated[Path, typer.Argument(help="What `pacs-module backup` wrote.")],
    settings: SettingsFile = None,
    into: Annotated[
        Path | None, typer.Option(help="Below this folder instead of the paths of the backup, to look at it.")
    ] = None,
    look: Annotated[
        bool, typer.Option("--look", help="Verify the archive and list it; nothing is changed.")
    ] = False,
) -> None:
    """
    Put a backup back, on this machine or a new one; pacs_module and Orthanc must be stopped.

    Everything is verified before anything is written. A file that is there and differs is kept beside the
    restored one as NAME.before-restore-TIME. What happened after the backup is found again at the next start:
    store, journal, queue and the PACS are compared.

    Example: [bold]pacs-module restore /var/backups/aipull/aipull-backup-20261130T023000Z.tar.gz[/bold]
    """
    manifest = read_manifest(archive)
    _check_readable(archive, manifest)
    at_hand = archive.parent if os.access(archive.parent, os.W_OK) else Path(tempfile.gettempdir())
    beside = at_hand if look or into is None else into
    try:
        with gathering_folder(beside) as folder:
            drafts = extract(archive, manifest, folder)
            if look:
                _list(manifest)
            else:
                _put_back(drafts, manifest, settings, into)
    except OSError as error:
        raise PermanentError(f"the backup cannot be restored: {error}") from error


def _check_readable(archive: Path, manifest: Manifest) -> None:
    refused = refusals(manifest, _known(manifest))
    if refused:
        raise PermanentError(f"{archive} is not restored: {'; '.join(refused)}")


def _known(manifest: Manifest) -> dict[str, int]:
    """The newest schemas that this version works with, of the kind of store that the backup is of."""
    of_mongo = any(part.kind is Kind.COLLECTION for part in manifest.parts)
    return {STORE: MONGO_SCHEMA if of_mongo else SCHEMA_VERSION, JOURNAL: JOURNAL_SCHEMA}


def _list(manifest: Manifest) -> None:
    made = f"made {manifest.made_at} by version {manifest.version}"
    typer.echo(f"{made}, installation {manifest.installation}")
    for part in manifest.parts:
        typer.echo(f"{part.kind:<10}  {part.size:>12}  {part.path}")
    typer.echo("every checksum is right")


def _put_back(drafts: list[Draft], manifest: Manifest, settings: Path | None, into: Path | None) -> None:
    targets = {draft: _target(draft, into) for draft in drafts if draft.part.kind is not Kind.COLLECTION}
    collections = [draft for draft in drafts if draft.part.kind is Kind.COLLECTION]
    if into is None:
        _check_stopped(settings)
    for draft, target in targets.items():
        if draft.part.kind in (Kind.STORE, Kind.JOURNAL):
            let_go_of(target)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for draft, target in targets.items():
        aside = put_in_place(draft, target, stamp)
        typer.echo(f"{target}" + (f"; what was there is {aside.name}" if aside else ""))
    if collections and into is None:
        _put_collections(collections, settings)
    elif collections:
        typer.echo("the collections of a MongoDB store go into a database only, not into a folder", err=True)
    typer.echo(f"restored: installation {manifest.installation} as it was at {manifest.made_at}")


def _target(draft: Draft, into: Path | None) -> Path:
    path = Path(draft.part.path)
    return path if into is None else into / path.relative_to("/")


def _check_stopped(settings: Path | None) -> None:
    """Where there are settings already: nobody may answer at the port of pacs_module."""
    try:
        web = load_settings(settings).web
    except PipelineError:
        return  # a new machine: there is nothing that could run
    host = "127.0.0.1" if web.host in ("0.0.0.0", "::") else web.host  # noqa: S104 - compared, not bound
    try:
        socket.create_connection((host, web.port), timeout=2.0).close()
    except OSError:
        return
    raise PermanentError(f"somebody listens at {host}:{web.port}: stop pacs_module first")


def _put_collections(drafts: list[Draft], settings: Path | None) -> None:
    """The settings, restored by now if they were in the backup, say where the database is."""
    with closing(open_store(load_settings(settings).store.url)) as store:
        if not isinstance(store, MongoStore):
            raise ConfigurationError("store.url", "(another store)", "the backup is of a store in MongoDB")
        for draft in drafts:
            number = put_collection(store, draft.part.path, draft.file)
            typer.echo(f"collection {draft.part.path}: {number} documents")
