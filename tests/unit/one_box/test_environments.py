"""From /etc/aipull/aipull.env to what Orthanc, plugins and pacs_module take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aipull.runtime.environment import read_environment
from one_box.__main__ import read_values
from one_box.environments import MANDATORY, orthanc_environment, pacs_environment, problems
from one_box.places import Places
from pacs_module.settings import load_settings
from site_check.env_file import read_env
from stack.servers.orthanc import check_substitutions

REPOSITORY = Path(__file__).resolve().parents[3]
SECRETS = ("ORTHANC_PASSWORD", "AIPULL_API_KEY", "BACKEND_KEY", "RABBITMQ_PASSWORD")
FILLED_IN = {
    "HOSPITAL_TIME_ZONE": "Asia/Shanghai", "HOSPITAL_PACS_NAME": "PACS-A", "HOSPITAL_PACS_AET": "PACSA",
    "HOSPITAL_PACS_HOST": "10.1.2.3", "HOSPITAL_PACS_PORT": "104",
    "BACKEND_URL": "http://10.1.2.4/compute", "RAM_DISK_SIZE": "8g",
    **{name: f"{number}aF9xQ7kLm3vT8w2345" for number, name in enumerate(SECRETS)},
}  # fmt: skip


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(prefix=REPOSITORY, root=tmp_path)
    (made.configuration / "site").mkdir(parents=True)
    (made.configuration / "site" / "site_config.py").write_text("")
    (made.configuration / "pacs_module.toml").write_text(
        (REPOSITORY / "packaging/etc/pacs_module.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    return made


def test_the_services_take_what_the_package_ships(places: Places) -> None:
    environment = pacs_environment(FILLED_IN, places)
    settings_file = Path(environment.pop("PACS_MODULE_SETTINGS"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = load_settings(settings_file, environment)
    assert [pacs.name for pacs in settings.pacs] == ["PACS-A"]
    assert settings.store.url == f"sqlite:///{places.store}"
    assert settings.handover_folder == places.ram_disk / "handover"
    assert settings.backup.journal == Path("/var/lib/aipull/orthanc/journal.db")
    plugins = read_environment(orthanc_environment(FILLED_IN, places))
    assert plugins.handover_folder == settings.handover_folder
    assert plugins.journal == places.journal
    assert plugins.pacs_module_urls == (f"http://127.0.0.1:{settings.web.port}",)
    assert plugins.api_key == settings.web.api_key.get_secret_value()


def test_orthanc_gets_all_that_its_configuration_substitutes(places: Places) -> None:
    text = (REPOSITORY / "orthanc/config/orthanc.json").read_text(encoding="utf-8")
    check_substitutions(text, orthanc_environment(FILLED_IN, places))


def test_more_pacs_and_their_settings_and_what_has_no_line(places: Places) -> None:
    values = {
        **FILLED_IN,
        "HOSPITAL_PACS_SETTINGS": ',"count_by_image":true',
        "MORE_PACS": ',{"name":"PACS-B"}',
        "PACS_MODULE_LEASE_S": "40",
        "ORTHANC_STABLE_AGE": "60",
    }
    assert (
        pacs_environment(values, places)["PACS_MODULE_PACS"]
        == '[{"name":"PACS-A","count_by_image":true},{"name":"PACS-B"}]'
    )
    assert pacs_environment(values, places)["PACS_MODULE_LEASE_S"] == "40"
    assert orthanc_environment(values, places)["ORTHANC_STABLE_AGE"] == "60"


def test_the_file_as_shipped_tells_all_that_is_missing_at_once() -> None:
    values, wrong = read_env((REPOSITORY / "packaging/etc/aipull.env").read_text(encoding="utf-8"))
    assert wrong == []
    assert {found.name for found in problems(values)} == set(MANDATORY) - {"RAM_DISK_SIZE"}
    assert problems({**values, **FILLED_IN}) == []


def test_bad_values_are_told_at_once_and_no_secret_is_shown() -> None:
    bad = {
        **FILLED_IN,
        "HOSPITAL_TIME_ZONE": "Beijing",
        "HOSPITAL_PACS_PORT": "dicom",
        "BACKEND_KEY": "p@ss word",
    }
    found = problems(bad)
    assert {one.name for one in found} == {"HOSPITAL_TIME_ZONE", "HOSPITAL_PACS_PORT", "BACKEND_KEY"}
    assert not any("p@ss" in one.value + one.words for one in found)


def test_secrets_come_from_the_environment_where_the_file_cannot_be_read(places: Places) -> None:
    places.settings.write_text("HOSPITAL_PACS_AET=PACSA\nORTHANC_PASSWORD=old\n")
    places.secrets.write_text("BACKEND_KEY=fromthefile\n")
    values, wrong = read_values(places, {"ORTHANC_PASSWORD": "fromsystemd", "HOME": "/root"})
    assert wrong == []
    assert values == {
        "HOSPITAL_PACS_AET": "PACSA",
        "ORTHANC_PASSWORD": "fromsystemd",
        "BACKEND_KEY": "fromthefile",
    }


def test_a_line_that_is_none_and_a_missing_file_stand_against_a_start(places: Places) -> None:
    places.settings.write_text("HOSPITAL PACS\n")
    _, wrong = read_values(places, {})
    assert [one.name for one in wrong] == [".env, line 1", str(places.secrets)]


START = """
import sys
from pathlib import Path
from one_box.__main__ import main
from one_box.places import Places
sys.exit(main(sys.argv[2:], Places(root=Path(sys.argv[1]))))
"""


def start(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START, str(root), *arguments],
        cwd=REPOSITORY, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("program", ["orthanc", "pacs", "command"])
def test_settings_that_cannot_be_used_end_with_a_line_each(places: Places, program: str) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in FILLED_IN.items() if name not in SECRETS)
    places.settings.write_text(lines.replace("Asia/Shanghai", "Beijing").replace("=104", "=0"))
    places.secrets.write_text("".join(f"{name}={FILLED_IN[name]}\n" for name in SECRETS))
    done = start(places.root, program, *(["why", "1.2"] if program == "command" else []))
    assert done.returncode == 78
    said = done.stderr.splitlines()
    assert [line for line in said if "HOSPITAL_TIME_ZONE Beijing" in line and "IANA" in line]
    assert [line for line in said if "HOSPITAL_PACS_PORT 0" in line]
    assert ("var-lib-aipull-ram.mount" in done.stderr) == (program == "orthanc"), (
        "the RAM disk is not mounted"
    )
    assert "Traceback" not in done.stderr


def test_a_wrong_call_says_the_right_one(places: Places) -> None:
    done = start(places.root, "all")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.startswith("usage: ")
