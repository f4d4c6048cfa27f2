"""The .env file, read as docker-compose reads it."""

from pathlib import Path

from site_check.env_file import check_file, check_names, known_variables, read_env
from site_check.finding import Level

COMPOSE = 'a: "${MUST:?MUST is missing}"\nb: ${MAY:-7}\nc: ${MAY:-7}\n'


def test_lines_as_docker_compose_reads_them() -> None:
    text = "# comment\n\nA=1\nB = two words  # why\nexport C='with # inside'\nD=\"quoted\"\nE=\nF=a#b\n"
    values, findings = read_env(text)
    assert values == {"A": "1", "B": "two words", "C": "with # inside", "D": "quoted", "E": "", "F": "a#b"}
    assert findings == []


def test_a_byte_order_mark_is_told_and_the_first_name_is_read() -> None:
    values, (found,) = read_env("\ufeffA=1\r\nB=2\r\n")
    assert values == {"A": "1", "B": "2"}
    assert "byte order mark" in found.words


def test_a_line_that_is_no_assignment_is_told_by_its_number_and_not_shown() -> None:
    values, (found,) = read_env("A=1\nthe secret alone\n")
    assert values == {"A": "1"}
    assert (found.level, found.name) == (Level.ERROR, ".env, line 2")
    assert "secret" not in found.value + found.words


def test_a_name_twice_is_told_and_the_last_counts() -> None:
    values, (found,) = read_env("A=1\nA=2\n")
    assert (values, found.level, found.name) == ({"A": "2"}, Level.WARNING, "A")


def test_all_missing_ones_are_told_at_once_and_a_misspelt_one_with_what_was_meant() -> None:
    known = known_variables(COMPOSE + "${MORE:?x}")
    assert (known.mandatory, known.defaults) == (frozenset({"MUST", "MORE"}), {"MAY": "7"})
    found = check_names({"MSUT": "1", "COMPOSE_PROJECT_NAME": "x", "QQQQ": "1"}, known)
    assert [(one.level, one.name) for one in found] == [
        (Level.ERROR, "MORE"),
        (Level.ERROR, "MUST"),
        (Level.WARNING, "MSUT"),
        (Level.WARNING, "QQQQ"),
    ]
    assert "MUST?" in found[2].words


def test_secrets_that_others_can_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1")
    path.chmod(0o644)
    assert [found.level for found in check_file(path)] == [Level.WARNING]
    path.chmod(0o600)
    assert [found.level for found in check_file(path)] == [Level.OK]
