"""``python3 -m site_check``: the table, and an exit status."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from site_check.containers import check_containers
from site_check.env_file import check_file, check_names, known_variables, read_env
from site_check.files import check_files
from site_check.finding import Finding, Level, error
from site_check.machine import (
    check_backend,
    check_clock,
    check_disk,
    check_memory,
    check_pacs,
    check_port,
    memory_of_this_host,
)
from site_check.values import check_values

ROOT = Path(__file__).resolve().parents[1]
_COMPOSE = ("docker-compose.yml", "docker-compose.scale.yml")
_WIDTHS = (7, 22, 34)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Check and print.

    Returns:
        0 when nothing stands against a start, 1 when something does, 2 when there is no .env.
    """
    chosen = _parser().parse_args(arguments)
    if not chosen.env_file.is_file():
        print(f"{chosen.env_file}: no such file; cp .env.example .env, and fill it in", file=sys.stderr)
        return 2
    findings = check(ROOT, chosen.env_file, look_at_machine=not chosen.values_only)
    print(table(findings, shutil.get_terminal_size((120, 24)).columns))
    errors = sum(finding.level == Level.ERROR for finding in findings)
    print()
    found = f"{errors} to be mended before the stack is started"
    print(found if errors else "nothing stands against a start")
    return 1 if errors else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m site_check",
        description="Reads .env and the files that it names, looks at this machine, the PACS and the "
        "backend, and tells all of it at once. Nothing is started or changed.",
        epilog="Exit status: 0 the stack can start, 1 something must be mended first, 2 there is no such "
        "file.",
    )
    parser.add_argument(
        "--env-file", type=Path, default=ROOT / ".env", help="instead of .env beside the stack"
    )
    parser.add_argument(
        "--values-only", action="store_true", help="look at the files, not at machine and network"
    )
    return parser


def check(root: Path, env_file: Path, *, look_at_machine: bool = True) -> list[Finding]:
    """Everything that is found, errors first."""
    known = known_variables("\n".join((root / name).read_text(encoding="utf-8") for name in _COMPOSE))
    try:
        text = env_file.read_text(encoding="utf-8")
    except UnicodeDecodeError as bad:
        return [error(str(env_file), "", f"a text file in UTF-8 ({bad.reason} at byte {bad.start})")]
    values, findings = read_env(text)
    findings += check_file(env_file)
    findings += check_names(values, known)
    findings += check_values(values)
    findings += check_containers(root, values)
    findings += check_files(root, values, known.defaults)
    if look_at_machine:
        wrong = {finding.name for finding in findings if finding.level == Level.ERROR}
        findings += _look_at_machine(values, wrong)
    order = [Level.ERROR, Level.WARNING, Level.OK]
    return sorted(findings, key=lambda finding: order.index(finding.level))


def _look_at_machine(values: Mapping[str, str], wrong: set[str]) -> list[Finding]:
    """Only what the values that are right allow to be asked."""

    def usable(*names: str) -> bool:
        return not wrong.intersection(names)

    findings = [*check_memory(values, memory_of_this_host()), check_disk(), *check_clock()]
    if usable("DICOM_BIND", "DICOM_PORT"):
        bind, port = values.get("DICOM_BIND") or "0.0.0.0", values.get("DICOM_PORT") or "4242"  # noqa: S104
        findings.append(check_port("DICOM_PORT", bind, int(port)))
    if usable("PACS_HTTP_BIND"):
        findings.append(check_port("PACS_HTTP_BIND", values.get("PACS_HTTP_BIND") or "127.0.0.1", 80))
    if usable("HOSPITAL_PACS_HOST", "HOSPITAL_PACS_PORT", "HOSPITAL_PACS_AET", "ORTHANC_AET"):
        findings.append(check_pacs(values))
    if usable("BACKEND_URL"):
        findings.append(check_backend(values))
    return findings


def table(findings: Sequence[Finding], width: int) -> str:
    """Four columns, the last folded at words to the width of the terminal."""
    first, second, third = _WIDTHS
    rest = max(width - first - second - third - 6, 24)
    lines: list[str] = []
    for finding in findings:
        words = textwrap.wrap(finding.words, rest) or [""]
        value = textwrap.wrap(finding.value, third) or [""]
        columns = [finding.level.value], [finding.name], value, words
        for level, name, shown, text in zip_longest(*columns, fillvalue=""):
            lines.append(f"{level:<{first}}  {name:<{second}}  {shown:<{third}}  {text}".rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
