"""What the commands share: how they speak to people and to the running pacs_module."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import typer
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ..adapters.http.plugins import OrthancPuller
from ..domain.errors import ConfigurationError, MessageError, RetriableError
from ..domain.json_messages.json_text import FROM_ORTHANC, read_object
from ..settings import SETTINGS_FILE, Settings, WebSettings
from ..settings.console import read_console
from ..settings.servers import OrthancSettings
from ..shared.http import Answer, HttpLink

console = Console()
errors = Console(stderr=True)

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", "-s", envvar=SETTINGS_FILE, help="TOML file; PACS_MODULE_... variables override it."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as it came.")]
_UID_PARTS = 3
_OF_UUID = "2.25."
_TIMEOUT_S = 300.0
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
_PIPE = 10_000
"""Columns of a file or a pipe."""
_IS_IT_RUNNING = "is `pacs-module run` running?"


def name_of(text: str) -> str:
    """
    StudyInstanceUID or AccessionNumber: a UID has dots between numbers, and more than a few of them, or is
    made of a UUID (PS3.5 B.2: 2.25. and one number).
    """
    parts = text.split(".")
    several = len(parts) > _UID_PARTS or text.startswith(_OF_UUID)
    is_uid = several and all(part.isdigit() for part in parts)
    return "StudyInstanceUID" if is_uid else "AccessionNumber"


def for_tables() -> Console:
    """Standard output; where it is a file or a pipe no cell of a table is cut or wrapped."""
    return console if console.is_terminal else Console(width=_PIPE)


def print_table(table: Table) -> None:
    """
    A table with UIDs: on a terminal that is too narrow for it, each row as lines of its own, so that a UID
    can be copied as one.
    """
    out = for_tables()
    needed = Measurement.get(out, out.options.update_width(_PIPE), table).maximum
    if needed <= out.width:
        out.print(table)
    else:
        _print_rows(out, table)


def _print_rows(out: Console, table: Table) -> None:
    heads = [str(column.header) for column in table.columns]
    wide = max(map(len, heads), default=0)
    if table.title:
        out.print(table.title, style="italic")
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        out.rule()
        for head, cell in zip(heads, cells, strict=True):
            out.print(Text(f"{head:{wide}}  ", "dim").append_text(_as_text(cell)), soft_wrap=True)


def _as_text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def local_times(text: str, zone: ZoneInfo) -> str:
    """A text with its instants (ISO 8601, UTC) on the hospital's clock."""
    return _INSTANT.sub(lambda found: f"{datetime.fromisoformat(found[0]).astimezone(zone):%F %T}", text)


def say(where: Console, text: str, style: str = "") -> None:
    """One line as it is: values out of headers hold brackets, which must not be taken for markup."""
    where.print(Text(text, style), soft_wrap=True)


def print_json(document: object) -> None:
    """A value as indented JSON, characters as they are."""
    console.out(json.dumps(document, ensure_ascii=False, indent=1), highlight=False)


def puller_of(orthanc: OrthancSettings) -> OrthancPuller:
    """The plugins' API at the receiving Orthanc."""
    password = orthanc.password.get_secret_value()
    return OrthancPuller(orthanc.url, orthanc.username, password, orthanc.timeout_s)


def call(
    settings: Settings,
    method: str,
    path: str,
    body: object = None,
    params: dict[str, str] | None = None,
    accepted: tuple[int, ...] = (),
) -> dict[str, Any]:
    """
    Ask the running pacs_module; what it refuses is said in its own words.

    Args:
        settings: Where it listens, and its key.
        method: HTTP method.
        path: From the root.
        body: Sent as JSON.
        params: Of the query.
        accepted: Statuses besides 2xx whose answer is returned.

    Raises:
        typer.Exit: 2 when nobody answers, 1 when it refuses.
    """
    url = f"http://{settings.web.host}:{settings.web.port}{path}".replace("//0.0.0.0:", "//127.0.0.1:")
    try:
        answer = _link(settings).call(method, url, json_body=body, params=params, timeout=_TIMEOUT_S)
    except RetriableError as error:
        _end_without_answer(url, error)
    if not answer.ok and answer.status not in accepted:
        say(errors, _words(answer), "red")
        raise typer.Exit(1)
    return read_object(answer.body, "answer", FROM_ORTHANC)


def _end_without_answer(url: str, error: RetriableError) -> NoReturn:
    say(errors, f"pacs_module does not answer at {url}: {_IS_IT_RUNNING} ({error.public})", "red")
    raise typer.Exit(2) from None


def _link(settings: Settings) -> HttpLink:
    key = key_of(settings.web)
    return HttpLink("pacs_module", {"X-API-Key": key}, answer_bytes=FROM_ORTHANC.size)


def key_of(web: WebSettings) -> str:
    """
    The key that a command shows: one of its own, that of the running service's console, or the shared one.
    """
    own = web.cli_key.get_secret_value()
    return own or read_console(web.console_file) or web.api_key.get_secret_value()


def _words(answer: Answer) -> str:
    try:
        said = read_object(answer.body)
    except MessageError:
        return f"HTTP {answer.status} {answer.words}"
    return str(said.get("error") or said.get("detail") or said)


class WarningsOnly:
    """
    The log of a command: what a person should know goes to standard error, contract lines are the service's.
    """

    def line(self, text: str) -> None:
        """Not said: dcm_end.log belongs to the running service."""

    def event(self, key: str, words: str, level: str = "INFO", **values: object) -> None:
        """Say a warning."""
        if level not in ("INFO", "DEBUG") and key != "reconciled":
            told = " ".join(f"{name}={value}" for name, value in values.items())
            say(errors, f"{words} {told}", "yellow")


def check_store(settings: Settings) -> None:
    """A new and empty store would make everything look missing."""
    url = settings.store.url
    file = Path(unquote(url.removeprefix("sqlite:///")))
    if url.startswith("memory:") or (url.startswith("sqlite:///") and not file.exists()):
        allowed = "the store of the running service (a relative path is looked up from the current folder)"
        raise ConfigurationError("store.url", url, allowed)
