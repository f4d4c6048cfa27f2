"""
The domain imports the standard library and itself, and reads no clock, environment, file or random number.

By names in the source, which a determined author could get around; nobody here is one.
"""

import ast
import sys
from pathlib import Path

import pytest

import pacs_module.domain

FOLDER = Path(pacs_module.domain.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))

# Standard library, but each is a way into the world (or to a second truth, as logging is).
_CLOCKS_AND_CHANCE = {"random", "sched", "secrets", "time", "timeit", "uuid", "zoneinfo"}
_SYSTEM = {
    "ctypes",
    "getpass",
    "importlib",
    "locale",
    "os",
    "platform",
    "signal",
    "subprocess",
    "sys",
    "warnings",
}
_FILES = {"fileinput", "glob", "io", "logging", "mmap", "pathlib", "shutil", "sqlite3", "tempfile"}
_NETWORK = {"ftplib", "http", "select", "smtplib", "socket", "ssl", "urllib"}
_TASKS = {"asyncio", "concurrent", "multiprocessing", "queue", "threading"}
WORLD = _CLOCKS_AND_CHANCE | _SYSTEM | _FILES | _NETWORK | _TASKS
PURE = frozenset({"urllib.parse"})
"""Of packages that reach the world: this part of them only works on texts."""
CALLS = frozenset(
    {"open", "print", "input", "exec", "eval", "compile", "__import__", "globals", "breakpoint", "hash", "id"}
)
ATTRIBUTES = frozenset(
    {
        "now",
        "utcnow",
        "today",
        "environ",
        "getenv",
        "urandom",
        "random",
        "sleep",
        "monotonic",
        "perf_counter",
        "time_ns",
    }
)


def imports(tree: ast.Module, depth: int) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append(node.module or "")
        elif isinstance(node, ast.ImportFrom) and node.level > depth:
            found.append("." * node.level + (node.module or ""))
    outside = [name for name in found if name not in PURE]
    return [name.split(".")[0] if not name.startswith(".") else name for name in outside]


def breaches(source: str, depth: int = 1) -> list[str]:
    tree = ast.parse(source)
    found = [
        f"imports {name}"
        for name in imports(tree, depth)
        if name not in sys.stdlib_module_names or name in WORLD
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            found.append(f"calls {node.func.id}")
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
            found.append(f"uses .{node.attr}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_the_domain_keeps_to_itself(file: Path) -> None:
    assert breaches(file.read_text(encoding="utf-8"), depth=len(file.relative_to(FOLDER).parts)) == []


def test_the_domain_is_there() -> None:
    assert {"filters.py", "lifecycle.py", "text_repair.py", "choice.py"} <= {file.name for file in FILES}


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os.path",
        "from random import choice",
        "import requests",
        "from ..ports import Clock",
        "from pacs_module.ports import Clock",
        "from datetime import datetime\ndatetime.now()",
        "from datetime import date\ndate.today()",
        "open('x')",
        "def f():\n    import socket",
    ],
)
def test_the_check_sees_a_breach(source: str) -> None:
    assert breaches(source)
