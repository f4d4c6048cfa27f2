"""
``python -m scripts.helm_check``: the chart in packaging/helm, linted and rendered by Helm 4 itself
(helm-python-sdk, its library from PyPI), and what it renders checked against the JSON schemas of Kubernetes
(kubernetes-validate).

Every file of values in packaging/helm/checked has to pass, every one in ``refused`` below it has to be
refused. Does not prove that the chart runs: that needs a cluster.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import yaml

HELM = Path(__file__).resolve().parents[1] / "packaging" / "helm"
CHART, CHECKED = HELM / "aipull", HELM / "checked"
KUBERNETES = ("1.28", "1.31", "1.34")
OUT = Path("build/helm")
_WARNING = 2
"""Severity of Helm's linter; 3 is an error."""


def main() -> int:
    """Print what was found; 1 when something is wrong."""
    OUT.mkdir(parents=True, exist_ok=True)
    wrong = [line for file in sorted(CHECKED.glob("*.yaml")) for line in wrong_with(file)]
    wrong += [line for file in sorted((CHECKED / "refused").glob("*.yaml")) for line in taken(file)]
    for line in wrong:
        print(line, file=sys.stderr)
    print(
        f"{len(list(CHECKED.rglob('*.yaml')))} files of values, Kubernetes {', '.join(KUBERNETES)}: {len(wrong)} wrong"
    )
    return 1 if wrong else 0


def wrong_with(file: Path) -> Iterator[str]:
    """What Helm's linter and Kubernetes' schemas say of a chart with these values."""
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    report = helm_python.lint(CHART, values, strict=True, kube_version=f"v{KUBERNETES[-1]}.0")
    yield from (f"{file.name}: helm lint: {one}" for one in report["errors"])
    yield from (f"{file.name}: helm lint: {one['path']}: {one['error']}" for one in _grave(report))
    resources = rendered(values)
    (OUT / file.name).write_text(yaml.safe_dump_all(resources), encoding="utf-8")
    for resource in resources:
        for version in KUBERNETES:
            yield from (f"{file.name}: {words}" for words in _invalid(resource, version))


def _grave(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in report.get("messages") or [] if one["severity"] >= _WARNING]


def _invalid(resource: dict[str, Any], version: str) -> Iterator[str]:
    try:
        kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        name = f"{resource['kind']} {resource['metadata']['name']}"
        yield f"{name}, Kubernetes {version}: {error.message} at {list(error.path)}"


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """All resources; raises what Helm raises."""
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        manifests = chart.render(values, name="aipull", namespace="aipull")
    documents = [one for text in manifests.values() for one in yaml.safe_load_all(text)]
    return [one for one in documents if isinstance(one, dict)]


def taken(file: Path) -> Iterator[str]:
    """Values that must be refused, and are not."""
    try:
        rendered(yaml.safe_load(file.read_text(encoding="utf-8")))
    except helm_python.HelmError:
        return
    yield f"{file.name}: was taken, and must be refused"


if __name__ == "__main__":
    sys.exit(main())
