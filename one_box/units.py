"""
A systemd generator: the units that depend on a size in /etc/aipull/aipull.env.

systemd runs it early at boot and at each ``systemctl daemon-reload`` (systemd.generator(7)): the tmpfs gets
``RAM_DISK_SIZE``, and Orthanc's memory limit is that size and what Orthanc takes for itself, because the
pages of a tmpfs are charged to whoever wrote them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from one_box.places import Places
from site_check.env_file import read_env
from site_check.values import size_of

ORTHANC_ITSELF = 2 * 1024**3
"""Bytes that Orthanc with the plugins takes beside the RAM disk."""
DEFAULT_SIZE = "4g"
DEFAULT_COPIES = "1g"
ORTHANC_UNIT, PACS_UNIT = "aipull-orthanc.service", "aipull-pacs.service"


def units(values: Mapping[str, str], places: Places) -> dict[str, str]:
    """Relative path below the generator's folder to the text of the unit."""
    size = _size(values.get("RAM_DISK_SIZE", ""), DEFAULT_SIZE)
    found = {
        unit_of(places.ram_disk): _mount(places.ram_disk, size, "aipull"),
        f"{ORTHANC_UNIT}.d/50-memory.conf": _memory((size_of(size) or 0) + ORTHANC_ITSELF),
    }
    if values.get("ANONYMISE_FOLDER") == str(places.copies):
        copies = _size(values.get("COPIES_SIZE", ""), DEFAULT_COPIES)
        found[unit_of(places.copies)] = _mount(places.copies, copies, "aipull-pacs")
        found[f"{PACS_UNIT}.d/50-copies.conf"] = f"[Unit]\nRequiresMountsFor={places.copies}\n"
    return found


def unit_of(mount_point: Path) -> str:
    """As systemd-escape --path names it; our folders have nothing that must be escaped."""
    return "-".join(mount_point.parts[1:]) + ".mount"


def _size(said: str, default: str) -> str:
    """A size that cannot be used is told by the start of the services, which then do not run."""
    return said if size_of(said) else default


def _mount(where: Path, size: str, owner: str) -> str:
    options = f"size={size},mode=0750,uid={owner},gid=aipull,nosuid,nodev,noexec"
    return (
        "# Made from /etc/aipull/aipull.env; after a change: systemctl daemon-reload, then restart "
        "the unit.\n"
        f"[Unit]\nDescription=AI pull pipeline: {where.name} in memory\nBefore={ORTHANC_UNIT} {PACS_UNIT}\n\n"
        f"[Mount]\nWhat=tmpfs\nWhere={where}\nType=tmpfs\nOptions={options}\n"
    )


def _memory(limit: int) -> str:
    return f"[Service]\n# RAM_DISK_SIZE and what Orthanc takes beside it\nMemoryMax={limit}\n"


def main(folder: Path, places: Places | None = None) -> None:
    """Write the units into the generator's folder."""
    places = places or Places()
    try:
        text = places.settings.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        print(f"aipull: {places.settings}: {error}; RAM disk of {DEFAULT_SIZE}", file=sys.stderr)
        text = ""
    for name, unit in units(read_env(text)[0], places).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(unit, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
