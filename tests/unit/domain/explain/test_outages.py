"""Errors say whom they are about and what of them may be shown; who is waited for is one entry a server."""

from __future__ import annotations

import pytest

from pacs_module.domain.errors import (
    Busy,
    ConfigurationError,
    MessageError,
    PipelineError,
    Refused,
    RetriableError,
    TooManyAnswers,
    Unreachable,
    about,
)
from pacs_module.domain.explain.outages import Outage, ServerFault, outages

NAME = "ZHANG^SAN"
"""What the other side wrote, or a value out of a message."""


def test_the_innermost_block_says_whom_an_error_is_about() -> None:
    with pytest.raises(Unreachable) as caught, about("PACS A"), about("receiving Orthanc"):
        raise Unreachable("connection refused")
    assert caught.value.server == "receiving Orthanc"
    assert RetriableError("ours").server == "", "nobody but ourselves"


@pytest.mark.parametrize(
    "error",
    [
        Refused("the backend", 422, NAME),
        Busy("the backend answered 503", said=NAME),
        RetriableError("the backend answered 500", NAME),
        TooManyAnswers([], NAME),
        MessageError("patientID", NAME, "text"),
        ConfigurationError("key", NAME, "text"),
    ],
)
def test_what_may_be_shown_has_no_value_and_no_foreign_text(error: PipelineError) -> None:
    assert NAME in str(error)
    assert NAME not in error.public
    assert error.public
    assert ServerFault.of(error, 0).because == error.public


def test_of_an_error_that_nobody_expected_only_the_kind_is_shown() -> None:
    assert ServerFault.of(KeyError(NAME), 5) == ServerFault("", "unexpected KeyError, see the log", 5)


def test_one_entry_a_server_the_longest_awaited_first() -> None:
    faults = [
        ("publish", ServerFault("RabbitMQ", "no route to host", 30)),
        ("find A", ServerFault("PACS A", "no answer", 20)),
        ("WORKER-1", ServerFault("RabbitMQ", "connection refused", 10)),
        ("watch", ServerFault("", "unexpected KeyError, see the log", 40)),
    ]
    assert outages(faults) == [
        Outage("RabbitMQ", 10, "no route to host", ("WORKER-1", "publish")),
        Outage("PACS A", 20, "no answer", ("find A",)),
        Outage("loop watch", 40, "unexpected KeyError, see the log", ("watch",)),
    ]
    assert outages([]) == []
