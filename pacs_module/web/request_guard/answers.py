"""JSON: bodies, and answers by an encoder that cannot fail, because what a PACS wrote may be anything."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from fastapi.responses import JSONResponse

from ...domain.json_messages.json_text import json_text

Message = Annotated[dict[str, Any], Body()]
"""A JSON object in the body of a request."""


class JsonAnswer(JSONResponse):
    """Lone surrogates, NaN and numbers without end are shown as readable text."""

    def render(self, content: Any) -> bytes:
        """The body of the answer."""
        return json_text(content).encode()
