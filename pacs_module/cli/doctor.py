"""``pacs-module doctor``: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import typer
from rich.table import Table
from rich.text import Text

from .. import __version__
from ..domain.errors import PipelineError
from ..domain.explain.checkup import (
    Finding,
    Health,
    broken,
    fine,
    judge_clock,
    judge_destination,
    judge_disk,
    judge_health,
    judge_rules,
    judge_study_times,
    judge_versions,
    worst,
)
from ..domain.wire.documents import to_document
from ..service.finders import opened_finder
from ..settings import Settings, load_settings
from ..shared.http import HttpLink
from ..shared.switches_file import load_switches
from .common import AsJson, SettingsFile, WarningsOnly, call, for_tables, print_json, puller_of

WIDE = 160
_STATUS = {Health.FINE: 0, Health.LOOK: 1, Health.BROKEN: 2}
_COLOURS = {Health.FINE: "green", Health.LOOK: "yellow", Health.BROKEN: "bold red"}


def doctor(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Look at configuration, service, plugins, Orthanc, every PACS, backend, clocks, disks and versions.

    Nothing is changed; each PACS gets one C-FIND for today. Exit status: 0 all is well, 1 somebody should
    look, 2 something does not work.

    Example: [bold]pacs-module doctor[/bold]
    """
    loaded = load_settings(settings)
    findings = list(_looked_at(loaded))
    if as_json:
        print_json(to_document(findings))
    else:
        _print(findings)
    raise typer.Exit(_STATUS[worst(findings)])


def _looked_at(loaded: Settings) -> Iterator[Finding]:
    rules = load_switches(loaded.config, loaded.site_config).version
    yield fine("configuration", f"settings and switches can be read; {len(loaded.pacs)} PACS")
    health = _health(loaded)
    if health:
        yield from judge_health(health)
    else:
        yield broken("service", "does not answer", "start it: pacs-module run (docker-compose up -d pacs)")
    yield from _orthanc(loaded, str(health.get("version", "")), rules)
    for pacs in loaded.pacs:
        yield _asked(f"finds at {pacs.name}", partial(_find, loaded, pacs.name))
    yield from _disks(loaded)
    yield _backend(loaded)


def _health(loaded: Settings) -> dict[str, Any]:
    try:
        return call(loaded, "GET", "/health")
    except typer.Exit:
        return {}


def _orthanc(loaded: Settings, service: str, rules: str) -> Iterator[Finding]:
    orthanc, puller = loaded.orthanc, puller_of(loaded.orthanc)
    try:
        system, plugins = puller.system(), puller.status()
    except PipelineError as error:
        yield broken("Orthanc", str(error), "start it; look at [orthanc] url, username and password")
        return
    yield fine("Orthanc", f"{system.get('Version')} at {orthanc.url}")
    port = orthanc.dicom_port or system.get("DicomPort")
    yield judge_destination(str(system.get("DicomAet")), port, orthanc.dicom_host)
    yield judge_versions(__version__, service, str(plugins.get("version") or ""))
    yield judge_rules(rules, str(plugins.get("rules") or ""))
    yield _asked("clock of Orthanc", partial(_clock, loaded))


def _clock(loaded: Settings) -> Finding:
    return judge_clock("clock of Orthanc", _orthanc_now(loaded), datetime.now(UTC))


def _orthanc_now(loaded: Settings) -> datetime:
    orthanc = loaded.orthanc
    link = HttpLink("orthanc", auth=(orthanc.username, orthanc.password.get_secret_value()))
    text = link.call("GET", f"{orthanc.url.rstrip('/')}/tools/now", timeout=orthanc.timeout_s).body.decode(
        "ascii", "replace"
    )
    return datetime.strptime(text.strip(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _find(loaded: Settings, pacs: str) -> Finding:
    now = datetime.now(loaded.zone)
    keys = ("StudyInstanceUID", "StudyDate", "StudyTime")
    with opened_finder(loaded, WarningsOnly()) as finder:
        answers = finder.find(pacs, "STUDY", {"StudyDate": f"{now:%Y%m%d}"}, keys)
    return judge_study_times(pacs, [answer.get("StudyTime", "") for answer in answers], now)


def _asked(about: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except (PipelineError, ValueError, OSError) as error:
        return broken(about, str(error), "look at address, port and AE titles on both sides")


def _disks(loaded: Settings) -> Iterator[Finding]:
    store = loaded.store.url
    yield _disk("disk of the logs", loaded.log_folder)
    if store.startswith("sqlite:///"):
        yield _disk("disk of the store", Path(unquote(store.removeprefix("sqlite:///"))).parent)


def _disk(about: str, folder: Path) -> Finding:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        todo = "make the folder, and let pacs_module write there"
        return broken(about, f"{folder}: {error.strerror}", todo)
    return judge_disk(about, usage.free, usage.total)


def _backend(loaded: Settings) -> Finding:
    url = loaded.backend.url
    host = urlsplit(url).hostname
    try:
        answer = HttpLink("backend").call("HEAD", url, timeout=5.0)
    except PipelineError as error:
        return broken("backend", str(error), f"is {host} up, and the port right?")
    return fine("backend", f"answers at {url} (HTTP {answer.status})")


def _print(findings: list[Finding]) -> None:
    table = Table("", "what", "found", "what to do")
    table.columns[2].overflow = table.columns[3].overflow = "fold"
    for one in findings:
        table.add_row(
            Text(one.health.value, _COLOURS[one.health]), Text(one.about), Text(one.found), Text(one.todo)
        )
    for_tables(WIDE).print(table)
