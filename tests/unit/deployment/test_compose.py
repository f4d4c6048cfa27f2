"""
docker-compose.yml: accepted by two validators, and its services, ports and networks as the design wants them.

Does not prove that the containers run: that needs a Docker daemon (tests/containers), which CI has not.
"""

import re
from pathlib import Path
from typing import Any

from tests.support.compose_file import ReadYaml, Render, Validate, mandatory, text_of

SITE = {"orthanc", "pacs", "mongo", "rabbitmq"}
DEMO = {"hospital": "hospital", "department": "hospital", "backend": "backend"}
MONITORING = {"prometheus": "monitoring", "grafana": "monitoring"}


def test_docker_compose_accepts_it(compose_config: Render, filled_in: dict[str, str]) -> None:
    answer = compose_config(filled_in, "--quiet")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_compose_specification_accepts_it(check_schema: Validate, repository: Path) -> None:
    answer = check_schema(repository / "docker-compose.yml")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_both_validators_find_a_misspelt_key(
    compose_config: Render,
    check_schema: Validate,
    filled_in: dict[str, str],
    repository: Path,
    tmp_path: Path,
) -> None:
    broken = tmp_path / "docker-compose.yml"
    text = text_of(repository, "docker-compose.yml")
    broken.write_text(text.replace("stop_grace_period:", "stop_grace_time:", 1), encoding="utf-8")
    assert "stop_grace_time" in compose_config(filled_in, "--quiet", file=broken).stderr
    assert check_schema(broken).returncode != 0


def test_each_mandatory_variable_is_named_when_it_is_missing(
    compose_config: Render, filled_in: dict[str, str], repository: Path
) -> None:
    assert len(mandatory(repository)) == 13
    for name in mandatory(repository):
        answer = compose_config({**filled_in, name: ""}, "--quiet")
        assert answer.returncode != 0, name
        assert f"{name} is missing" in answer.stderr.rsplit(": ", 1)[-1], name


# --- services ---


def test_the_site_runs_four_services_the_demo_three_and_monitoring_two_more(composed: dict[str, Any]) -> None:
    profiles = {name: service.get("profiles", []) for name, service in composed["services"].items()}
    assert {name for name, asked in profiles.items() if not asked} == SITE
    assert {name: asked[0] for name, asked in profiles.items() if asked} == {**DEMO, **MONITORING}


def test_nothing_of_the_site_waits_for_the_demo(composed: dict[str, Any]) -> None:
    for name in SITE:
        assert set(composed["services"][name].get("depends_on", {})) <= SITE


def test_images_are_pinned(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.\d+", service["image"]), name
        assert ("build" in service) == service["image"].startswith("aipull/")


def test_pacs_waits_until_the_others_are_healthy(composed: dict[str, Any]) -> None:
    waits = composed["services"]["pacs"]["depends_on"]
    assert waits == {name: {"condition": "service_healthy"} for name in ("mongo", "orthanc", "rabbitmq")}


def test_servers_come_back_and_have_time_to_end(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service["restart"] == ("no" if name == "department" else "unless-stopped"), name
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert all("stop_grace_period" in composed["services"][name] for name in SITE)


def test_ours_have_no_privileges(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if "build" in service:
            assert service["cap_drop"] == ["ALL"], name


def test_the_time_zone_is_a_setting_and_not_the_containers_clock(composed: dict[str, Any]) -> None:
    assert [
        name for name, service in composed["services"].items() if "TZ" in service.get("environment", {})
    ] == ["department"]
    environment = {name: composed["services"][name]["environment"] for name in ("orthanc", "pacs")}
    assert (
        environment["orthanc"]["AIPULL_TIME_ZONE"]
        == environment["pacs"]["PACS_MODULE_TIME_ZONE"]
        == "Asia/Shanghai"
    )


# --- ports and networks ---


def test_only_dicom_and_the_api_are_published(composed: dict[str, Any]) -> None:
    published = {
        name: service["ports"] for name, service in composed["services"].items() if "ports" in service
    }
    assert published == {
        "orthanc": ["0.0.0.0:4242:4242/tcp"],
        "pacs": ["127.0.0.1:80:7000/tcp"],
        "grafana": ["127.0.0.1:3000:3000/tcp"],
    }


def test_the_api_is_opened_by_the_site_alone(
    compose_config: Render, filled_in: dict[str, str], parse_yaml: ReadYaml
) -> None:
    opened = parse_yaml(compose_config({**filled_in, "PACS_HTTP_BIND": "10.0.0.5"}).stdout)
    assert opened["services"]["pacs"]["ports"] == ["10.0.0.5:80:7000/tcp"]


def test_databases_are_reached_by_pacs_alone(composed: dict[str, Any]) -> None:
    assert composed["networks"]["state"] == {"internal": True}
    members = {name for name, service in composed["services"].items() if "state" in service["networks"]}
    assert members == {"mongo", "rabbitmq", "pacs"}
    assert all(set(composed["services"][name]["networks"]) == {"state"} for name in ("mongo", "rabbitmq"))
