"""
``python3 -m site_check.environment``: what a container was started with, one line for each value that cannot
be used, before Orthanc or pacs_module say it in words of their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from site_check.finding import Finding, Level, error
from site_check.values import CHECKS, SECRETS, check_values

_IN_ENV = {
    "AIPULL_TIME_ZONE": "HOSPITAL_TIME_ZONE",
    "PACS_MODULE_TIME_ZONE": "HOSPITAL_TIME_ZONE",
    "PACS_MODULE_CROSSDAY": "CROSSDAY",
    "PACS_MODULE_MOVE_SYNC": "MOVE_SYNC",
    "PACS_MODULE_BACKEND__URL": "BACKEND_URL",
    "PACS_MODULE_BACKEND__WORKERS": "BACKEND_WORKERS",
    "PACS_MODULE_HANDOVER_FOLDER": "HANDOVER_SEEN_AS",
    "PACS_MODULE_ANONYMISE__FOLDER": "ANONYMISE_FOLDER",
    "PACS_MODULE_ANONYMISE__KEY": "ANONYMISE_KEY",
    "PACS_MODULE_ARCHIVE__FOLDER": "ARCHIVE_FOLDER",
    "PACS_MODULE_ARCHIVE__KEEP_DAYS": "ARCHIVE_KEEP_DAYS",
    "PACS_MODULE_PRIVACY__KEEP_DAYS": "PRIVACY_KEEP_DAYS",
    "PACS_MODULE_PRIVACY__KEEP_LOG_DAYS": "PRIVACY_KEEP_LOG_DAYS",
    "PACS_MODULE_PRIVACY__KEY_FILE": "AIPULL_LOG_KEY_FILE",
    "PACS_MODULE_PRIVACY__LOG_WITHOUT_IDENTIFIERS": "LOG_WITHOUT_IDENTIFIERS",
}
"""Names in the container, where docker-compose.yml gives them another one than .env."""


_PASSWORDS = {"PACS_MODULE_STORE__URL": "MONGO_PASSWORD", "PACS_MODULE_RABBITMQ__URL": "RABBITMQ_PASSWORD"}


def _in_url(variables: Mapping[str, str]) -> list[Finding]:
    """
    A character of a password that ends a part of a URL makes another address of it; the password is not
    shown.
    """
    found = []
    for name, password in _PASSWORDS.items():
        value = variables.get(name, "")
        authority = value.partition("://")[2]
        if value and (
            authority.count("@") != 1 or any(sign in authority.partition("@")[0] for sign in "/?#[]")
        ):
            words = "letters and digits only, because it becomes part of a URL: openssl rand -hex 24"
            found.append(error(password, "(not shown)", words))
    return found


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
    wrong = _in_url(variables)
    wrong += [finding for finding in check_values(values) if finding.level == Level.ERROR]
    for finding in wrong:
        print(f"{finding.name} {finding.value!r} in .env: {finding.words}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
