"""
``python3 -m scripts.sbom PYTHON_SBOM``: add what is not from the Python index to a CycloneDX list of parts.

Debian's packages and images are named with the versions that docker/debian.sh and docker-compose.yml ask for;
which security update of them is installed, the machine says (``dpkg-query -W orthanc``).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"ORTHANC": "orthanc", "ORTHANC_PYTHON": "orthanc-python", "PYTHON": ""}


def debian_parts() -> list[dict[str, Any]]:
    """What docker/debian.sh asks for on each release."""
    text = (ROOT / "docker" / "debian.sh").read_text(encoding="utf-8")
    found = []
    for release, line in re.findall(r"^ {4}(\d+)\) (.*?) ;;$", text, re.MULTILINE):
        asked = dict(word.split("=", 1) for word in line.split())
        for variable, name in PACKAGES.items():
            value = asked[variable].strip("'").rstrip("*")
            package, version = (name, value) if name else (value, "")
            found.append(
                _part("library", package, version, f"pkg:deb/debian/{package}", f"distro=debian-{release}")
            )
    return found


def image_parts() -> list[dict[str, Any]]:
    """The images of docker-compose.yml that are not ours."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    images = (
        re.findall(r"image: \$\{\w+_IMAGE:-([^}]+)\}", text)
        + re.findall(r"DEBIAN_IMAGE:-([^}]+)\}", text)[:1]
    )
    parts = []
    for image in images:
        name, _, version = image.rpartition(":")
        parts.append(_part("container", name, version, f"pkg:docker/{name}"))
    return parts


def vendored_parts() -> list[dict[str, Any]]:
    """Scripts of others that lie in the repository, each with the version in its name or first lines."""
    folder = ROOT / "pacs_module" / "web" / "static" / "vendor"
    return [
        _part("file", path.name, "", "")
        for path in sorted(folder.glob("*"))
        if path.suffix in (".js", ".css")
    ]


def _part(kind: str, name: str, version: str, purl: str, qualifier: str = "") -> dict[str, Any]:
    at = f"@{version}" if version else ""
    query = f"?{qualifier}" if qualifier else ""
    part: dict[str, Any] = {"type": kind, "name": name, "bom-ref": f"{kind}:{name}:{version}:{qualifier}"}
    if version:
        part["version"] = version
    if purl:
        part["purl"] = f"{purl}{at}{query}"
    return part


def commit() -> str:
    """Which source it is of; empty outside of git."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main(python_parts: Path) -> None:
    """Print the whole list."""
    bom = json.loads(python_parts.read_text(encoding="utf-8"))
    bom["components"] = [*bom.get("components", []), *debian_parts(), *image_parts(), *vendored_parts()]
    if source := commit():
        bom["metadata"].setdefault("properties", []).append({"name": "aipull:commit", "value": source})
    json.dump(bom, sys.stdout, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
