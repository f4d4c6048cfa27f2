"""
The chart says the same as docker-compose.yml: the same variables, users and confinement; one pod.

Does not render it: `make helm-check` does, with Helm's own library.
"""

from __future__ import annotations

import re
from pathlib import Path

from pacs_module.settings.backend import BackendSettings
from pacs_module.settings.section import Section
from pacs_module.settings.servers import WebSettings
from tests.support.compose_file import ReadYaml, text_of

CHART = "packaging/helm/aipull"
OF_THE_CHART: dict[str, type[Section]] = {
    "PACS_MODULE_WEB__HOSTS": WebSettings,
    "PACS_MODULE_BACKEND__TRANSFER": BackendSettings,
}


def variables(text: str) -> set[str]:
    return set(
        re.findall(
            r"\b(?:PACS_MODULE|ORTHANC|HOSPITAL_PACS|AIPULL)_[A-Z_]+\b|\bNETRC\b|\bSITE_CONFIG\b", text
        )
    )


def test_every_variable_is_one_of_docker_compose_or_a_setting(repository: Path) -> None:
    named = variables(text_of(repository, f"{CHART}/templates/statefulset.yaml"))
    others = named - variables(text_of(repository, "docker-compose.yml"))
    assert others == set(OF_THE_CHART)
    for name, section in OF_THE_CHART.items():
        assert name.rpartition("__")[2].lower() in section.model_fields


def test_there_is_one_pod_and_no_value_for_another_number(repository: Path, parse_yaml: ReadYaml) -> None:
    assert "  replicas: 1\n" in text_of(repository, f"{CHART}/templates/statefulset.yaml")
    assert "replicas" not in parse_yaml(text_of(repository, f"{CHART}/values.yaml"))


def test_the_users_are_those_of_the_images(repository: Path) -> None:
    template = text_of(repository, f"{CHART}/templates/statefulset.yaml")
    images = text_of(repository, "docker/orthanc.Dockerfile") + text_of(repository, "docker/pacs.Dockerfile")
    assert re.findall(r"runAsUser: (\d+)", template) == re.findall(r"--uid (\d+)", images)
    assert template.count('include "aipull.confined"') == 2
    confined = text_of(repository, f"{CHART}/templates/_helpers.tpl")
    for words in (
        "readOnlyRootFilesystem: true",
        "allowPrivilegeEscalation: false",
        "drop: [ALL]",
        "runAsNonRoot: true",
    ):
        assert words in confined


def test_the_images_are_this_release(repository: Path, parse_yaml: ReadYaml) -> None:
    values = parse_yaml(text_of(repository, f"{CHART}/values.yaml"))
    compose = text_of(repository, "docker-compose.yml")
    assert f"image: {values['images']['orthanc']}\n" in compose
    assert f"image: {values['images']['pacs']}\n" in compose
