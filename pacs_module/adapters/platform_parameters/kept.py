"""
The last good set of parameters and its history, in a file of ours: secrets are in it, so nobody else reads
it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...domain.errors import RetriableError
from ...domain.platform_parameters.parameter import PARAMETERS, ParameterSet
from ...shared.files import write_whole

_FORMAT = 1


@dataclass(frozen=True)
class KeptParameters:
    """``file``: its folder is made when it is not there."""

    file: Path

    def read(self) -> tuple[ParameterSet | None, list[dict[str, Any]]]:
        """The set and its history; nothing where there is no file, or one that says something else."""
        try:
            told = json.loads(self.file.read_text(encoding="utf-8"))
            values = _known(told["values"])
            version = told["version"] if type(told["version"]) is int else None
            return ParameterSet(version, values, str(told["at"])), list(told["history"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None, []

    def write(self, taken: ParameterSet, history: list[dict[str, Any]]) -> None:
        """Keep both."""
        document = {
            "format": _FORMAT, "version": taken.version, "at": taken.at, "values": dict(taken.values),
            "history": history,
        }  # fmt: skip
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.file, json.dumps(document, ensure_ascii=False, indent=1), mode=0o600)
        except OSError as error:
            raise RetriableError(f"{self.file} cannot be written: {error.strerror}") from error


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those that this version knows and can read."""
    return {
        name: value
        for name, value in values.items()
        if name in PARAMETERS and PARAMETERS[name].read(value) is not None
    }
