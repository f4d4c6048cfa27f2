"""
Who may import whom: the walls between the layers, and no import circle by file or by package.

Read from the source, so imports that only type checkers see count as well. The domain's own wall, which also
keeps out the clock and the file system, is held by tests/unit/domain/test_boundary.py.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICE, PLUGINS = ROOT / "pacs_module", ROOT / "orthanc" / "plugins"
CORE = ("pacs_module.domain", "pacs_module.shared")
WALLS = {
    "pacs_module.domain": ("pacs_module.domain",),
    "pacs_module.shared": CORE,
    "pacs_module.ports": ("pacs_module.domain", "pacs_module.ports"),
    "pacs_module.use_cases": (*CORE, "pacs_module.ports", "pacs_module.use_cases"),
    "pacs_module.adapters": (*CORE, "pacs_module.ports", "pacs_module.adapters"),
    "pacs_module.settings": (*CORE, "pacs_module.ports", "pacs_module.settings"),
    "aipull": (*CORE, "aipull"),
    "pull_plugin": (*CORE, "aipull"),
}
"""What the modules below each name may import of ours; the version in pacs_module itself is free to all."""


def modules() -> dict[str, Path]:
    found = {}
    for folder, top in ((SERVICE, ROOT), (PLUGINS, PLUGINS)):
        for file in folder.rglob("*.py"):
            parts = file.relative_to(top).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def package_of(module: str, files: Mapping[str, Path]) -> str:
    return module if files[module].name == "__init__.py" else module.rpartition(".")[0]


def named(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """Each imported module, and the name taken from it ('' for a whole module)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def imports_of(module: str, source: str, files: Mapping[str, Path]) -> set[str]:
    """Our own modules that this one imports."""
    found = set()
    for target, name in named(ast.parse(source), package_of(module, files)):
        whole = f"{target}.{name}"
        found.add(whole if whole in files else target)
    return {target for target in found if target in files and target != module}


GRAPH = {
    module: imports_of(module, file.read_text(encoding="utf-8"), MODULES) for module, file in MODULES.items()
}


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def breaches(graph: Mapping[str, set[str]]) -> list[str]:
    found = []
    for module, targets in graph.items():
        for wall, allowed in WALLS.items():
            if not inside(module, wall):
                continue
            bad = [t for t in targets if t != "pacs_module" and not any(inside(t, name) for name in allowed)]
            found += [f"{module} imports {target}" for target in bad]
    return sorted(found)


def test_every_layer_keeps_to_its_walls() -> None:
    assert breaches(GRAPH) == []


def test_a_breach_is_seen() -> None:
    assert breaches(
        {"pacs_module.adapters.x": {"pacs_module.settings"}, "aipull.x": {"pacs_module.use_cases.x"}}
    )


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_file_imports_itself_in_a_circle() -> None:
    assert circle(GRAPH) == []


def test_no_package_imports_itself_in_a_circle() -> None:
    packages: dict[str, set[str]] = {}
    for module, targets in GRAPH.items():
        if module in ("pacs_module.__main__", "pull_plugin"):
            continue  # the two ways in
        own = package_of(module, MODULES)
        packages.setdefault(own, set()).update({package_of(target, MODULES) for target in targets} - {own})
    assert circle(packages) == []


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


@pytest.mark.parametrize(
    "folder",
    [SERVICE, PLUGINS, *(ROOT / name for name in ("tests", "hospital_sim", "stack", "demo", "benchmarks"))],
    ids=lambda folder: folder.name,
)
def test_no_folder_is_crowded(folder: Path) -> None:
    crowded = {
        d: len(list(d.glob("*.py")))
        for d in [folder, *folder.rglob("*")]
        if d.is_dir() and d.name != "__pycache__"
    }
    assert {str(d.relative_to(ROOT)): n for d, n in crowded.items() if n > 15} == {}


def test_one_file_knows_orthanc_s_own_module() -> None:
    knows = [
        m
        for m, f in MODULES.items()
        if any(t == "orthanc" for t, _ in named(ast.parse(f.read_text("utf-8")), m))
    ]
    assert knows == ["pull_plugin"]


def test_nothing_but_the_package_is_a_top_level_name_in_orthanc_s_interpreter() -> None:
    assert sorted(entry.name for entry in PLUGINS.iterdir() if entry.name != "__pycache__") == [
        "aipull",
        "pull_plugin.py",
    ]


CONDITIONS = {"AnyOf", "AtLeast", "AtMost", "Exists", "Order", "Where"}
"""What a query of people is made of."""


def conditions_used(source: str) -> set[str]:
    taken = {name for _, name in named(ast.parse(source), "pacs_module.use_cases")}
    asked = {f".{call}" for call in ("find", "count") if f"store.{call}(" in source}
    return (taken & CONDITIONS) | asked


def test_use_cases_ask_the_store_questions_with_names() -> None:
    layers = ("pacs_module.use_cases", "pacs_module.service")
    files = {
        module: file for module, file in MODULES.items() if any(inside(module, layer) for layer in layers)
    }
    used = {module: conditions_used(file.read_text(encoding="utf-8")) for module, file in files.items()}
    assert {module: found for module, found in used.items() if found} == {}


def test_a_field_path_in_a_use_case_is_seen() -> None:
    assert conditions_used('from ..ports import AtLeast\nself.store.find({"due.pull": AtLeast(1)})') == {
        "AtLeast",
        ".find",
    }
