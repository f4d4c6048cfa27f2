"""
The Dockerfiles: built on what the tests run on, without secrets, not as root.

Does not prove that they build (tests/containers).
"""

import fnmatch
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose_file import Stage


def stages(dockerfiles: dict[str, list[Stage]]) -> list[tuple[str, Stage]]:
    return [(name, stage) for name, found in dockerfiles.items() for stage in found]


def targets(dockerfiles: dict[str, list[Stage]]) -> list[Stage]:
    """The stages that become images."""
    return [found for _, found in stages(dockerfiles) if found.name != "plain"]


def test_every_base_is_debian_12(dockerfiles: dict[str, list[Stage]]) -> None:
    assert set(dockerfiles) == {"orthanc.Dockerfile", "pacs.Dockerfile"}
    names = {stage.name for _, stage in stages(dockerfiles) if stage.name}
    assert {stage.base for _, stage in stages(dockerfiles)} - names == {"debian:12"}


def test_orthanc_is_debians(dockerfiles: dict[str, list[Stage]]) -> None:
    runs = " ".join(dockerfiles["orthanc.Dockerfile"][0].all("RUN"))
    assert '"orthanc=$ORTHANC" "orthanc-python=$ORTHANC_PYTHON" "$PYTHON"' in runs


@pytest.mark.parametrize(
    ("release", "belongs"), [("12", "python3.11 1.10.1* 4.0*"), ("13", "python3.13 1.12.7* 5.0*")]
)
def test_each_release_of_debian_has_its_versions(repository: Path, release: str, belongs: str) -> None:
    text = (repository / "docker/debian.sh").read_text(encoding="utf-8")
    asked = text.replace('$(. /etc/os-release && echo "$VERSION_ID")', release)
    assert asked != text
    script = f'{asked}\necho "$PYTHON $ORTHANC $ORTHANC_PYTHON"'
    done = subprocess.run(["sh", "-fc", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == belongs


def test_another_release_or_a_digest_can_be_asked_for(
    dockerfiles: dict[str, list[Stage]], composed: dict[str, Any]
) -> None:
    for name in ("orthanc", "pacs", "hospital", "backend"):
        assert composed["services"][name]["build"]["args"]["DEBIAN_IMAGE"] == "debian:12", name


def test_the_venv_is_made_by_debians_python_and_holds_the_locked_versions(
    dockerfiles: dict[str, list[Stage]],
) -> None:
    for stage in (dockerfiles["orthanc.Dockerfile"][-1], dockerfiles["pacs.Dockerfile"][-1]):
        runs = " ".join(stage.all("RUN"))
        assert '"/usr/bin/$PYTHON" -m venv /opt/aipull/venv' in runs
        assert "install --no-cache-dir --require-hashes -r requirements.lock" in runs
        assert "--no-deps" in runs.split("-e .")[0].rsplit("install", 1)[1], "nothing beside the lock"


def test_the_lock_is_installed_before_the_source_is_copied(dockerfiles: dict[str, list[Stage]]) -> None:
    for stage in (dockerfiles["orthanc.Dockerfile"][-1], dockerfiles["pacs.Dockerfile"][-1]):
        order = [f"{keyword} {words}" for keyword, words in stage.instructions]
        lock = next(i for i, line in enumerate(order) if "-r requirements.lock" in line)
        source = next(i for i, line in enumerate(order) if line.startswith("COPY pacs_module"))
        assert lock < source, "a change of ours would install everything again"


def test_no_image_runs_as_root(dockerfiles: dict[str, list[Stage]]) -> None:
    assert [stage.all("USER")[-1] for stage in targets(dockerfiles)] == ["aipull", "aipull", "pacs"]


def test_every_image_says_whether_it_is_healthy(dockerfiles: dict[str, list[Stage]]) -> None:
    for name, found in dockerfiles.items():
        assert any(stage.all("HEALTHCHECK") for stage in found), name


def test_pacs_is_healthy_when_it_can_work(dockerfiles: dict[str, list[Stage]]) -> None:
    assert '"http://127.0.0.1:7000/health/ready"]' in " ".join(
        dockerfiles["pacs.Dockerfile"][-1].all("HEALTHCHECK")
    )


def test_httpie_is_in_the_pacs_image(dockerfiles: dict[str, list[Stage]]) -> None:
    assert " httpie " in " ".join(dockerfiles["pacs.Dockerfile"][0].all("RUN"))


def test_httpie_works_without_a_terminal(dockerfiles: dict[str, list[Stage]], repository: Path) -> None:
    stage = dockerfiles["pacs.Dockerfile"][0]
    assert "docker/pacs/httpie.json /etc/httpie/config.json" in stage.all("COPY")
    assert any("HTTPIE_CONFIG_DIR=/etc/httpie" in words for words in stage.all("ENV"))
    assert json.loads((repository / "docker/pacs/httpie.json").read_text()) == {
        "default_options": ["--ignore-stdin"]
    }


def test_no_secret_is_baked_in(dockerfiles: dict[str, list[Stage]]) -> None:
    for name, stage in stages(dockerfiles):
        settings = stage.all("ENV") + stage.all("ARG")
        assert not re.search(r"PASSWORD|SECRET|_KEY|TOKEN", " ".join(settings)), name
        assert not any(re.search(r"(^|\s)\.env|\s\.\s|^\. ", words) for words in stage.all("COPY")), name


def test_package_lists_are_not_left_in_a_layer(dockerfiles: dict[str, list[Stage]]) -> None:
    for _, stage in stages(dockerfiles):
        for run in stage.all("RUN"):
            assert ("apt-get update" in run) == ("rm -rf /var/lib/apt/lists/*" in run)


def let_through(ignore: list[str], path: str) -> bool:
    """
    Whether a path reaches the builder: the last line that matches it or a folder above decides, as Docker has
    it.
    """
    above = [path.rsplit("/", depth)[0] for depth in range(path.count("/") + 1)]
    decided = True
    for line in ignore:
        pattern = line.removeprefix("!").rstrip("/").removeprefix("**/")
        if any(fnmatch.fnmatchcase(part, pattern) for part in above):
            decided = line.startswith("!")
    return decided


@pytest.fixture(scope="module")
def ignore(repository: Path) -> list[str]:
    lines = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_builder_gets_what_is_copied(
    dockerfiles: dict[str, list[Stage]], repository: Path, ignore: list[str]
) -> None:
    for name, stage in stages(dockerfiles):
        for words in stage.all("COPY"):
            for source in words.split()[:-1]:
                if source != "README.md":  # written by another hand; pyproject.toml needs it
                    assert (repository / source).exists(), (name, source)
                assert let_through(ignore, source), (name, source)


@pytest.mark.parametrize(
    "path", [".env", ".git/config", "run/whole/run.json", "docker/site/site_config.py", ".venv/bin/python"]
)
def test_the_builder_does_not_get_secrets_or_data(ignore: list[str], path: str) -> None:
    assert not let_through(ignore, path)
