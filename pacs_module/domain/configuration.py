"""A setting as it is in force: its value for people, and where it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass

HIDDEN = "(hidden)"
_USER_IN_ADDRESS = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True)
class InForce:
    """
    One setting. ``source``: environment, file, profile, site file, config.py or default; ``where``: the file
    or the variable.
    """

    group: str
    key: str
    value: str
    source: str
    where: str = ""
    changed: bool = False
    """Whether it differs from the default."""


def without_password(text: str) -> str:
    """An address without user and password."""
    return _USER_IN_ADDRESS.sub("//…@", text)
