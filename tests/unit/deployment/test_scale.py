"""
docker-compose.scale.yml: accepted over docker-compose.yml, and its second services are as the first ones.

Does not prove that the containers run together: nobody has run them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.compose_file import Render, as_version_1

DIFFERENT_ORTHANC = {
    "AIPULL_RECEIVER",
    "AIPULL_PACS_MODULE_URL",
    "AIPULL_HANDOVER_SEEN_AS",
    "AIPULL_LOG_FOLDER",
    "ORTHANC_AET",
}


@pytest.fixture(scope="module")
def services(compose_config: Render, filled_in: dict[str, str], repository: Path) -> dict[str, Any]:
    answer = compose_config(filled_in, over=repository / "docker-compose.scale.yml")
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = as_version_1(YAML(typ="safe").load(answer.stdout))["services"]
    return found


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    first, second = one["environment"], other["environment"]
    return {name for name in {*first, *second} if first.get(name) != second.get(name)}


def test_the_second_orthanc_differs_in_name_places_and_pacs_module_only(services: dict[str, Any]) -> None:
    assert differing(services["orthanc"], services["orthanc2"]) == DIFFERENT_ORTHANC
    assert services["orthanc"]["environment"]["AIPULL_RECEIVER"] == "one"


def test_the_second_pacs_module_differs_in_its_log_only(services: dict[str, Any]) -> None:
    assert differing(services["pacs"], services["pacs2"]) == {"PACS_MODULE_LOG_FOLDER"}
    for name in ("read_only", "cap_drop", "security_opt", "mem_limit", "tmpfs", "logging", "networks"):
        assert services["pacs2"].get(name) == services["pacs"].get(name), name
    assert {one.split(":")[1] for one in services["pacs2"]["volumes"]} == {
        one.split(":")[1] for one in services["pacs"]["volumes"]
    }


def test_each_orthanc_has_a_ram_disk_and_a_journal_of_its_own(services: dict[str, Any]) -> None:
    volumes = [set(services[name]["volumes"]) for name in ("orthanc", "orthanc2")]
    assert {"ram_disk:/ram:rw", "orthanc_journal:/var/lib/aipull:rw"} <= volumes[0]
    assert {"ram_disk_2:/ram:rw", "orthanc_journal_2:/var/lib/aipull:rw"} <= volumes[1]


def test_whoever_reads_images_has_both_ram_disks(services: dict[str, Any]) -> None:
    for name in ("pacs", "pacs2", "backend"):
        assert {"ram_disk:/ram:ro", "ram_disk_2:/ram2:ro"} <= set(services[name]["volumes"]), name


def test_plugins_and_backend_know_both_pacs_module(services: dict[str, Any]) -> None:
    both = {"http://pacs:7000", "http://pacs2:7000"}
    for name in ("orthanc", "orthanc2"):
        assert set(services[name]["environment"]["AIPULL_PACS_MODULE_URL"].split(",")) == both
    (told,) = [one for one in services["backend"]["command"] if one.startswith("--pipeline-url=")]
    assert set(told.removeprefix("--pipeline-url=").split(",")) == both
