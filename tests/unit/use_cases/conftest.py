"""The use cases over an empty store, for tests that begin there."""

import pytest

from tests.fakes.pipeline import Pipeline


@pytest.fixture
def world() -> Pipeline:
    return Pipeline()
