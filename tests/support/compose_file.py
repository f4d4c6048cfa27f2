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


def mounts(service: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Target to (source, mode) of a service's volumes."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {target: (source, mode) for source, target, mode in parts}


def text_of(repository: Path, *names: str) -> str:
    return "".join((repository / name).read_text(encoding="utf-8") for name in names)


def mandatory(repository: Path) -> list[str]:
    return sorted(set(re.findall(r"\$\{(\w+):\?", text_of(repository, "docker-compose.yml"))))
