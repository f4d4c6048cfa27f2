"""systemd's units, started without systemd: a chroot has none."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

UNITS = Path("/usr/lib/systemd/system")


def read_unit(path: Path) -> dict[str, list[str]]:
    """The values of each key of a unit, whatever its section."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", "[")):
            found[key].append(value)
    return found


def start(name: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a service with the user, the groups, the environment and the command of its unit."""
    unit = read_unit(UNITS / name)
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    for file in unit["EnvironmentFile"]:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        environment |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    as_user = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
    if unit["User"]:
        (user,), (group,) = unit["User"], unit["Group"]
        more = ",".join([group, *unit["SupplementaryGroups"]])
        as_user += [f"--reuid={user}", f"--regid={group}", f"--groups={more}"]
    for folder in unit["RuntimeDirectory"]:
        path = Path("/run") / folder
        path.mkdir(mode=int(unit["RuntimeDirectoryMode"][0], 8), exist_ok=True)
        shutil.chown(path, unit["User"][0], unit["Group"][0])
    (command,), umask = unit["ExecStart"], int((unit["UMask"] or ["0022"])[0], 8)
    with log.open("ab") as out:
        return subprocess.Popen(
            [*as_user, *shlex.split(command)],
            env=environment, cwd="/", stdout=out, stderr=out, umask=umask, start_new_session=True,
        )  # fmt: skip


def mount(path: Path) -> Path:
    """Mount what a mount unit says; where."""
    unit = read_unit(path)
    (what,), (where,), (kind,), (options,) = unit["What"], unit["Where"], unit["Type"], unit["Options"]
    os.makedirs(where, exist_ok=True)
    subprocess.run(["mount", "-t", kind, "-o", options, what, where], check=True)
    return Path(where)
