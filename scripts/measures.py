#!/usr/bin/env python3
"""
Measures of the code: how dense its functions are, how crowded its folders.

    scripts/measures.py                   of this checkout
    scripts/measures.py FOLDER            of another one, for a table of before and after

AST nodes a function count all nodes of its body, its signature and its docstring left out. Complexity is
McCabe's, as ruff counts it. Product code only: pacs_module and orthanc.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from pathlib import Path

PRODUCT = ("pacs_module", "orthanc")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def sources(root: Path) -> dict[Path, str]:
    """The product's files with their text."""
    files = [file for folder in PRODUCT for file in sorted((root / folder).rglob("*.py"))]
    return {file: file.read_text(encoding="utf-8") for file in files}


def p90(values: list[int]) -> int:
    """The ninth decile: nine of ten are no larger."""
    return sorted(values)[int(0.9 * (len(values) - 1))] if values else 0


def body_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many AST nodes stand in a function's body, its docstring left out."""
    body = function.body if ast.get_docstring(function) is None else function.body[1:]
    return sum(1 for statement in body for _ in ast.walk(statement))


def complexities(root: Path) -> list[int]:
    """McCabe's complexity of each function."""
    threshold = "lint.mccabe.max-complexity=0"
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901", "--config", threshold]
    done = subprocess.run(
        [*command, "--output-format", "json", "--no-cache", *PRODUCT],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    return [int(entry["message"].split("(")[1].split(" ")[0]) for entry in found]


def folders(root: Path) -> tuple[int, str]:
    """The largest number of files in one folder, and which it is."""
    counts = {
        folder: len(list(folder.glob("*.py")))
        for name in PRODUCT
        for folder in [root / name, *(root / name).rglob("*/")]
    }
    largest = max(counts, key=lambda folder: counts[folder])
    return counts[largest], str(largest.relative_to(root))


def measure(root: Path) -> dict[str, object]:
    """All measures, by their name."""
    texts = sources(root)
    trees = [ast.parse(text) for text in texts.values()]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    functions = [node for node in nodes if isinstance(node, FUNCTIONS)]
    sizes = [body_nodes(function) for function in functions]
    of_sizes = (round(statistics.median(sizes)), p90(sizes), max(sizes))
    lengths = [(function.end_lineno or 0) - function.lineno + 1 for function in functions]
    lines = sum(text.count("\n") for text in texts.values())
    comprehensions = sum(isinstance(node, COMPREHENSIONS) for node in nodes)
    complexity = complexities(root)
    largest, where = folders(root)
    return {
        "files": len(texts),
        "lines": lines,
        "lines a file, median": int(statistics.median(text.count("\n") for text in texts.values())),
        "lines a function, median / p90": f"{statistics.median(lengths):.0f} / {p90(lengths)}",
        "AST nodes a function, median / p90 / max": " / ".join(map(str, of_sizes)),
        "comprehensions a 1,000 lines": round(1000 * comprehensions / lines, 1),
        "complexity, p90 / max": f"{p90(complexity)} / {max(complexity)}",
        "largest folder": f"{largest} ({where})",
        "lines over 110 characters": sum(
            len(line) > 110 for text in texts.values() for line in text.splitlines()
        ),
    }


def main() -> None:
    """Print the table."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    for name, value in measure(root).items():
        print(f"{name:42} {value}")


if __name__ == "__main__":
    main()
