"""``pacs-module key make | list | revoke``: API keys of people and machines, in the store of the service."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..adapters.audit_trail.trail_file import TrailFile
from ..adapters.machine import SystemClock
from ..adapters.stores.by_url import open_store
from ..adapters.stores.leases import leases_of
from ..domain.access.keys import ApiKey
from ..domain.access.roles import AccessRole
from ..domain.audit_trail.entry import Act, Deed
from ..service.privacy.audit_trail import open_trail
from ..service.privacy.retention import pseudonyms_of
from ..settings import load_settings
from ..shared.logs import ContractLog
from ..use_cases.operate.manage_keys import ManageKeys
from .common import AsJson, SettingsFile, check_store, console, errors, for_tables, print_json, say

key = typer.Typer(
    help="API keys of people and machines: made, listed, revoked.", no_args_is_help=True, add_completion=False
)
By = Annotated[str, typer.Option("--by", help="Who does it, for the record.")]
ME = os.environ.get("USER", "")
_ROLES = "viewer: looks · operator: works by hand, too · admin: rules and settings, too · plugin · backend"


_PEOPLE_NEED_KEYS = (
    "From now on api_key of the settings is for plugins and backend only: people need keys of their own."
)


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
    with _keys(settings) as (keys, record):
        first_admin = role is AccessRole.ADMIN and not keys.has_admin()
        made, text = keys.make(name, role, by)
        record(by, f"key make {made.name} {role.value} {made.key_id}")
    _print_made(made, text, as_json)
    if first_admin:
        say(errors, _PEOPLE_NEED_KEYS, "yellow")


def _print_made(made: ApiKey, text: str, as_json: bool) -> None:
    shown = json.dumps({**_shown(made), "key": text}, ensure_ascii=False) if as_json else text
    console.out(shown, highlight=False)


@key.command("list")
def list_keys(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    List all keys, those that were revoked too; nobody can read the keys themselves.

    Example: [bold]pacs-module key list[/bold]
    """
    with _keys(settings) as (keys, _):
        found = keys.all()
    if as_json:
        told = {"keys": [_shown(one) for one in found]}
        console.out(json.dumps(told, ensure_ascii=False, indent=1), highlight=False)
    else:
        for_tables().print(_table(found))


def _table(found: Iterable[ApiKey]) -> Table:
    table = Table("id", "name", "role", "made", "by", "revoked")
    for one in found:
        table.add_row(one.key_id, one.name, one.role.value, one.made_at, one.made_by, one.revoked_at)
    return table


@key.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id, as `key list` shows it.")],
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    End a key, and every session that was begun with it. It counts at once in every process on the store.

    Example: [bold]pacs-module key revoke 1f2e3d4c[/bold]
    """
    with _keys(settings) as (keys, record):
        ended = keys.revoke(key_id, by)
        record(by, f"key revoke {ended.name} {ended.key_id}")
    if as_json:
        print_json(_shown(ended))
        return
    say(console, f"{ended.key_id} of {ended.name} opens nothing since {ended.revoked_at}")


@contextmanager
def _keys(settings: Path | None) -> Iterator[tuple[ManageKeys, Callable[[str, str], None]]]:
    """The keys, and what writes an entry of the audit trail: by whom, and what."""
    loaded = load_settings(settings)
    check_store(loaded)
    log = ContractLog(loaded.log_folder, "dcm_end", masking=loaded.privacy.masking)
    with closing(open_store(loaded.store.url)) as store:
        leases = leases_of(store)
        trail = open_trail(loaded, pseudonyms_of(loaded, leases))
        yield ManageKeys(leases, SystemClock(loaded.zone), log), partial(_record, trail)


def _record(trail: TrailFile | None, by: str, what: str) -> None:
    if trail is not None:
        trail.append(Act(Deed.ADMINISTERED, by, "command line", action=what, status=200))


def _shown(one: ApiKey) -> dict[str, str]:
    kept = one.to_memo()
    del kept["digest"]
    return {"id": one.key_id, **kept}
