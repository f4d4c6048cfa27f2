"""
The compose file as docker-compose 1.29 (Debian's) understands it, and the Dockerfiles in their stages.

Needs Debian's package docker-compose and, from the dev lock, check-jsonschema (with ruamel.yaml); neither
needs a Docker daemon.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose_file import Done, ReadYaml, Render, Stage, Validate, as_version_1

REPOSITORY = Path(__file__).resolve().parents[3]
COMPOSE = "/usr/bin/docker-compose"
SECRETS = (
    "ORTHANC_PASSWORD",
    "AIPULL_API_KEY",
    "BACKEND_KEY",
    "MONGO_ROOT_PASSWORD",
    "MONGO_PASSWORD",
    "RABBITMQ_PASSWORD",
)


def absent(what: str) -> None:
    """Skip on a desk, fail in CI."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(f"{what} (CI=true: not skipped)", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def example_values() -> dict[str, str]:
    """What .env.example assigns."""
    text = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.splitlines() if re.match(r"[A-Z_]+=", line))


@pytest.fixture(scope="session")
def filled_in(example_values: dict[str, str]) -> dict[str, str]:
    """The example as a site fills it in: every secret another one."""
    return {**example_values, **{name: f"secretof{name.lower().replace('_', '')}" for name in SECRETS}}


@pytest.fixture(scope="session")
def compose_config(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Runs ``docker-compose config`` with these variables and no others."""
    if not Path(COMPOSE).exists():
        absent("needs Debian's package docker-compose; `make setup-dev` installs it")

    def run(
        variables: Mapping[str, str],
        *options: str,
        file: Path = REPOSITORY / "docker-compose.yml",
        over: Path | None = None,
    ) -> Done:
        env_file = tmp_path_factory.mktemp("env") / "env"
        env_file.write_text(
            "".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8"
        )
        files = ["--file", str(file), *(["--file", str(over)] if over else [])]
        profiles = [
            f"--profile={name}" for name in ("hospital", "backend", "monitoring")
        ]  # version 1 prints all
        return subprocess.run(
            [
                COMPOSE,
                *files,
                "--project-directory",
                str(REPOSITORY),
                "--env-file",
                str(env_file),
                *profiles,
                "config",
                *options,
            ],
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture(scope="session")
def parse_yaml() -> ReadYaml:
    try:
        from ruamel.yaml import YAML
    except ImportError:
        absent("needs ruamel.yaml, which comes with check-jsonschema of the dev lock")
    yaml = YAML(typ="safe", pure=True)

    def read(text: str) -> Any:
        found = yaml.load(text)
        return as_version_1(found) if isinstance(found, dict) and "services" in found else found

    return read


@pytest.fixture(scope="session")
def written(parse_yaml: ReadYaml) -> dict[str, Any]:
    """docker-compose.yml as written."""
    return dict(parse_yaml((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def composed(compose_config: Render, filled_in: dict[str, str], parse_yaml: ReadYaml) -> dict[str, Any]:
    """docker-compose.yml with the filled-in example, every profile, as docker-compose understands it."""
    rendered = compose_config(filled_in)
    assert rendered.returncode == 0, rendered.stderr
    return dict(parse_yaml(rendered.stdout))


def read_stages(dockerfile: Path) -> list[Stage]:
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE)
    stages: list[Stage] = []
    given: dict[str, str] = {}
    """Arguments before the first stage, as they are when nobody sets them."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not line.strip():
            continue
        keyword, words = line.split(maxsplit=1)
        if keyword == "FROM":
            base, _, name = words.partition(" AS ")
            stages.append(Stage(re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], base), name))
        elif not stages:
            name, _, default = words.partition("=")
            given[name] = default
        else:
            stages[-1].instructions.append((keyword, words))
    return stages


@pytest.fixture(scope="session")
def dockerfiles() -> dict[str, list[Stage]]:
    """File name to stages."""
    return {file.name: read_stages(file) for file in sorted((REPOSITORY / "docker").glob("*.Dockerfile"))}


@pytest.fixture(scope="session")
def check_schema() -> Validate:
    """
    Validates a file against the compose specification's own schema, as check-jsonschema ships it (no
    network).
    """
    beside = Path(sys.executable).parent / "check-jsonschema"
    program = str(beside) if beside.exists() else shutil.which("check-jsonschema")
    if not program:
        absent("needs check-jsonschema of the dev lock; `make setup-dev` installs it")

    def run(file: Path) -> Done:
        command = [str(program), "--builtin-schema", "vendor.compose-spec", str(file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    return run
