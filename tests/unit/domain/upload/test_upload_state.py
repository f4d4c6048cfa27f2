"""The states of an upload, against a model of its own, written by hand."""

import itertools

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.upload.upload import MOST_TRIES, Upload
from pacs_module.domain.upload.upload_state import UPLOAD_STATES, UploadEvent, UploadState

ALLOWED = {
    ("queued", "begin"): "uploading", ("queued", "fail"): "queued", ("queued", "be given up"): "dead",
    ("queued", "be dropped"): "dropped", ("queued", "be queued again"): "queued",
    ("uploading", "begin"): "uploading", ("uploading", "be sent"): "uploaded",
    ("uploading", "fail"): "queued",
    ("uploading", "be given up"): "dead", ("uploading", "be dropped"): "dropped",
    ("uploaded", "be verified"): "verified", ("uploaded", "fail"): "queued",
    ("uploaded", "be given up"): "dead",
    ("uploaded", "be dropped"): "dropped",
    ("verified", "be lost there"): "dropped",
    ("dead", "be queued again"): "queued", ("dead", "be dropped"): "dropped",
}  # fmt: skip


def test_every_pair_is_as_the_model_says() -> None:
    for state, event in itertools.product(UploadState, UploadEvent):
        wanted = ALLOWED.get((state.value, event.value))
        if wanted is None:
            with pytest.raises(InvalidTransition):
                UPLOAD_STATES.next(state, event)
        else:
            assert UPLOAD_STATES.next(state, event).value == wanted


def test_nothing_is_verified_that_was_not_uploaded() -> None:
    ways_in = {state for (state, _), after in ALLOWED.items() if after == "verified"}
    assert ways_in == {"uploaded"}


def test_tries_are_bounded() -> None:
    upload = Upload("a", "h", "")
    for number in range(MOST_TRIES + 5):
        upload.tried("failed", "x" * 9999, number)
    assert len(upload.tries) == MOST_TRIES
    assert len(upload.tries[0].words) == 500
