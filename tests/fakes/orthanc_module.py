"""
Orthanc's Python SDK as far as the plugins may use it: anything else is an AttributeError, anything out of
order an error.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from typing import Any


class FakeOrthanc(types.ModuleType):
    """Put it into ``sys.modules["orthanc"]``; ``calls`` says in which order what was called."""

    class ChangeType:
        ORTHANC_STARTED = 10
        ORTHANC_STOPPED = 11
        NEW_INSTANCE = 2
        NEW_STUDY = 5
        JOB_SUCCESS = 16
        JOB_FAILURE = 17

    def __init__(self, configuration: dict[str, Any]) -> None:
        super().__init__("orthanc")
        self.configuration = configuration
        self.calls: list[str] = []
        self.rest: dict[str, Callable[..., None]] = {}
        self.on_change: Callable[[int, int, str | None], None] | None = None
        self.errors: list[str] = []

    def GetConfiguration(self) -> str:
        self.calls.append("GetConfiguration")
        return json.dumps(self.configuration)

    def GenerateRestApiAuthorizationToken(self) -> str:
        self.calls.append("GenerateRestApiAuthorizationToken")
        return "Bearer fake"

    def LogError(self, message: str) -> None:
        self.errors.append(message)

    def RegisterRestCallback(self, uri: str, callback: Callable[..., None]) -> None:
        assert uri not in self.rest, f"{uri} is registered twice"
        self.calls.append("Register")
        self.rest[uri] = callback

    def RegisterOnChangeCallback(self, callback: Callable[[int, int, str | None], None]) -> None:
        assert self.on_change is None, "one callback of each kind"
        self.calls.append("Register")
        self.on_change = callback

    def GetGlobalProperty(self, number: int, default: str) -> str:
        raise AssertionError("the database is closed while the script is loaded")


class FakeOutput:
    """``orthanc.RestOutput``; one answer each."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []

    def AnswerBuffer(self, answer: str, mime: str) -> None:
        assert mime == "application/json"
        self.answers.append((200, answer))

    def SendHttpStatus(self, status: int, body: str, size: int) -> None:
        assert size == len(body.encode())
        self.answers.append((status, body))

    def SendMethodNotAllowed(self, allowed: str) -> None:
        self.answers.append((405, allowed))
