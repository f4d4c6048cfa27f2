"""What all sections of the settings have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ..domain.retry import RetryPolicy

Seconds = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of the file: unknown keys are errors, and no error shows a value of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def retry_policy(attempts: int, first: float, longest: float) -> RetryPolicy:
    """As the domain knows it; pauses in seconds."""
    return RetryPolicy(attempts, timedelta(seconds=first), timedelta(seconds=longest))
