"""``pacs-module doctor``: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from .. import __version__
from ..domain.errors import PipelineError
from ..domain.explain.checkup import (
    CheckResult,
    Health,
    broken,
    fine,
    judge_clock,
    judge_destination,
    judge_disk,
    judge_health,
    judge_result_timeout,
    judge_retention,
    judge_rules,
    judge_study_times,
    judge_versions,
    worst,
)
from ..domain.json_messages.documents import to_document
from ..service.finders import opened_finder
from ..settings import Settings, load_settings
from ..settings.servers import OrthancSettings
from ..shared.http import HttpLink
from ..shared.switches_file import load_switches
from .common import AsJson, SettingsFile, WarningsOnly, call, for_tables, local_times, print_json, puller_of

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
    results = list(_looked_at(loaded))
    if as_json:
        print_json(to_document(results))
    else:
        _print(results, loaded.zone)
    raise typer.Exit(_STATUS[worst(results)])


def _looked_at(loaded: Settings) -> Iterator[CheckResult]:
    rules = load_switches(loaded.config, loaded.site_config).version
    yield fine("configuration", f"settings and switches can be read; {len(loaded.pacs)} PACS")
    health = _health(loaded)
    yield from judge_health(health) if health else [_service_is_away()]
    yield from _orthanc(loaded, str(health.get("version", "")), rules)
    for pacs in loaded.pacs:
        yield _asked(f"finds at {pacs.name}", partial(_find, loaded, pacs.name))
    yield from _disks(loaded)
    yield _backend(loaded)
    yield judge_result_timeout(timedelta(seconds=loaded.backend.result_timeout_s))
    yield judge_retention(loaded.ages.studies, health.get("retention") or {})


def _service_is_away() -> CheckResult:
    return broken("service", "does not answer", "start it: pacs-module run (docker-compose up -d pacs)")


def _health(loaded: Settings) -> dict[str, Any]:
    try:
        return call(loaded, "GET", "/health")
    except typer.Exit:
        return {}


def _orthanc(loaded: Settings, service: str, rules: str) -> Iterator[CheckResult]:
    for each in loaded.receivers:
        yield from _receiver(each, service, rules)
    yield _asked("clock of Orthanc", partial(_clock, loaded))


def _receiver(orthanc: OrthancSettings, service: str, rules: str) -> Iterator[CheckResult]:
    puller = puller_of(orthanc)
    try:
        system, plugins = puller.system(), puller.status()
    except PipelineError as error:
        yield broken("Orthanc", str(error), "start it; look at [orthanc] url, username and password")
        return
    yield fine("Orthanc", f"{system.get('Version')} at {orthanc.url}")
    port = orthanc.dicom_port or system.get("DicomPort")
    yield judge_destination(str(system.get("DicomAet")), port, orthanc.dicom_host)
    yield from _judge_plugins(orthanc, plugins, service, rules)


def _judge_plugins(
    orthanc: OrthancSettings, told: Mapping[str, Any], service: str, rules: str
) -> Iterator[CheckResult]:
    """The plugins' version, rules and name against the service's and the settings'."""
    yield judge_versions(__version__, service, str(told.get("version") or ""))
    yield judge_rules(rules, str(told.get("rules") or ""))
    named = str(told.get("receiver") or "")
    if named and named != orthanc.name:
        words = f"{orthanc.url} is called {named} by its plugins, {orthanc.name} in the settings"
        yield broken("Orthanc", words, "AIPULL_RECEIVER, or the name and url of the receiver")


def _clock(loaded: Settings) -> CheckResult:
    return judge_clock("clock of Orthanc", _orthanc_now(loaded), datetime.now(UTC))


def _orthanc_now(loaded: Settings) -> datetime:
    orthanc = loaded.orthanc
    link = HttpLink("orthanc", auth=(orthanc.username, orthanc.password.get_secret_value()))
    text = link.call("GET", f"{orthanc.url.rstrip('/')}/tools/now", timeout=orthanc.timeout_s).body.decode(
        "ascii", "replace"
    )
    return datetime.strptime(text.strip(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _find(loaded: Settings, pacs: str) -> CheckResult:
    now = datetime.now(loaded.zone)
    keys = ("StudyInstanceUID", "StudyDate", "StudyTime")
    with opened_finder(loaded, WarningsOnly()) as finder:
        answers = finder.find(pacs, "STUDY", {"StudyDate": f"{now:%Y%m%d}"}, keys)
    return judge_study_times(pacs, [answer.get("StudyTime", "") for answer in answers], now)


def _asked(about: str, look: Callable[[], CheckResult]) -> CheckResult:
    try:
        return look()
    except (PipelineError, ValueError, OSError) as error:
        return broken(about, str(error), "look at address, port and AE titles on both sides")


def _disks(loaded: Settings) -> Iterator[CheckResult]:
    store = loaded.store.url
    yield _disk("disk of the logs", loaded.log_folder)
    if store.startswith("sqlite:///"):
        yield _disk("disk of the store", Path(unquote(store.removeprefix("sqlite:///"))).parent)


def _disk(about: str, folder: Path) -> CheckResult:
    todo = "make the folder, and let pacs_module write there"
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return broken(about, f"{folder}: {error.strerror}", todo)
    if not folder.is_dir():
        return broken(about, f"{folder}: no folder", todo)
    if not os.access(folder, os.W_OK | os.X_OK):
        return broken(about, f"{folder}: cannot be written", todo)
    return judge_disk(about, usage.free, usage.total)


def _backend(loaded: Settings) -> CheckResult:
    url = loaded.backend.url
    host = urlsplit(url).hostname
    try:
        answer = HttpLink("backend").call("HEAD", url, timeout=5.0)
    except PipelineError as error:
        return broken("backend", str(error), f"is {host} up, and the port right?")
    return fine("backend", f"answers at {url} (HTTP {answer.status})")


def _print(results: list[CheckResult], zone: ZoneInfo) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    for one in results:
        found = Text.assemble((one.about, "bold"), ": ", local_times(one.found, zone))
        if one.todo:
            found.append(f"\n→ {one.todo}", _COLOURS[one.health])
        table.add_row(Text(one.health.value, _COLOURS[one.health]), found)
    for_tables().print(table)
