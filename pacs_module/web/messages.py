"""The body of a POST whose keys are checked by :mod:`pacs_module.domain.messages`, not here: what is allowed stands once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body

Message = Annotated[dict[str, Any], Body()]
