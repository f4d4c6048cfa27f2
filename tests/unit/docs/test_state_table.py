"""The table of states and events in docs/operations.md is the one of the code."""

from tests.support.state_table import PAGE, page


def test_the_page_is_what_the_code_says() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "docs/operations.md is out of date: run `make docs`"
