"""
What happens when Orthanc loads the plugins: the configuration is checked, the parts are wired, and callbacks
are registered last, because an exception after a Register call crashes Orthanc.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pacs_module.domain.privacy.masking import Masking
from pacs_module.domain.privacy.pseudonym import Pseudonyms
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.pseudonym_key import key_of
from pacs_module.shared.rules_in_force import RulesInForce
from pacs_module.shared.switches_file import load_switches

from .plugin_api import Answer, Handler, answer_to, routes
from .quarantine_api import routes as quarantine_routes
from .runtime.environment import (
    CONFIG,
    OrthancFacts,
    check_access,
    check_ram_disk,
    check_senders,
    filesystem_of,
    read_environment,
    read_orthanc,
)
from .server.jobs_registry import drop_moves, mend_runtimes
from .server.orphan_files import remove_orphans
from .wiring import Plugins

_OTHER_INDEXES = ("PostgreSQL", "MySQL", "Odbc")


def register(sdk: Any, variables: Mapping[str, str], notes_in_memory: bool = False) -> Plugins:
    """
    Begin.

    Args:
        sdk: The module ``orthanc``, which exists inside Orthanc only.
        variables: Of the environment.
        notes_in_memory: Whether SQLite keeps what it notes of the index off the disk (``index_notes``).

    Raises:
        ConfigurationError: A setting cannot be used. Orthanc ends of it: without us it would take in images
        that nobody filters.
    """
    try:
        plugins = _wired(sdk, variables)
    except Exception as error:
        sdk.LogError(f"AI pull does not start: {error}")
        raise
    plugins.log.event("index_notes", "where SQLite notes changes of the index", inMemory=notes_in_memory)
    handlers = {**routes(plugins.api), **quarantine_routes(plugins.quarantine_api)}
    for uri, (method, handler) in handlers.items():
        sdk.RegisterRestCallback(uri, _rest_callback(plugins, method, handler))
    sdk.RegisterOnChangeCallback(_on_change(sdk, plugins))
    return plugins


def _wired(sdk: Any, variables: Mapping[str, str]) -> Plugins:
    environment = read_environment(variables)
    switches = load_switches(CONFIG, environment.site_config)
    configuration = json.loads(sdk.GetConfiguration())
    facts = _checked(configuration, switches)
    log = ContractLog(environment.log_folder, "orthanc-python", masking=_masking(environment.log_key_file))
    _repair_jobs(facts.index, log)
    _remove_orphans(configuration, facts, log)
    site = environment.site_config
    in_force = RulesInForce(switches, site, partial(load_switches, CONFIG, site), log)
    # Taken here, once: later calls from other threads would need the SDK.
    return Plugins(environment, in_force, facts, sdk.GenerateRestApiAuthorizationToken(), log)


def _checked(configuration: Mapping[str, Any], switches: Switches) -> OrthancFacts:
    """What Orthanc's configuration says, once nothing in it stands against a start."""
    check_access(configuration)
    check_senders(configuration)
    facts = read_orthanc(configuration)
    check_ram_disk(facts.storage, switches)
    return facts


def _repair_jobs(index: Path, log: ContractLog) -> None:
    """Before Orthanc reads its jobs: it would not start, or run moves that the journal repeats."""
    if mended := mend_runtimes(index):
        log.event(
            "job_runtimes_repaired",
            "runtimes of jobs that Orthanc could not have read are 0 now",
            "WARNING",
            jobs=mended,
        )
    if dropped := drop_moves(index):
        log.event(
            "jobs_dropped",
            "C-MOVE jobs of an earlier version are not run again: the journal repeats them",
            jobs=dropped,
        )


def _remove_orphans(configuration: Mapping[str, Any], facts: OrthancFacts, log: ContractLog) -> None:
    """An index that another database keeps is not looked into; a store that is on disk is only counted."""
    if any((configuration.get(other) or {}).get("EnableIndex") for other in _OTHER_INDEXES):
        return
    in_memory = filesystem_of(facts.storage) in ("tmpfs", "ramfs")
    orphans = remove_orphans(facts.storage, facts.index, in_memory)
    if orphans.files:
        what = "removed" if orphans.removed else "left, because the store is on no RAM disk"
        log.event(
            "orphan_files", f"files in Orthanc's store that its index does not know: {what}", level="WARNING",
            files=orphans.files, megabytes=orphans.size // 1_000_000,
        )  # fmt: skip


def _on_change(sdk: Any, plugins: Plugins) -> Callable[[int, int, str | None], None]:
    """Only hints: whatever takes time in the callback delays Orthanc's events and its end."""

    def on_change(change: int, _level: int, resource: str | None) -> None:
        if change == sdk.ChangeType.ORTHANC_STARTED:
            _start(sdk, plugins)
        elif change == sdk.ChangeType.NEW_STUDY:
            plugins.reception.wake(at_once=True)
        elif change == sdk.ChangeType.NEW_INSTANCE:
            plugins.reception.arrived(resource or "")
        elif change == sdk.ChangeType.ORTHANC_STOPPED:
            plugins.stop()

    return on_change


def _start(sdk: Any, plugins: Plugins) -> None:
    """
    Work that cannot begin ends Orthanc, as an exception here would only be printed: a supervisor sees an end,
    nobody sees a standstill.
    """
    try:
        plugins.start(sdk.GetGlobalProperty, sdk.SetGlobalProperty)
    except Exception as error:
        sdk.LogError(f"AI pull cannot begin its work: {type(error).__name__}: {error}")
        os.kill(os.getpid(), signal.SIGTERM)
        raise


def _rest_callback(plugins: Plugins, method: str, handler: Handler) -> Callable[..., None]:
    def callback(output: Any, _uri: str, **request: Any) -> None:
        if request["method"] != method:
            output.SendMethodNotAllowed(method)
        else:
            _send(output, answer_to(plugins.api, handler, request))

    return callback


def _send(output: Any, answer: Answer) -> None:
    text = answer.text()  # ASCII, so that characters are bytes
    if answer.status == 200:
        output.AnswerBuffer(text, "application/json")
        return
    try:
        output.SendHttpStatus(answer.status, text, len(text))
    except TypeError:  # from plugin 4.2 on without the length
        output.SendHttpStatus(answer.status, text)


def _masking(key_file: Path | None) -> Masking | None:
    """Of the JSON log; None: it names patients."""
    return Masking(Pseudonyms(key_of(key_file))) if key_file is not None else None
