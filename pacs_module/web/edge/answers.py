"""Answers in JSON, written by an encoder that cannot fail: what a PACS or a backend wrote may be anything."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from ...domain.wire.json_text import json_text


class JsonAnswer(JSONResponse):
    """Lone surrogates, NaN and numbers without end are shown as readable text."""

    def render(self, content: Any) -> bytes:
        """The body of the answer."""
        return json_text(content).encode()
