"""
`make sbom`, `audit` and `licences`: what they make of what the tools and the packages say.

Not proved here: the tools themselves, which come from the index, and that a source of advisories answers.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts import advisories, licences, sbom

REPOSITORY = Path(__file__).resolve().parents[3]


def test_every_locked_package_may_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert licences.main(REPOSITORY / "requirements.lock") == 0
    assert "| pydicom | 3.0.2 | MIT License |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("licence", "may"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND 0BSD AND Zlib", True),
        ("Apache Software License", True),
        ("LGPL-2.1", True),
        ("GPL-2.0-only", False),
        ("MIT AND GPL-2.0-only", False),
        ("SSPL-1.0", False),
        ("not told", False),
        ("not installed here", False),
    ],
)
def test_licences(licence: str, may: bool) -> None:
    assert licences.may_be_used(licence) is may


def test_known_advisories_and_packages_that_nobody_looked_up() -> None:
    fine = {"name": "pika", "version": "1.4.4", "vulns": []}
    known = {
        "name": "urllib3", "version": "1.0",
        "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2"], "fix_versions": ["1.1"]}],
    }  # fmt: skip
    skipped = {"name": "numpy", "skip_reason": "not found"}
    assert advisories.lines_of([fine]) == (["1 packages, nothing is known against them"], advisories.FINE)
    lines, status = advisories.lines_of([fine, known, skipped])
    assert status == advisories.KNOWN
    assert lines[0] == "urllib3 1.0: PYSEC-1 CVE-2; fixed in 1.1"
    assert "numpy" in lines[1]
    assert advisories.lines_of([fine, skipped])[1] == advisories.UNASKED, "no answer is no clean bill"
    assert advisories.lines_of([])[1] == advisories.UNASKED


def test_a_report_that_is_missing_or_damaged_is_no_clean_bill(tmp_path: Path) -> None:
    assert advisories.main(tmp_path / "absent.json") == advisories.UNASKED
    (tmp_path / "damaged.json").write_text("{")
    assert advisories.main(tmp_path / "damaged.json") == advisories.UNASKED


def test_the_list_of_parts_names_debians_packages_images_and_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = {
        "bomFormat": "CycloneDX",
        "metadata": {},
        "components": [{"name": "pydicom", "version": "3.0.2"}],
    }
    (tmp_path / "python.json").write_text(json.dumps(python))
    sbom.main(tmp_path / "python.json")
    parts = json.loads(capsys.readouterr().out)["components"]
    purls = {part.get("purl") for part in parts}
    assert {
        "pkg:deb/debian/orthanc@1.10.1?distro=debian-12",
        "pkg:deb/debian/orthanc@1.12.7?distro=debian-13",
    } <= purls
    assert {"pkg:docker/mongo@7.0.28", "pkg:docker/rabbitmq@4.0.9", "pkg:docker/debian@12"} <= purls
    assert {"htmx.min.js", "pydicom"} <= {part["name"] for part in parts}
    references = [part["bom-ref"] for part in parts if "bom-ref" in part]
    assert len(set(references)) == len(references)
