"""
``python3 -m site_check.environment``: what a container of Orthanc was started with, one line for each value that
cannot be used, before Orthanc says it in words of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from site_check.finding import Level
from site_check.values import CHECKS, SECRETS, check_values

_IN_ENV = {"AIPULL_TIME_ZONE": "HOSPITAL_TIME_ZONE"}
"""Names in the container, where docker-compose.yml gives them another one than .env."""


def main(variables: Mapping[str, str] = os.environ) -> int:
    """
    Check the variables that are there.

    Returns:
        0 when all of them can be used, else 1.
    """
    values: dict[str, str] = {}
    for name, value in variables.items():
        known = _IN_ENV.get(name, name)
        # The strength of secrets is checked before the stack starts; a running one is not stopped for it.
        if known in CHECKS and known not in SECRETS:
            values[known] = value
    wrong = [finding for finding in check_values(values) if finding.level == Level.ERROR]
    for finding in wrong:
        print(f"{finding.name} {finding.value!r} in .env: {finding.words}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
