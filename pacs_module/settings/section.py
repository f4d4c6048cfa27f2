"""What all sections of the settings have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..domain.retry import RetryPolicy


def _address(value: str) -> str:
    if not value.lower().startswith(("http://", "https://")):
        raise ValueError("an address that begins with http:// or https://")
    return value


YEAR_S = 365 * 24 * 3600
Seconds = Annotated[float, Field(gt=0, le=YEAR_S)]
Pause = Annotated[float, Field(ge=0, le=YEAR_S)]
"""In seconds, too; none at all is allowed."""
Address = Annotated[str, AfterValidator(_address)]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, and no error shows a value of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def retry_policy(attempts: int, first: float, longest: float) -> RetryPolicy:
    """As the domain knows it; pauses in seconds."""
    return RetryPolicy(attempts, timedelta(seconds=first), timedelta(seconds=longest))
