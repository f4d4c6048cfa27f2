"""
``python -m one_box orthanc | pacs | command ...``: read the settings, tell all that is wrong with them at
once, and become the program.
"""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterable, Mapping, Sequence

from one_box.environments import orthanc_environment, pacs_environment, problems
from one_box.places import Places
from one_box.ram_disk import check_ram_disk
from site_check.env_file import read_env
from site_check.finding import Finding, Level

EX_USAGE, EX_CONFIG = 64, 78
"""sysexits.h; the units do not start again after 78, because the same settings end in the same way."""
SERVICE_USER = "aipull-pacs"
OF_ROOT = frozenset({"backup", "restore"})
"""Commands that read and write what several users own."""
WITHOUT_SETTINGS = ("restore", "--help", "--version")
"""What a new machine can do before there are any."""


def main(arguments: Sequence[str] | None = None, places: Places | None = None) -> int:
    """
    Start a program in place of this one.

    Returns:
        64 for a wrong call, 78 for settings that cannot be used; else it does not return.
    """
    program, *rest = list(sys.argv[1:] if arguments is None else arguments) or [""]
    places = places or Places()
    if program not in ("orthanc", "pacs", "command"):
        print("usage: python -m one_box orthanc | pacs | command ...", file=sys.stderr)
        return EX_USAGE
    values, wrong = read_values(places, os.environ)
    wrong += problems(values)
    if program == "orthanc":
        wrong += check_ram_disk(places.ram_disk, values.get("RAM_DISK_SIZE", ""))
    if program == "command" and rest[:1] and rest[0] in WITHOUT_SETTINGS:
        # What cannot be used is not passed on; the settings may be what is to be restored.
        environment = {} if wrong else pacs_environment(values, places)
        _become_pacs_module(rest, environment, places)
    if wrong:
        _print_findings(wrong, places)
        return EX_CONFIG
    if program == "orthanc":
        _become_orthanc(values, places)
    elif program == "pacs":
        _become_pacs_module(["run"], pacs_environment(values, places), places)
    else:
        if rest[:1] and rest[0] not in OF_ROOT:
            _become_user(SERVICE_USER)
        _become_pacs_module(rest, pacs_environment(values, places), places)
    return 0


def _print_findings(findings: Iterable[Finding], places: Places) -> None:
    for found in findings:
        shown = f"{found.name} {found.value}".strip()
        print(f"{places.settings}: {shown}: {found.words}", file=sys.stderr)


def read_values(places: Places, environment: Mapping[str, str]) -> tuple[dict[str, str], list[Finding]]:
    """
    Settings, and over them the secrets: of their file for root, of the environment for what systemd starts.

    Returns:
        The values, and what stands against reading them.
    """
    values: dict[str, str] = {}
    findings: list[Finding] = []
    for file in (places.settings, places.secrets):
        try:
            read, said = read_env(file.read_text(encoding="utf-8"))
        except PermissionError:
            if file != places.secrets:
                raise
            continue
        except (OSError, UnicodeError) as error:
            findings.append(Finding(Level.ERROR, str(file), "", f"cannot be read: {error}"))
            continue
        values |= read
        findings += [found for found in said if found.level is Level.ERROR]
    given = {name: environment[name] for name in _SECRET_NAMES if environment.get(name)}
    return {**values, **given}, findings


_SECRET_NAMES = ("ORTHANC_PASSWORD", "AIPULL_API_KEY", "BACKEND_KEY", "RABBITMQ_PASSWORD", "ANONYMISE_KEY")


def _become_orthanc(values: Mapping[str, str], places: Places) -> None:
    """The start script of the container's image: it makes the folders and writes down how Orthanc ends."""
    program = str(places.prefix / "lib" / "orthanc-start.sh")
    environment = {**_plain_environment(), **orthanc_environment(values, places)}
    os.chdir(places.logs)
    # this process becomes it
    os.execve(program, [program, str(places.configuration / "orthanc.json")], environment)  # noqa: S606


def _become_pacs_module(arguments: Sequence[str], ours: Mapping[str, str], places: Places) -> None:
    os.umask(0o027)
    environment = {**_plain_environment(), **ours}
    command = [str(places.python), "-P", "-m", "pacs_module.cli.app", *arguments]
    os.execve(command[0], command, environment)  # noqa: S606 - this process becomes it


def _become_user(name: str) -> None:
    """A command of root works as the service does: its files stay the service's."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(name)
    os.initgroups(name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def _plain_environment() -> dict[str, str]:
    """What a terminal or systemd gives, without what would change Python or the programs' settings."""
    dropped = ("PYTHON", "ORTHANC_", "PACS_MODULE_", "AIPULL_", "HOSPITAL_PACS_", "SITE_CONFIG")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


if __name__ == "__main__":
    sys.exit(main())
