"""What the commands share: how they speak to people and to the running pacs_module."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import requests
import typer
from rich.console import Console
from rich.text import Text

from ..settings import SETTINGS_FILE, Settings

console = Console()
errors = Console(stderr=True)

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", "-s", envvar=SETTINGS_FILE, help="TOML file; PACS_MODULE_... variables override it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as it came.")]
_UID_PARTS = 3


def name_of(text: str) -> str:
    """StudyInstanceUID or AccessionNumber: a UID has dots between numbers, and more than a few of them."""
    parts = text.split(".")
    return "StudyInstanceUID" if len(parts) > _UID_PARTS and all(part.isdigit() for part in parts) else "AccessionNumber"


def for_tables(width: int) -> Console:
    """Standard output; so many columns wide where it is a file or a pipe."""
    return console if console.is_terminal else Console(width=width)


def say(where: Console, text: str, style: str = "") -> None:
    """One line as it is: values out of headers hold brackets, which must not be taken for markup."""
    where.print(Text(text, style), soft_wrap=True)


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
    headers = {"X-API-Key": settings.web.api_key.get_secret_value()}
    try:
        response = requests.request(method, url, json=body, params=params, headers=headers, timeout=300)
    except requests.exceptions.RequestException as error:
        say(errors, f"pacs_module does not answer at {url}: is `pacs-module run` running? ({type(error).__name__})", "red")
        raise typer.Exit(2) from None
    if not response.ok and response.status_code not in accepted:
        say(errors, _words(response), "red")
        raise typer.Exit(1)
    answer: dict[str, Any] = response.json()
    return answer


def _words(response: requests.Response) -> str:
    try:
        said = response.json()
    except ValueError:
        return f"HTTP {response.status_code} {response.text[:300]}"
    return str(said.get("error") or said.get("detail") or said)
