"""
The only script that Orthanc loads: checks the configuration, wires the parts, registers last (an exception after a
Register call crashes Orthanc).
"""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import orthanc
from aipull.rest_api import Answer, Handler, answer_to, routes
from aipull.runtime.environment import CONFIG, check_access, check_ram_disk, read_environment, read_orthanc
from aipull.server.jobs_registry import mend_runtimes
from aipull.wiring import Plugins
from pacs_module.shared.logs import ContractLog
from pacs_module.shared.switches_file import load_switches

try:
    _environment = read_environment(os.environ)
    _switches = load_switches(CONFIG, _environment.site_config)
    _configuration = json.loads(orthanc.GetConfiguration())
    check_access(_configuration)
    _facts = read_orthanc(_configuration)
    check_ram_disk(_facts.storage, _switches)
    _log = ContractLog(_environment.log_folder, "orthanc-python")
    if _mended := mend_runtimes(_facts.index):
        _log.event(
            "job_runtimes_repaired",
            "runtimes of jobs that Orthanc could not have read are 0 now", "WARNING",
            jobs=_mended,
        )
    # Taken here, once: later calls from other threads would need the SDK.
    _token = orthanc.GenerateRestApiAuthorizationToken()
    _plugins = Plugins(_environment, _switches, _facts, _token, _log)
except Exception as error:  # raised again, Orthanc ends of it: without us it would take in images that nobody filters
    orthanc.LogError(f"AI pull does not start: {error}")
    raise


def _start() -> None:
    """
    Work that cannot begin ends Orthanc, as an exception here would only be printed: a supervisor sees an end, nobody
    sees a standstill.
    """
    try:
        _plugins.start(orthanc.GetGlobalProperty, orthanc.SetGlobalProperty)
    except Exception as error:
        orthanc.LogError(f"AI pull cannot begin its work: {type(error).__name__}: {error}")
        os.kill(os.getpid(), signal.SIGTERM)
        raise


def _on_change(change: int, _level: int, resource: str | None) -> None:
    """Only hints: whatever takes time here delays Orthanc's events and its end."""
    if change == orthanc.ChangeType.ORTHANC_STARTED:
        _start()
    elif change == orthanc.ChangeType.NEW_INSTANCE:
        _plugins.reception.arrived(resource or "")
    elif change in (orthanc.ChangeType.JOB_SUCCESS, orthanc.ChangeType.JOB_FAILURE):
        _plugins.pulls.wake()
    elif change == orthanc.ChangeType.ORTHANC_STOPPED:
        _plugins.stop()


def _send(output: orthanc.RestOutput, answer: Answer) -> None:
    body = json.dumps(answer.body)  # ASCII, so that characters are bytes
    if answer.status == 200:
        output.AnswerBuffer(body, "application/json")
        return
    try:
        output.SendHttpStatus(answer.status, body, len(body))
    except TypeError:  # from plugin 4.2 on without the length
        output.SendHttpStatus(answer.status, body)  # type: ignore[call-arg]


def _register(uri: str, method: str, handler: Handler) -> None:
    def callback(output: orthanc.RestOutput, _uri: str, **request: Any) -> None:
        if request["method"] != method:
            output.SendMethodNotAllowed(method)
        else:
            _send(output, answer_to(_plugins.api, handler, request))

    orthanc.RegisterRestCallback(uri, callback)


for _uri, (_method, _handler) in routes(_plugins.api).items():
    _register(_uri, _method, _handler)
orthanc.RegisterOnChangeCallback(_on_change)
