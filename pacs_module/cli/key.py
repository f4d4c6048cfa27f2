"""``pacs-module key make | list | revoke``: API keys of people and machines, in the store of the service."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..adapters.machine import SystemClock
from ..adapters.stores.by_url import open_store
from ..adapters.stores.leases import leases_of
from ..domain.access.keys import ApiKey
from ..domain.access.roles import AccessRole
from ..settings import load_settings
from ..shared.logs import ContractLog
from ..use_cases.operate.manage_keys import ManageKeys
from .common import AsJson, SettingsFile, check_store, console, errors, for_tables, say

key = typer.Typer(help="API keys of people and machines: made, listed, revoked.", no_args_is_help=True)
WIDE = 140
By = Annotated[str, typer.Option("--by", help="Who does it, for the record.")]
ME = os.environ.get("USER", "")
_ROLES = "viewer: looks · operator: works by hand, too · admin: rules and settings, too · plugin · backend"


@key.command()
def make(
    name: Annotated[str, typer.Argument(help="Whose key it is: it stands in histories.")],
    role: Annotated[AccessRole, typer.Option("--role", help=_ROLES)],
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Make a key. It is shown once: the store has its hash only.

    Example: [bold]pacs-module key make "Dr. Li" --role operator[/bold]
    """
    with _keys(settings) as keys:
        first_admin = role is AccessRole.ADMIN and not keys.has_admin()
        made, text = keys.make(name, role, by)
    if as_json:
        console.out(json.dumps({**_shown(made), "key": text}, ensure_ascii=False), highlight=False)
    else:
        console.out(text, highlight=False)
    if first_admin:
        say(
            errors,
            (
                "From now on api_key of the settings is for plugins and backend only: people need keys "
                "of their own."
            ),
            "yellow",
        )


@key.command("list")
def list_keys(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    List all keys, those that were revoked too; nobody can read the keys themselves.

    Example: [bold]pacs-module key list[/bold]
    """
    with _keys(settings) as keys:
        found = keys.all()
    if as_json:
        told = {"keys": [_shown(one) for one in found]}
        console.out(json.dumps(told, ensure_ascii=False, indent=1), highlight=False)
        return
    table = Table("id", "name", "role", "made", "by", "revoked")
    for one in found:
        table.add_row(one.key_id, one.name, one.role.value, one.made_at, one.made_by, one.revoked_at)
    for_tables(WIDE).print(table)


@key.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id, as `key list` shows it.")],
    by: By = ME,
    settings: SettingsFile = None,
) -> None:
    """
    End a key, and every session that was begun with it. It counts at once in every process on the store.

    Example: [bold]pacs-module key revoke 1f2e3d4c[/bold]
    """
    with _keys(settings) as keys:
        ended = keys.revoke(key_id, by)
    say(console, f"{ended.key_id} of {ended.name} opens nothing since {ended.revoked_at}")


@contextmanager
def _keys(settings: Path | None) -> Iterator[ManageKeys]:
    loaded = load_settings(settings)
    check_store(loaded)
    log, clock = ContractLog(loaded.log_folder, "dcm_end"), SystemClock(loaded.zone)
    with closing(open_store(loaded.store.url)) as store:
        yield ManageKeys(leases_of(store), clock, log)


def _shown(one: ApiKey) -> dict[str, str]:
    kept = one.to_memo()
    del kept["digest"]
    return {"id": one.key_id, **kept}
