"""The platform's parameters and the destinations that follow them. No logic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...adapters.machine import SystemClock
from ...adapters.platform_parameters.kept import KeptParameters
from ...adapters.platform_parameters.platform import HttpParameters
from ...settings import Settings
from ...shared.logs import ContractLog
from ...use_cases.platform_parameters.fetch import FetchParameters
from .destinations import Destinations

PARAMETERS = "parameters"


def parameters_of(
    settings: Settings, made: Destinations | None, clock: SystemClock, log: ContractLog
) -> FetchParameters | None:
    """What fetches them, with the last good set in force already; None: the settings file alone decides."""
    told = settings.parameters
    if told is None or made is None:
        return None
    live = list(made.live.values())

    def check(values: Mapping[str, Any]) -> None:
        for one in live:
            one.with_values(values)

    def apply(values: Mapping[str, Any]) -> None:
        for one in live:
            one.apply(values)

    key, ca_file = told.key.get_secret_value(), str(told.ca_file or "")
    platform = HttpParameters(told.url, told.hospital, key, ca_file, told.timeout_s)
    kept = KeptParameters(told.file)
    fetch = FetchParameters(platform, kept, check, apply, clock, log, told.pinned, told.needed)
    fetch.begin()
    return fetch
