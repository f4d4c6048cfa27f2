"""``pacs-module run``: the loops and the web server in one process, stopped in order."""

from __future__ import annotations

import threading

import uvicorn

from .bootstrap import Service, build
from .settings import Settings
from .web.app import create_app

STOP_S = 15.0
SUPERVISE_S = 2.0


def serve(settings: Settings) -> None:
    """
    Run until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: A setting cannot be used.
        PipelineError: The store cannot be opened.
    """
    service = build(settings)
    config = uvicorn.Config(
        create_app(service), host=settings.web.host, port=settings.web.port, log_level="warning", access_log=False
    )
    done = threading.Event()
    for loop in service.loops.values():
        loop.start()
    supervisor = threading.Thread(target=_supervise, args=(service, done), name="supervisor", daemon=True)
    supervisor.start()
    service.log.event("pacs_module runs", port=settings.web.port, pacs=[pacs.name for pacs in settings.pacs])
    try:
        uvicorn.Server(config).run()
    finally:
        done.set()
        supervisor.join(SUPERVISE_S * 2)
        _stop(service)


def _supervise(service: Service, done: threading.Event) -> None:
    while not done.wait(SUPERVISE_S):
        for loop in service.loops.values():
            if not loop.alive():
                service.log.event(f"{loop.name} had died and is started again", "ERROR")
                loop.start()


def _stop(service: Service) -> None:
    for loop in service.loops.values():
        loop.stop()
    for loop in service.loops.values():
        loop.join(STOP_S)
    service.queue.close()
    service.store.close()
    service.log.event("pacs_module stopped")
