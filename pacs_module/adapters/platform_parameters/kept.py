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

from ...domain.errors import RetriableError, Unreadable
from ...domain.json_messages.kept_json import kept_object
from ...domain.platform_parameters.parameter import PARAMETERS, ParameterSet
from ...shared.files import write_whole

_FORMAT = 1


@dataclass(frozen=True)
class KeptParameters:
    """``file``: its folder is made when it is not there."""

    file: Path

    def read(self) -> tuple[ParameterSet | None, list[dict[str, Any]]]:
        """
        The set and its history; nothing where there is no file.

        Raises:
            Unreadable: The file is damaged.
        """
        try:
            told = kept_object(self.file.read_bytes())
            values, version = _known(told["values"]), told["version"]
            taken = ParameterSet(version if type(version) is int else None, values, str(told["at"]))
            return taken, [one for one in told["history"] if isinstance(one, dict)]
        except FileNotFoundError:
            return None, []
        except (OSError, Unreadable, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"{self.file} cannot be read", str(error)) from error

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
