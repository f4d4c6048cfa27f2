"""
.env.example: every variable of docker-compose.yml with its real default, and no secret.

Does not prove that the containers run: that needs a Docker daemon (tests/containers), which CI has not.
"""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.compose_file import mandatory, text_of


def compose_text(repository: Path) -> str:
    return text_of(repository, "docker-compose.yml") + text_of(repository, "docker-compose.scale.yml")


def test_the_example_documents_every_variable_and_no_other(repository: Path) -> None:
    text = compose_text(repository)
    example = text_of(repository, ".env.example")
    optional = set(re.findall(r"\$\{(\w+):-", text))
    assert set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)) == set(mandatory(repository))
    assert set(re.findall(r"^#([A-Z_0-9]+)=", example, re.MULTILINE)) == optional
    # $$ is a dollar for the container's own shell.
    assert not re.findall(r"\$(?!\{\w+:[?-])", text.replace("$$", "")), (
        "a variable without default or message"
    )


def test_the_defaults_in_the_example_are_the_real_ones(repository: Path) -> None:
    real = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", compose_text(repository)))
    said = dict(re.findall(r"^#([A-Z_0-9]+)=(.*)$", text_of(repository, ".env.example"), re.MULTILINE))
    assert said == real


def test_a_variable_has_one_default(repository: Path) -> None:
    pairs = set(re.findall(r"\$\{(\w+):-([^}]*)\}", compose_text(repository)))
    assert len(pairs) == len({name for name, _ in pairs})


def test_the_example_has_no_secret_in_it(example_values: dict[str, str], filled_in: dict[str, str]) -> None:
    assert {name for name, value in example_values.items() if not value} == {
        name for name, value in filled_in.items() if value.startswith("secretof")
    }


def test_each_secret_has_one_purpose(composed: dict[str, Any], filled_in: dict[str, str]) -> None:
    holders = {
        "ORTHANC_PASSWORD": {"orthanc", "pacs", "hospital"},
        "AIPULL_API_KEY": {"orthanc", "pacs", "backend", "prometheus"},
        "BACKEND_KEY": {"pacs", "backend"},
        "MONGO_ROOT_PASSWORD": {"mongo"},
        "MONGO_PASSWORD": {"mongo", "pacs"},
        "RABBITMQ_PASSWORD": {"rabbitmq", "pacs"},
    }
    for name, expected in holders.items():
        found = {
            who for who, service in composed["services"].items() if filled_in[name] in json.dumps(service)
        }
        assert found == expected, name
