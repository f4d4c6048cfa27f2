"""``python3 -m site_check`` as IT staff run it: with nothing of ours installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from site_check.__main__ import table
from site_check.finding import error, fine

REPOSITORY = Path(__file__).resolve().parents[3]
SECRETS = (
    "ORTHANC_PASSWORD", "AIPULL_API_KEY", "BACKEND_KEY", "MONGO_ROOT_PASSWORD", "MONGO_PASSWORD",
    "RABBITMQ_PASSWORD",
)  # fmt: skip


PROGRAMME = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module(sys.argv.pop(1), "
    "run_name='__main__')"
)


def run(*arguments: str, module: str = "site_check", **variables: str) -> "subprocess.CompletedProcess[str]":
    """-S and -I keep the installed packages away: the host has plain Python."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAMME, str(REPOSITORY), module, *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """The example, filled in."""
    lines = (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines()
    filled = [
        line + f"{number:02}aF9xQ7kLm3vT8w" if line.removesuffix("=") in SECRETS else line
        for number, line in enumerate(lines)
    ]
    path = tmp_path / ".env"
    path.write_text("\n".join(filled))
    path.chmod(0o600)
    return path


def test_the_example_filled_in_is_ready(env_file: Path) -> None:
    done = run("--env-file", str(env_file), "--values-only")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing stands against a start\n")


def test_everything_wrong_is_told_at_once(env_file: Path) -> None:
    text = env_file.read_text(encoding="utf-8")
    text = (
        text.replace("Asia/Shanghai", "Beijing")
        .replace("PACS_PORT=4242", "PACS_PORT=dicom")
        .replace("=4g", "=8")
    )
    env_file.write_text(text.replace("BACKEND_KEY=", "BACKEND_KEY=p@:/"), encoding="utf-8")
    done = run("--env-file", str(env_file), "--values-only")
    assert done.returncode == 1
    wrong = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("error")]
    assert sorted(wrong) == ["BACKEND_KEY", "HOSPITAL_PACS_PORT", "HOSPITAL_TIME_ZONE", "RAM_DISK_SIZE"]
    assert "p@:/" not in done.stdout


def test_no_file_is_status_2_and_says_what_to_do(tmp_path: Path) -> None:
    done = run("--env-file", str(tmp_path / ".env"))
    assert (done.returncode, "cp .env.example .env" in done.stderr) == (2, True)


def test_a_file_that_is_no_text(env_file: Path) -> None:
    env_file.write_bytes(b"A=\xff\xfe")
    done = run("--env-file", str(env_file), "--values-only")
    assert (done.returncode, "UTF-8" in done.stdout, done.stderr) == (1, True, "")


def test_a_container_says_it_in_a_line_by_the_name_in_env() -> None:
    done = run(
        module="site_check.environment",
        AIPULL_TIME_ZONE="Beijing",
        HOSPITAL_PACS_PORT="dicom",
        AIPULL_API_KEY="x",
    )
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "HOSPITAL_TIME_ZONE",
        "HOSPITAL_PACS_PORT",
    ]
    right = {"AIPULL_TIME_ZONE": "Asia/Shanghai", "HOSPITAL_PACS_PORT": "104", "ANONYMISE_FOLDER": ""}
    assert run(module="site_check.environment", **right).returncode == 0


def test_the_container_of_pacs_module_says_it_likewise_and_shows_no_password() -> None:
    right = {
        "PACS_MODULE_TIME_ZONE": "Asia/Shanghai",
        "PACS_MODULE_STORE__URL": "mongodb://aipull:letters1and2digits@mongo:27017/aipull?authSource=aipull",
        "PACS_MODULE_RABBITMQ__URL": "amqp://aipull:letters1and2digits@rabbitmq:5672/%2F",
    }
    assert run(module="site_check.environment", **right).returncode == 0
    wrong = {
        "PACS_MODULE_TIME_ZONE": "Beijing",
        "PACS_MODULE_CROSSDAY": "yes",
        "PACS_MODULE_STORE__URL": right["PACS_MODULE_STORE__URL"].replace("letters1", "p@ss/w"),
        "PACS_MODULE_RABBITMQ__URL": right["PACS_MODULE_RABBITMQ__URL"].replace("letters1", "p#w"),
    }
    done = run(module="site_check.environment", **wrong)
    assert done.returncode == 1
    named = {line.split()[0] for line in done.stderr.splitlines()}
    assert named == {"HOSPITAL_TIME_ZONE", "CROSSDAY", "MONGO_PASSWORD", "RABBITMQ_PASSWORD"}
    assert "p@ss" not in done.stderr
    assert "p#w" not in done.stderr


def test_long_words_fold_at_blanks_within_the_width() -> None:
    lines = table([error("NAME", "value " * 12, "words " * 40), fine("OTHER", "")], 100).splitlines()
    assert max(map(len, lines)) <= 100
    assert all(
        part in {"value", "words", "error", "NAME", "ok", "OTHER"} for line in lines for part in line.split()
    )
