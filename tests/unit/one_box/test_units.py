"""
The systemd units: what systemd itself says of them, and that their sizes come from one line of aipull.env.

Does not prove that they start: nothing here runs systemd. tests/package starts what they say, with their
users.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from one_box.places import Places
from one_box.units import ORTHANC_ITSELF, main, units
from tests.package.unit_files import read_unit

REPOSITORY = Path(__file__).resolve().parents[3]
PACKAGING = REPOSITORY / "packaging"
SERVICES = ("aipull-orthanc.service", "aipull-pacs.service", "aipull-backup.service")
EXPOSURE = {"aipull-orthanc.service": 1.5, "aipull-pacs.service": 1.6, "aipull-backup.service": 2.7}
"""At most so much, of 10, by `systemd-analyze security`; 252 and 257 differ by a tenth."""
GIB = 1024**3


def test_the_ram_disk_and_the_memory_limit_are_one_setting() -> None:
    made = units({"RAM_DISK_SIZE": "8g"}, Places())
    assert set(made) == {"var-lib-aipull-ram.mount", "aipull-orthanc.service.d/50-memory.conf"}
    options = re.search(r"^Options=(.*)$", made["var-lib-aipull-ram.mount"], re.MULTILINE)
    assert options
    assert {"size=8g", "mode=0750", "uid=aipull", "gid=aipull", "noexec"} <= set(options[1].split(","))
    assert f"MemoryMax={8 * GIB + ORTHANC_ITSELF}\n" in made["aipull-orthanc.service.d/50-memory.conf"]


@pytest.mark.parametrize("said", ["", "8", "lots", "8g,mode=0777", "-1g"])
def test_a_size_that_is_none_leaves_the_default(said: str) -> None:
    mount = units({"RAM_DISK_SIZE": said}, Places())["var-lib-aipull-ram.mount"]
    assert "Options=size=4g,mode=0750," in mount


def test_copies_without_names_get_a_disk_of_their_own_when_they_are_wanted() -> None:
    made = units({"ANONYMISE_FOLDER": "/var/lib/aipull/copies", "COPIES_SIZE": "2g"}, Places())
    assert "size=2g,mode=0750,uid=aipull-pacs" in made["var-lib-aipull-copies.mount"]
    assert "var-lib-aipull-copies.mount" not in units({"ANONYMISE_FOLDER": "/srv/copies"}, Places())


def test_a_missing_file_is_no_failure_of_the_boot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path / "units", Places(root=tmp_path))
    assert (tmp_path / "units" / "aipull-orthanc.service.d" / "50-memory.conf").exists()
    assert "RAM disk of 4g" in capsys.readouterr().err


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All units in one folder, as an installation and the generator make them."""
    folder, prefix = tmp_path_factory.mktemp("units"), tmp_path_factory.mktemp("prefix")
    (prefix / "venv" / "bin").mkdir(parents=True)
    shutil.copy("/bin/true", prefix / "venv" / "bin" / "python")
    for file in [*(PACKAGING / "systemd").glob("*.service"), *(PACKAGING / "systemd").glob("*.timer")]:
        (folder / file.name).write_text(file.read_text(encoding="utf-8").replace("@PREFIX@", str(prefix)))
    for name, text in units({"ANONYMISE_FOLDER": "/var/lib/aipull/copies"}, Places()).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def analyze(installed: Path, *words: str) -> str:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("needs systemd-analyze of Debian's package systemd")
    done = subprocess.run(
        [tool, *words], env={"PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{installed}:"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_finds_nothing_wrong(installed: Path) -> None:
    files = [str(path) for path in installed.iterdir() if path.is_file()]
    assert len(files) == len(SERVICES) + 3
    said = analyze(installed, "verify", "--man=no", *files)
    assert not [line for line in said.splitlines() if str(installed) in line or "aipull" in line], said


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_are_shut_in(installed: Path, name: str) -> None:
    said = analyze(installed, "security", "--offline=true", "--no-pager", str(installed / name))
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert level
    assert float(level[1]) <= EXPOSURE[name]


@pytest.mark.parametrize("name", SERVICES[:2])
def test_what_the_settings_forbid_is_not_tried_again_and_all_else_is(name: str) -> None:
    unit = read_unit(PACKAGING / "systemd" / name)
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert "78" in unit["RestartPreventExitStatus"][0].split()
    assert unit["User"][0] not in ("root", "")
    assert unit["ProtectSystem"] == ["strict"]


def test_nobody_but_orthanc_writes_on_the_ram_disk() -> None:
    ram_disk = str(Places().ram_disk)
    orthanc, pacs = (read_unit(PACKAGING / "systemd" / name) for name in SERVICES[:2])
    assert ram_disk in orthanc["ReadWritePaths"][0].split()
    assert ram_disk in pacs["ReadOnlyPaths"][0].split()
    assert ram_disk not in pacs["ReadWritePaths"][0].split()
