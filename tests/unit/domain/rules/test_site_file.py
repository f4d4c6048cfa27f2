"""The block that `rules apply` writes into the site's file."""

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rules.site_file import BEGIN, END, with_block, without_block

OWN = "# ours\nKEYWORDS = ['STND']\n"
VALUES = {"RULES_VERSION": 3, "KEYWORDS": ["CHEST", "胸"], "KERNELS_UNWANTED": [], "FILTER_KERNEL": True}


def test_a_persons_lines_stay_as_they_are() -> None:
    assert without_block(with_block(OWN, VALUES, "why")) == OWN
    assert without_block(OWN) == OWN
    assert without_block(with_block("", VALUES, "why")).strip() == ""


def test_the_block_is_python_and_overrides() -> None:
    names: dict[str, object] = {}
    exec(with_block(OWN, VALUES, "12 by x:\nrm -rf"), names)
    assert {name: names[name] for name in VALUES} == VALUES


def test_the_number_is_written_last_so_that_half_a_file_never_has_it() -> None:
    lines = with_block(OWN, VALUES, "why").splitlines()
    assert lines[-2:] == ["RULES_VERSION = 3", END]


def test_lines_below_the_block_stay_too() -> None:
    text = with_block(OWN, VALUES, "why") + "MIN_INSTANCES_CT = 3\n"
    assert without_block(text) == OWN + "MIN_INSTANCES_CT = 3\n"


@pytest.mark.parametrize(
    "text", [f"{BEGIN}\nA = 1\n", f"{END}\n", f"{BEGIN}\n{BEGIN}\n{END}\n", f"{END}\n{BEGIN}\n"]
)
def test_a_block_that_somebody_damaged_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="block"):
        without_block(text)
