"""
Writes what the two processes of ours read: TOML for pacs_module, upper-case assignments for the site's
switches.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The base with the overrides over it, table by table."""
    result = dict(base)
    for key, value in overrides.items():
        below = result.get(key)
        result[key] = (
            merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
        )
    return result


def as_toml(settings: Mapping[str, Any]) -> str:
    """Plain values first, then tables and arrays of tables, one level deep: all that the settings have."""
    plain, tables = [], []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            tables.append(f"\n[{key}]\n{_assignments(value)}")
        elif _is_table_array(value):
            tables.extend(f"\n[[{key}]]\n{_assignments(table)}" for table in value)
        else:
            plain.append(f"{key} = {_toml_value(value)}\n")
    return "".join(plain + tables)


def as_switches(switches: Mapping[str, Any]) -> str:
    """A site's config file: one assignment a switch."""
    return "".join(f"{name} = {value!r}\n" for name, value in switches.items())


def _is_table_array(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and any(isinstance(v, Mapping) for v in value)
    )


def _assignments(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in table.items())


def _toml_value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # A basic string of TOML, but for DEL.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(_toml_value(item) for item in value)}]"
        case dict():
            pairs = (f"{json.dumps(key)} = {_toml_value(item)}" for key, item in value.items())
            return f"{{ {', '.join(pairs)} }}"
    raise TypeError(f"no TOML for {value!r}")
