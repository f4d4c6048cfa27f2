"""``pacs-module run``: the loops and the web server in one process, stopped in order and within a bound."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType

import uvicorn

from ..domain.errors import ConfigurationError, PermanentError, PipelineError
from ..service.bootstrap import build
from ..service.loop import Loop
from ..service.service import Service
from ..service.supervisor import LOOK_S, supervised
from ..settings import Settings, WebSettings
from ..settings.console import write_console
from ..web.app import create_app
from ..web.request_guard.protocol import BoundedProtocol

STOP_S = 15.0
"""How long a stop waits for running steps and requests, in seconds."""
CLOSE_S = 5.0
"""How long it tries after that to give leases back and to close connections, in seconds."""
LEFT_OVER = 1
"""Exit status of a stop that had to leave something in the middle of a step."""


def serve(settings: Settings) -> None:
    """
    Run until SIGTERM or SIGINT; a second one ends the process at once.

    A stop takes ``STOP_S`` and ``CLOSE_S`` seconds at the most. What is in the middle of a step then is left
    there, the process ends with status ``LEFT_OVER``, and the next start takes it up as after a crash.

    Raises:
        ConfigurationError: A setting cannot be used, or the port is in use.
        PipelineError: The store cannot be opened, or the web server has ended by itself.
    """
    # first of all: a second process that finds and pulls unseen would be no help
    listening = _listen(settings.web)
    console = write_console(settings.web.console_file)
    service = build(settings, echo=sys.stdout)  # of a container or a unit: where people look first
    _warn_of_access(service)
    with _signals() as asked_to_stop:
        web = _Web(service, listening, console)
        _run_until(asked_to_stop, service, web)
        fault = "" if asked_to_stop.is_set() else web.fault
        left = _stop(service, web)
    _end(fault, left)


def _end(fault: str, left: Sequence[str]) -> None:
    if fault:
        raise PermanentError(f"the web server has ended: {fault}")
    if left:
        sys.stderr.flush()
        os._exit(LEFT_OVER)  # the interpreter's own end would wait for them


def _run_until(asked_to_stop: threading.Event, service: Service, web: _Web) -> None:
    """Run web server and loops until somebody asks for the stop or the web server has ended."""
    supervisor = supervised(service)
    web.start()
    supervisor.start()
    settings = service.settings
    names = [pacs.name for pacs in settings.pacs]
    service.log.event("started", "pacs_module runs", port=settings.web.port, pacs=names)
    while web.alive() and not asked_to_stop.wait(LOOK_S):
        supervisor.look_after()


def _warn_of_access(service: Service) -> None:
    """Say at the start what a security officer would ask for."""
    if service.settings.web.api_key_roles == "until_admin" and not service.keys.has_admin():
        service.log.event(
            "shared_key_opens_all",
            "api_key of the settings opens everything: `pacs-module key make NAME --role admin` ends that",
            "WARNING",
        )


class _Web:
    """The web server in a thread of its own: the main thread waits for nobody."""

    def __init__(self, service: Service, listening: socket.socket, console: str) -> None:
        app, within = create_app(service, console), int(STOP_S)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=within,
            )
        )
        self._listening = listening
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self.fault = "without a word"

    def start(self) -> None:
        self._thread.start()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._server.should_exit = True

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listening])
        except BaseException as error:  # sys.exit, too, is how it says that it cannot go on
            self.fault = "".join(traceback.format_exception_only(error)).strip()


def _listen(web: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((web.host, web.port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            "web.port", web.port, f"a free port of {web.host} ({error.strerror})"
        ) from error
    return listening


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """
    An event that the first SIGTERM or SIGINT sets; the second one ends the process, whatever it is doing.
    """
    asked = threading.Event()
    handle = partial(_handle_signal, asked)
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handle_signal(asked: threading.Event, number: int, _: FrameType | None) -> None:
    if asked.is_set():
        os.write(sys.stderr.fileno(), b"asked a second time: ended at once\n")
        os._exit(128 + number)
    asked.set()


def _stop(service: Service, web: _Web) -> list[str]:
    """
    End everything within ``STOP_S`` and ``CLOSE_S`` seconds.

    Returns:
        What is left in the middle of its work.
    """
    service.log.event("stopping", "pacs_module stops", withinS=STOP_S + CLOSE_S)
    web.stop()
    for loop in service.loops.values():
        loop.stop()
    deadline = time.monotonic() + STOP_S
    left = _still_there(service.loops, deadline)
    web.join(max(deadline - time.monotonic(), 0))
    closed = _close(service)
    left += [name for name, alive in (("web", web.alive()), ("closing", not closed)) if alive]
    service.log.event("stopped", "pacs_module stopped", "WARNING" if left else "INFO", left=left)
    return left


def _close(service: Service) -> bool:
    """Give leases back and close connections; whether that ended within ``CLOSE_S`` seconds."""
    closing = threading.Thread(target=_let_go, args=(service,), name="closing", daemon=True)
    closing.start()
    closing.join(CLOSE_S)
    return not closing.is_alive()


def _still_there(loops: Mapping[str, Loop], deadline: float) -> list[str]:
    """The loops whose step runs on after the deadline (monotonic seconds)."""
    for loop in loops.values():
        loop.join(max(deadline - time.monotonic(), 0))
    return [name for name, loop in loops.items() if loop.alive()]


def _let_go(service: Service) -> None:
    try:
        service.leases.let_all_go()
    except PipelineError as error:
        service.log.event(
            "leases_not_returned",
            "leases not given back, they will be over soon",
            "WARNING",
            error=str(error),
        )
    if service.exchange.listener is not None:
        service.exchange.listener.stop()
    service.queue.close()
    service.store.close()
