"""``python -m hospital_sim.platform``: a regional platform to try a gateway against, with any bad habit."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from hospital_sim.platform.gate import gate
from hospital_sim.platform.habits import Habit, Habits
from hospital_sim.platform.parameters import Oddity, ParameterBook, parameter_server
from hospital_sim.platform.registry import PlatformServer, Registry
from hospital_sim.platform.store import PlatformStore, serve

M = TypeVar("M", bound=StrEnum)
DEFAULT = '{"batch_size": 50, "threads": 2, "hospital_code": "H001"}'
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(
    epilog="Example: python -m hospital_sim.platform /tmp/region --habit away=30 --oddity nonsense=2 "
    "--parameters '{\"threads\": 4}'"
)
def run(
    folder: Annotated[Path, typer.Argument(help="Where it keeps images and reports.")],
    images_port: Annotated[int, typer.Option(help="HTTP uploads: PUT, form, tus; 0: anywhere.")] = 8080,
    reports_port: Annotated[int, typer.Option(help="Reports and quality records.")] = 8081,
    parameters_port: Annotated[int, typer.Option(help="The parameter API, GET /api/v1/parameters.")] = 8082,
    parameters: Annotated[str, typer.Option(help="What the parameter API tells, as JSON.")] = DEFAULT,
    version: Annotated[int, typer.Option(help="And its version.", min=0)] = 1,
    key: Annotated[str, typer.Option(help="Key that reports and parameters ask for; empty: none.")] = "",
    habit: Annotated[
        list[str] | None,
        typer.Option(help=f"NAME=TIMES at uploads, several times: {', '.join(Habit)}."),
    ] = None,
    oddity: Annotated[
        list[str] | None,
        typer.Option(help=f"NAME=TIMES of the parameter API, several times: {', '.join(Oddity)}."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="PEM of certificate and key for the parameter API; may have expired.")
    ] = None,
) -> None:
    """A regional platform on loopback: takes images and reports in, and tells parameters, until Ctrl-C."""
    folder.mkdir(parents=True, exist_ok=True)
    line = _habits(habit or ())
    book = ParameterBook(_object(parameters), version, key)
    for name, times in map(_counted, oddity or ()):
        book.be(_member(Oddity, name), times)
    registry = Registry(folder / "registry.json")
    with ExitStack() as running:
        store = running.enter_context(serve(PlatformStore(folder)))
        front = running.enter_context(gate(store.url, line, images_port))
        office = running.enter_context(PlatformServer(registry, reports_port, key))
        wants = running.enter_context(parameter_server(book, parameters_port, _tls(certificate)))
        typer.echo(f"images {front.url}")
        typer.echo(f"reports {office.url}")
        typer.echo(f"parameters {wants.url}/api/v1/parameters")
        _wait_for_ctrl_c()


def _habits(written: Iterable[str]) -> Habits:
    habits = Habits()
    for name, times in map(_counted, written):
        habits.set(_member(Habit, name), times)
    return habits


def _wait_for_ctrl_c() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        typer.echo("ended")


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"no JSON: {error}", param_hint="--parameters") from error
    if not isinstance(found, dict):
        raise typer.BadParameter("no JSON object", param_hint="--parameters")
    return found


def _counted(text: str) -> tuple[str, int]:
    name, _, times = text.partition("=")
    if times and not times.isdecimal():
        raise typer.BadParameter(f"{text}: NAME=TIMES")
    return name, int(times or 1)


def _member(kind: type[M], name: str) -> M:
    try:
        return kind(name)
    except ValueError:
        raise typer.BadParameter(f"{name}: there are {', '.join(kind)}") from None


def _tls(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


if __name__ == "__main__":
    app()
