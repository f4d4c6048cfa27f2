"""``pacs-module run``: the loops and the web server in one process, stopped in order."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn

from .bootstrap import Service, build
from .domain.errors import ConfigurationError, PipelineError
from .settings import Settings, WebSettings
from .web.app import create_app

STOP_S = 15.0
SUPERVISE_S = 2.0


def serve(settings: Settings) -> None:
    """
    Run until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: A setting cannot be used, or the port is in use.
        PipelineError: The store cannot be opened.
    """
    listening = _listen(settings.web)  # first of all: a second process that finds and pulls unseen would be no help
    service = build(settings)
    config = uvicorn.Config(create_app(service), log_level="warning", access_log=False)
    done = threading.Event()
    _free_claims(service)
    for loop in service.loops.values():
        loop.start()
    supervisor = threading.Thread(target=_supervise, args=(service, done), name="supervisor", daemon=True)
    supervisor.start()
    service.log.event("pacs_module runs", port=settings.web.port, pacs=[pacs.name for pacs in settings.pacs])
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        done.set()
        supervisor.join(SUPERVISE_S * 2)
        _stop(service)


def _listen(web: WebSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((web.host, web.port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigurationError("web.port", web.port, f"a free port of {web.host} ({error.strerror})") from error
    return listening


def _free_claims(service: Service) -> None:
    try:
        service.free_claims()
    except PipelineError as error:
        service.log.event("claims of dead processes are not freed, they will be over soon", "WARNING", error=str(error))


def _supervise(service: Service, done: threading.Event) -> None:
    while not done.wait(SUPERVISE_S):
        for loop in service.loops.values():
            if not loop.alive():
                service.log.event(f"{loop.name} had died and is started again", "ERROR")
                loop.start()


def _stop(service: Service) -> None:
    for loop in service.loops.values():
        loop.stop()
    deadline = time.monotonic() + STOP_S
    for loop in service.loops.values():
        loop.join(max(deadline - time.monotonic(), 0))
    try:
        service.leases.let_all_go()
    except PipelineError as error:
        service.log.event("leases not given back, they will be over soon", "WARNING", error=str(error))
    service.queue.close()
    service.store.close()
    service.log.event("pacs_module stopped")
