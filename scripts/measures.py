#!/usr/bin/env python3
"""
Measures of the code: how dense its functions are, how crowded its folders.

    scripts/measures.py                   of this checkout
    scripts/measures.py FOLDER            of another one, for a table of before and after
    scripts/measures.py --tools [FOLDER]  of what is beside the product: simulator, stack, benchmarks ...

AST nodes a function count all nodes of its body, its signature and its docstring left out. Complexity is
McCabe's, as ruff counts it. Product code is pacs_module and orthanc.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PRODUCT = ("pacs_module", "orthanc")
TOOLS = ("hospital_sim", "stack", "demo", "site_check", "one_box", "benchmarks", "scripts", "examples")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def sources(root: Path, packages: Sequence[str]) -> list[str]:
    """The texts of all files."""
    files = [file for name in packages for file in sorted((root / name).rglob("*.py"))]
    return [file.read_text(encoding="utf-8") for file in files]


def p90(values: list[int]) -> int:
    """The ninth decile: nine of ten are no larger."""
    return sorted(values)[int(0.9 * (len(values) - 1))] if values else 0


def body_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many AST nodes stand in a function's body, its docstring left out."""
    body = function.body if ast.get_docstring(function) is None else function.body[1:]
    return sum(1 for statement in body for _ in ast.walk(statement))


def complexities(root: Path, packages: Sequence[str]) -> list[int]:
    """McCabe's complexity of each function."""
    threshold = "lint.mccabe.max-complexity=0"
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901", "--config", threshold]
    done = subprocess.run(
        [*command, "--output-format", "json", "--no-cache", *packages],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    return [int(entry["message"].split("(")[1].split(" ")[0]) for entry in found]


def largest_folder(root: Path, packages: Sequence[str]) -> str:
    """The folder with the most files, and how many it has."""
    folders = [folder for name in packages for folder in [root / name, *(root / name).rglob("*/")]]
    counts = {folder: len(list(folder.glob("*.py"))) for folder in folders}
    largest = max(counts, key=lambda folder: counts[folder])
    return f"{counts[largest]} ({largest.relative_to(root)})"


def of_functions(functions: Sequence[ast.FunctionDef | ast.AsyncFunctionDef]) -> dict[str, str]:
    """How long and how dense they are."""
    lengths = [(function.end_lineno or 0) - function.lineno + 1 for function in functions]
    sizes = [body_nodes(function) for function in functions]
    nodes = round(statistics.median(sizes)), p90(sizes), max(sizes)
    return {
        "lines a function, median / p90": f"{statistics.median(lengths):.0f} / {p90(lengths)}",
        "AST nodes a function, median / p90 / max": " / ".join(map(str, nodes)),
    }


def measure(root: Path, packages: Sequence[str] = PRODUCT) -> dict[str, object]:
    """All measures, by their name."""
    texts = sources(root, packages)
    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]
    lines = [line for text in texts for line in text.splitlines()]
    comprehensions = sum(isinstance(node, COMPREHENSIONS) for node in nodes)
    complexity = complexities(root, packages)
    return {
        "files": len(texts),
        "lines": len(lines),
        "lines a file, median": int(statistics.median(text.count("\n") for text in texts)),
        **of_functions([node for node in nodes if isinstance(node, FUNCTIONS)]),
        "comprehensions a 1,000 lines": round(1000 * comprehensions / len(lines), 1),
        "complexity, p90 / max": f"{p90(complexity)} / {max(complexity)}",
        "largest folder": largest_folder(root, packages),
        "lines over 110 characters": sum(len(line) > 110 for line in lines),
    }


def main() -> None:
    """Print the table."""
    folder = [argument for argument in sys.argv[1:] if argument != "--tools"]
    packages = TOOLS if "--tools" in sys.argv else PRODUCT
    root = Path(folder[0] if folder else Path(__file__).parent.parent).resolve()
    for name, value in measure(root, packages).items():
        print(f"{name:42} {value}")


if __name__ == "__main__":
    main()
