"""What tests read of docker-compose.yml and the files beside it."""

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Done = subprocess.CompletedProcess[str]
Render = Callable[..., Done]
Validate = Callable[[Path], Done]
ReadYaml = Callable[[str], Any]


@dataclass
class Stage:
    """One stage of a Dockerfile: its base and its instructions in order."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [words for found, words in self.instructions if found == keyword]


def as_version_1(printed: Any) -> dict[str, Any]:
    """
    What ``docker-compose config`` of version 2 (Debian 13) prints, in the shorter shape of version 1 (Debian
    12).
    """
    services = {name: _service(service) for name, service in printed["services"].items()}
    kinds = {
        kind: {name: _unnamed(one) for name, one in (printed.get(kind) or {}).items()}
        for kind in ("volumes", "networks")
    }
    return {**printed, "services": services, **kinds}


def _unnamed(one: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Version 2 gives each volume and network its name on the host."""
    return None if one is None else {key: value for key, value in one.items() if key != "name"} or None


def _service(service: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(service)
    for key, short in (("volumes", _volume), ("ports", _port)):
        if key in plain:
            plain[key] = [short(one) if isinstance(one, Mapping) else one for one in plain[key]]
    if isinstance(plain.get("networks"), Mapping):
        plain["networks"] = list(plain["networks"])
    if "depends_on" in plain:
        plain["depends_on"] = {
            name: {"condition": wait["condition"]} for name, wait in plain["depends_on"].items()
        }
    return plain


def _volume(one: Mapping[str, Any]) -> str:
    return f"{one['source']}:{one['target']}:{'ro' if one.get('read_only') else 'rw'}"


def _port(one: Mapping[str, Any]) -> str:
    return f"{one['host_ip']}:{one['published']}:{one['target']}/{one['protocol']}"


def mounts(service: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Target to (source, mode) of a service's volumes."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {target: (source, mode) for source, target, mode in parts}


def text_of(repository: Path, *names: str) -> str:
    return "".join((repository / name).read_text(encoding="utf-8") for name in names)


def mandatory(repository: Path) -> list[str]:
    return sorted(set(re.findall(r"\$\{(\w+):\?", text_of(repository, "docker-compose.yml"))))
