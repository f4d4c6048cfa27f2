"""
What `make` and scripts/setup.sh say and pass on, with stand-ins for the system's programs.

Not proved here: that the packages really install; that needs a fresh machine.
"""

import os
import platform
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
PINNED = re.compile(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+$"
)
DEBIANS = {"12": "python3.11-venv", "13": "python3.13-venv"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock_lines(name: str) -> list[str]:
    """Requirements as pip reads them: a backslash at the end leads on."""
    text = re.sub(r"\s*\\\n\s*", " ", (REPOSITORY / name).read_text(encoding="utf-8"))
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def locked(*names: str) -> set[str]:
    return {normal(line.partition("==")[0]) for name in names for line in lock_lines(name)}


def wanted(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[\[<>=~! ]", requirement)[0]) for requirement in requirements}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_line_of_a_lock_pins_one_version_with_its_hashes_and_names_no_host(lock: str) -> None:
    assert [line for line in lock_lines(lock) if not PINNED.match(line)] == []


def test_what_the_project_needs_is_locked() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert wanted(project["dependencies"]) - locked("requirements.lock") == set()
    dev = wanted(project["optional-dependencies"]["dev"])
    assert dev - locked("requirements.lock", "requirements-dev.lock") == set()
    assert locked("requirements.lock") & locked("requirements-dev.lock") == set()


def test_the_server_under_another_licence_is_started_and_never_imported() -> None:
    ours = [path for path in REPOSITORY.rglob("*.py") if ".venv" not in path.parts]
    imports = re.compile(r"^\s*(?:from|import)\s+(?:secantus|wiredtiger)\b", re.MULTILINE)
    assert len(ours) > 100
    assert [path for path in ours if imports.search(path.read_text(encoding="utf-8"))] == []


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a plain user on a machine without the packages, and without sudo's leave."""
    for name, script in {"dpkg-query": "exit 1", "id": "echo 1000", "sudo": "exit 1"}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_without_the_right_to_install_it_names_packages_and_command(bare_machine: dict[str, str]) -> None:
    done = subprocess.run(
        [REPOSITORY / "scripts" / "setup.sh"], env=bare_machine, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    release = platform.freedesktop_os_release()["VERSION_ID"]
    packages = f"orthanc orthanc-python dcmtk rabbitmq-server {DEBIANS[release]}"
    assert f"setup: these Debian packages are missing: {packages}\n" in done.stderr
    assert f"apt-get update && apt-get install --no-install-recommends {packages}\n" in done.stderr
    assert all(line.startswith("setup: ") for line in done.stderr.splitlines())


def test_only_files_with_the_hashes_of_the_lock_are_installed() -> None:
    setup = (REPOSITORY / "scripts" / "setup.sh").read_text(encoding="utf-8")
    installs = [line for line in setup.splitlines() if "pip_install " in line and " -r " in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_an_unknown_option_is_refused() -> None:
    done = subprocess.run(
        [REPOSITORY / "scripts" / "setup.sh", "--all"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "setup: usage: scripts/setup.sh [--dev]\n")


def demo_command(*variables: str) -> str:
    dry = ["make", "--no-print-directory", "--dry-run", "demo", *variables]
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    done = subprocess.run(dry, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.splitlines()[-1].split())


def test_make_demo_passes_on_what_is_set_and_nothing_else() -> None:
    assert demo_command() == "exec .venv/bin/python -m demo run"
    assert demo_command("KEEP=0") == "exec .venv/bin/python -m demo run"
    assert demo_command(
        "DICOM_DIR=my files", "KEYWORDS=head,brain", "KERNEL=UB", "RAM_DISK=/dev/shm", "KEEP=1"
    ) == (
        "exec .venv/bin/python -m demo run --dicom-dir 'my files' --keywords 'head,brain' --kernel 'UB'"
        " --ram-disk '/dev/shm' --keep"
    )


def test_make_alone_shows_the_targets() -> None:
    done = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "stop", "test", "kill-test", "lint", "clean"):
        assert f"make {target} " in done.stdout
