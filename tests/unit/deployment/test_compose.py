"""
docker-compose.yml: accepted by two validators, and its services, ports and networks as the design wants them.

Does not prove that the containers run: that needs a Docker daemon (tests/containers), which CI has not.
"""

import re
from pathlib import Path
from typing import Any

from tests.support.compose_file import ReadYaml, Render, Stage, Validate, mandatory, text_of

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
    assert len(mandatory(repository)) == 14
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
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"]), name
        assert ("build" in service) == service["image"].startswith("aipull/")


def test_pacs_waits_until_the_others_are_healthy(composed: dict[str, Any]) -> None:
    waits = composed["services"]["pacs"]["depends_on"]
    assert waits == {name: {"condition": "service_healthy"} for name in ("mongo", "orthanc", "rabbitmq")}


def test_servers_come_back_and_have_time_to_end(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service["restart"] == ("no" if name == "department" else "unless-stopped"), name
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert all("stop_grace_period" in composed["services"][name] for name in SITE)


def test_nobody_has_privileges_or_may_write_to_its_image(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert not service.get("privileged"), name


def test_nobody_is_root(composed: dict[str, Any]) -> None:
    """Ours by their images (test_dockerfiles.py), Prometheus and Grafana by theirs."""
    users = {name: service.get("user") for name, service in composed["services"].items() if "user" in service}
    assert users == {"mongo": "999:999", "rabbitmq": "999:999"}


def test_everybody_has_a_limit_of_memory_and_of_processes(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service.get("mem_limit"), name
        assert int(service["pids_limit"]) <= 1024, name


def test_the_ram_disk_fits_into_orthancs_memory(filled_in: dict[str, str], composed: dict[str, Any]) -> None:
    assert filled_in["RAM_DISK_SIZE"] == "4g"
    assert str(composed["services"]["orthanc"]["mem_limit"]) in ("6g", str(6 * 1024**3))


def test_up_does_not_wait_for_the_interval_of_a_health_check(
    composed: dict[str, Any], dockerfiles: dict[str, list[Stage]]
) -> None:
    """Docker looks for the first time after one interval."""
    checks = [one["healthcheck"] for one in composed["services"].values() if "healthcheck" in one]
    intervals = [check["interval"] for check in checks if "interval" in check]
    assert len(intervals) == 3
    assert set(intervals) == {"5s"}
    for name, stages in dockerfiles.items():
        texts = [words for stage in stages for words in stage.all("HEALTHCHECK")]
        assert texts, name
        assert all("--interval=5s " in words for words in texts), name


def test_images_can_be_named_by_digest(
    compose_config: Render, filled_in: dict[str, str], parse_yaml: ReadYaml
) -> None:
    digest = "@sha256:" + 64 * "a"
    names = {f"{name.upper()}_IMAGE": f"registry.local/{name}{digest}" for name in ("mongo", "rabbitmq")}
    said = parse_yaml(compose_config({**filled_in, **names, "DEBIAN_IMAGE": f"debian{digest}"}).stdout)
    assert said["services"]["mongo"]["image"] == f"registry.local/mongo{digest}"
    assert said["services"]["rabbitmq"]["image"] == f"registry.local/rabbitmq{digest}"
    assert said["services"]["orthanc"]["build"]["args"]["DEBIAN_IMAGE"] == f"debian{digest}"


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
