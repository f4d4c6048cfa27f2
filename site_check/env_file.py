"""The file .env, read as docker-compose reads it, and the variables that docker-compose.yml knows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from site_check.finding import Finding, error, fine, warning

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_VARIABLE = re.compile(r"\$\{(\w+)(:\?|:-)([^}]*)\}")
_BYTE_ORDER_MARK = "\ufeff"
OF_COMPOSE = "COMPOSE_"
"""Variables of docker-compose itself begin so."""


@dataclass(frozen=True)
class Known:
    """The variables of docker-compose.yml."""

    mandatory: frozenset[str] = frozenset()
    defaults: dict[str, str] = field(default_factory=dict)


def known_variables(compose: str) -> Known:
    """
    Which variables the stack reads, of the text of docker-compose.yml: ``${NAME:?...}`` has to be set,
    ``${NAME:-default}`` may be.
    """
    mandatory: set[str] = set()
    defaults: dict[str, str] = {}
    for name, kind, default in _VARIABLE.findall(compose):
        if kind == ":?":
            mandatory.add(name)
        else:
            defaults[name] = default
    return Known(frozenset(mandatory), defaults)


def read_env(text: str) -> tuple[dict[str, str], list[Finding]]:
    """
    The assignments of a .env file, the last of a name wins; and what is odd about its lines.

    A value in single or double quotes is what lies between them; elsewhere `` #`` begins a comment.
    """
    values: dict[str, str] = {}
    findings: list[Finding] = []
    if text.startswith(_BYTE_ORDER_MARK):
        words = "UTF-8 without a byte order mark: an editor of Windows put one before the first name"
        findings.append(error(".env, line 1", "", words))
        text = text.removeprefix(_BYTE_ORDER_MARK)
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            # The line is not shown: it may be a secret whose name is gone.
            findings.append(error(f".env, line {number}", "", "NAME=value, or # in front of a comment"))
            continue
        name, raw = match.groups()
        if name in values:
            findings.append(warning(name, "", f"assigned twice in .env; line {number} counts"))
        values[name] = _unquoted(raw)
    return values, findings


def _unquoted(raw: str) -> str:
    raw = raw.strip()
    if len(raw) > 1 and raw[0] in "'\"" and raw[-1] == raw[0]:
        return raw[1:-1]
    return re.split(r"\s+#", raw, maxsplit=1)[0].strip()


def check_names(values: dict[str, str], known: Known) -> list[Finding]:
    """Mandatory variables that are not set, and names that nothing reads."""
    findings: list[Finding] = []
    for name in sorted(known.mandatory):
        if not values.get(name):
            findings.append(error(name, "", "missing; .env.example says what it is"))
    names = [*known.mandatory, *known.defaults]
    for name in sorted(values):
        if name in names or name.startswith(OF_COMPOSE):
            continue
        near = get_close_matches(name, names, n=1)
        words = f"docker-compose.yml has no such variable; {near[0]}?" if near else "nothing reads it"
        findings.append(warning(name, "", words))
    return findings


def check_file(path: Path) -> list[Finding]:
    """Whether others on this machine can read the secrets."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return [warning(".env", f"mode {mode:o}", f"others can read the secrets: chmod 600 {path.name}")]
    return [fine(".env", f"mode {mode:o}")]
