"""
Destinations whose settings the platform changes while they run: each worker takes new ones over between two
uploads, so that none sees half a change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr, ValidationError

from ...adapters.upload.pacing import Pacer
from ...domain.errors import ConfigurationError
from ...ports import Uploader
from ...settings.destinations import DestinationSettings
from ...use_cases.upload.send import SendUploads
from ...use_cases.upload.upload_policy import DestinationPlan
from .ways import uploader_of

MAX_THREADS = 16
"""Workers of a destination that follows the platform: those beyond its threads rest."""


@dataclass
class LiveDestination:
    """
    The settings of one destination as they are in force.

    Args:
        site: As the settings file has them.
        plan_of: The plan of settings.
    """

    site: DestinationSettings
    plan_of: Callable[[DestinationSettings], DestinationPlan]
    turn: int = 0
    """Another one whenever something has changed."""
    _now: DestinationSettings = field(init=False)
    _pacer: Pacer = field(init=False)
    _uploader: Uploader | None = field(init=False, default=None)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._now, self._pacer = self.site, Pacer(self.site.bytes_per_second)

    @property
    def now(self) -> DestinationSettings:
        """In force."""
        return self._now

    def with_values(self, values: Mapping[str, Any]) -> DestinationSettings:
        """
        The site's settings with values of the platform; what this kind of destination does not have is not
        its own.

        Raises:
            ConfigurationError: They cannot be used together.
        """
        known = {name: value for name, value in values.items() if name in type(self.site).model_fields}
        try:
            return type(self.site).model_validate({**_plain(self.site), **known})
        except ValidationError as error:
            raise self._wrong(error) from None

    def _wrong(self, error: ValidationError) -> ConfigurationError:
        first = error.errors()[0]
        key = ".".join(str(one) for one in first["loc"]) or self.site.name
        return ConfigurationError(f"destination.{self.site.name}.{key}", "...", str(first["msg"]))

    def apply(self, values: Mapping[str, Any]) -> None:
        """Have values take effect: with each worker's next upload."""
        told = self.with_values(values)
        with self._lock:
            if told == self._now:
                return
            if told.bytes_per_second != self._now.bytes_per_second:
                self._pacer = Pacer(told.bytes_per_second)
            self._now, self._uploader, self.turn = told, None, self.turn + 1

    def follow(self, number: int) -> Callable[[SendUploads], bool]:
        """
        What the worker with this number asks before each upload: whether it works, and by which settings.
        """
        seen = 0

        def refresh(sender: SendUploads) -> bool:
            nonlocal seen
            with self._lock:
                turn, told = self.turn, self._now
                if turn != seen:
                    sender.plan, sender.uploader, seen = self.plan_of(told), self._shared(), turn
            return number <= told.threads

        return refresh

    def _shared(self) -> Uploader:
        """One for all workers, made when the first of them asks for it."""
        self._uploader = self._uploader or uploader_of(self._now, self._pacer)
        return self._uploader

    @property
    def pacer(self) -> Pacer:
        """Of all its workers together."""
        return self._pacer


def _plain(settings: DestinationSettings) -> dict[str, Any]:
    """As they stood in the file, secrets as they are."""
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in ((name, getattr(settings, name)) for name in type(settings).model_fields)
    }
