"""
The names in docker-compose.yml are those that Orthanc, pacs_module and RabbitMQ read.

Does not prove that the containers run: that needs a Docker daemon (tests/containers), which CI has not.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pacs_module.domain.errors import ConfigurationError
from pacs_module.settings import BackendSettings, Settings, load_settings
from pacs_module.settings.profiles import PROFILES
from pacs_module.shared.switches_file import load_switches
from stack.run_folder import RunFolder
from stack.servers.orthanc import OrthancPorts, ReceivingLinks, ReceivingOrthanc
from tests.support.compose_file import ReadYaml, Render, Stage, mounts, text_of


def substituted(text: str) -> tuple[set[str], set[str]]:
    """Variables that Orthanc substitutes: (without default, all)."""
    code = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    return set(re.findall(r"\$\{(\w+)\}", code)), set(re.findall(r"\$\{(\w+)", code))


@pytest.mark.parametrize(
    ("service", "file"),
    [("orthanc", "orthanc/config/orthanc.json"), ("hospital", "docker/hospital/orthanc.json")],
)
def test_orthanc_gets_what_its_configuration_substitutes(
    composed: dict[str, Any], repository: Path, service: str, file: str
) -> None:
    wanted, known = substituted(text_of(repository, file))
    environment = set(composed["services"][service]["environment"])
    assert wanted <= environment
    of_orthanc = {
        name for name in environment if name.startswith(("ORTHANC_", "HOSPITAL_PACS_", "RECEIVER_"))
    }
    assert of_orthanc <= known, "given, but nothing reads it"


def test_orthanc_gets_what_the_tested_stack_gives_it(
    composed: dict[str, Any], dockerfiles: dict[str, list[Stage]], repository: Path, tmp_path: Path
) -> None:
    ports = OrthancPorts(http=1, dicom=2)
    links = ReceivingLinks(
        3, "http://127.0.0.1:4", "key", tmp_path, time_zone="Asia/Shanghai", site_config=tmp_path / "site.py"
    )
    tested = ReceivingOrthanc(RunFolder(tmp_path), ports, tmp_path, links).environment()
    set_by_image = " ".join(
        words for stage in dockerfiles["orthanc.Dockerfile"] for words in stage.all("ENV")
    )
    given = set(re.findall(r"(\w+)=", set_by_image)) | set(composed["services"]["orthanc"]["environment"])
    wanted, known = substituted(text_of(repository, "orthanc/config/orthanc.json"))
    assert set(tested) - given <= known - wanted, "neither given here nor with a default in orthanc.json"


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, repository: Path) -> Callable[..., Settings]:
    """
    The settings that pacs_module makes of a rendered compose file with the repository's settings file, or
    this one.
    """

    def load(config: dict[str, Any], file: Path | None = None) -> Settings:
        environment = {
            name: str(value or "") for name, value in config["services"]["pacs"]["environment"].items()
        }
        assert mounts(config["services"]["pacs"])[environment["PACS_MODULE_SETTINGS"]][1] == "ro"
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return load_settings(file or repository / "docker/site/pacs_module.toml", environment)

    return load


def test_pacs_module_accepts_its_environment(
    composed: dict[str, Any], filled_in: dict[str, str], settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(composed)
    assert settings.time_zone == "Asia/Shanghai"
    assert [pacs.name for pacs in settings.pacs] == ["HOSPITAL-PACS"]
    assert (settings.web.host, settings.web.port) == ("0.0.0.0", 7000)
    assert (
        settings.store.url
        == f"mongodb://aipull:{filled_in['MONGO_PASSWORD']}@mongo:27017/aipull?authSource=aipull"
    )
    assert settings.web.api_key.get_secret_value() == filled_in["AIPULL_API_KEY"]
    assert settings.move_sync is True
    assert (settings.anonymise, settings.archive) == (None, None)


def test_anonymisation_and_archive_are_switched_on_in_env(
    compose_config: Render,
    filled_in: dict[str, str],
    parse_yaml: ReadYaml,
    settings_of: Callable[..., Settings],
) -> None:
    wanted = {
        "ANONYMISE_FOLDER": "/copies",
        "ANONYMISE_KEY": "sixteen-letters-x",
        "ARCHIVE_FOLDER": "/archive",
    }
    settings = settings_of(parse_yaml(compose_config({**filled_in, **wanted}).stdout))
    assert settings.anonymise
    assert settings.archive
    assert (str(settings.anonymise.folder), settings.anonymise.key.get_secret_value()) == (
        "/copies",
        "sixteen-letters-x",
    )
    assert (str(settings.archive.folder), settings.archive.keep_days) == ("/archive", 30)


def test_half_of_anonymisation_stops_the_start(
    compose_config: Render,
    filled_in: dict[str, str],
    parse_yaml: ReadYaml,
    settings_of: Callable[..., Settings],
) -> None:
    with pytest.raises(ConfigurationError, match=r"anonymise\.key"):
        settings_of(parse_yaml(compose_config({**filled_in, "ANONYMISE_FOLDER": "/copies"}).stdout))
    with pytest.raises(ConfigurationError, match=r"anonymise\.folder"):
        settings_of(parse_yaml(compose_config({**filled_in, "ANONYMISE_KEY": "sixteen-letters-x"}).stdout))


def test_every_other_setting_can_stand_in_the_sites_file(
    composed: dict[str, Any], settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    written = tmp_path / "pacs_module.toml"
    written.write_text(
        'lease_s = 40\n[reconcile]\nat = "04:30"\n[pull]\nageing_min = 30\n[backend]\ntransfer = "bytes"\n'
        '[web]\ndebug_asks_pacs = false\n[archive]\nfolder = "/archive"\n',
        encoding="utf-8",
    )
    settings = settings_of(composed, written)
    assert (settings.lease_s, settings.reconcile.at.hour, settings.pull.ageing_min) == (40, 4, 30)
    assert (settings.backend.transfer, settings.backend.workers, settings.web.debug_asks_pacs) == (
        "bytes",
        2,
        False,
    )
    assert settings.archive
    assert settings.archive.keep_days == 30


def test_profiles_lie_beside_the_settings_file(composed: dict[str, Any]) -> None:
    where = mounts(composed["services"]["pacs"])
    file = Path(composed["services"]["pacs"]["environment"]["PACS_MODULE_SETTINGS"])
    assert where[str(file.parent / PROFILES)][1] == "ro"


def test_the_hospitals_pacs_has_settings_of_its_own(
    compose_config: Render,
    filled_in: dict[str, str],
    parse_yaml: ReadYaml,
    settings_of: Callable[..., Settings],
) -> None:
    wanted = {
        "HOSPITAL_PACS_SETTINGS": """',"repair":"STUDY","hours":[{"begin":"07:30","end":"12:00","parallel_pulls":1}]'"""
    }
    (pacs,) = settings_of(parse_yaml(compose_config({**filled_in, **wanted}).stdout)).pacs
    assert (pacs.name, pacs.repair, len(pacs.hours)) == ("HOSPITAL-PACS", "STUDY", 1)


def test_more_than_one_pacs(compose_config: Render, filled_in: dict[str, str], parse_yaml: ReadYaml) -> None:
    several = {**filled_in, "MORE_PACS": """',{"name":"PACS-B"}'"""}
    environment = parse_yaml(compose_config(several).stdout)["services"]["pacs"]["environment"]
    assert json.loads(environment["PACS_MODULE_PACS"]) == [{"name": "HOSPITAL-PACS"}, {"name": "PACS-B"}]


def test_the_sites_empty_switch_file_is_valid(repository: Path) -> None:
    assert load_switches(None, repository / "docker/site/site_config.py") == load_switches()


def test_rabbitmq_waits_longer_for_an_acknowledgement_than_pacs_module_for_a_result(repository: Path) -> None:
    milliseconds = re.search(
        r"^consumer_timeout = (\d+)$", text_of(repository, "docker/rabbitmq/20-aipull.conf"), re.MULTILINE
    )
    assert milliseconds
    assert (
        int(milliseconds[1]) / 1000
        >= BackendSettings(url="http://backend", key=SecretStr("")).result_timeout_s + 60
    )
