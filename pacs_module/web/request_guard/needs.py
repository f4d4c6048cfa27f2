"""
Which right each route needs: the one table that the guard asks, before anything of a request is read.

A route that is not in it is nobody's: a test walks all routes of the application and compares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...domain.access.roles import Right

NEEDS: Mapping[str, Right] = {
    # --- open: no patient is named, nothing is changed ---
    "GET /health": Right.OPEN,
    "GET /health/live": Right.OPEN,
    "GET /health/ready": Right.OPEN,
    "GET /openapi.json": Right.OPEN,
    "GET /docs": Right.OPEN,
    "GET /sign-in": Right.OPEN,
    "POST /sign-in": Right.OPEN,
    "GET /sign-in/oidc": Right.OPEN,
    "GET /sign-in/oidc/back": Right.OPEN,
    "GET /sign-out": Right.OPEN,
    "GET /language/{language}": Right.OPEN,
    "GET /theme/{theme}": Right.OPEN,
    # --- machines ---
    "GET /metrics": Right.METRICS,
    "POST /api/v1/dcm/notify": Right.NOTIFY,
    "POST /api/v1/dcm/pull_report": Right.NOTIFY,
    "POST /api/v1/dcm/announced": Right.NOTIFY,
    "POST /api/v1/dcm/result": Right.RESULT,
    "POST /api/v1/results": Right.RESULT,
    "POST /api/v1/reports": Right.EXCHANGE,
    "POST /api/v1/reports/fhir": Right.EXCHANGE,
    "POST /api/v1/reports/from-platform": Right.EXCHANGE,
    "GET /api/v1/reports/{serial}": Right.EXCHANGE,
    "POST /api/v1/qc": Right.EXCHANGE,
    # --- people who look ---
    "GET /api/v1/dcm/debug": Right.SEE,
    "GET /api/v1/dcm/pull": Right.SEE,
    "GET /api/v1/dcm/dead_letters": Right.SEE,
    "GET /api/v1/dcm/rules": Right.SEE,
    "GET /api/v1/dcm/rules/history": Right.SEE,
    "GET /api/v1/dcm/rehearse": Right.SEE,
    "GET /api/v1/dcm/rehearse/days": Right.SEE,
    "GET /api/v1/dcm/filtered": Right.SEE,
    "GET /api/v1/dcm/log_level": Right.SEE,
    "GET /api/v1/studies": Right.SEE,
    "GET /api/v1/destinations": Right.SEE,
    "GET /api/v1/quarantine": Right.SEE,
    "GET /api/v1/validation": Right.SEE,
    "GET /quarantine": Right.SEE,
    "GET /api/v1/results": Right.SEE,
    "GET /api/v1/parameters": Right.SEE,
    "GET /parameters": Right.SEE,
    "GET /api/v1/reconcile": Right.SEE,
    "GET /": Right.SEE,
    "GET /events": Right.SEE,
    "GET /studies": Right.SEE,
    "GET /studies/{study_uid}": Right.SEE,
    "GET /series/{series_uid}/preview.png": Right.SEE,
    "GET /filters": Right.SEE,
    "GET /rehearsal": Right.SEE,
    "GET /dead-letters": Right.SEE,
    "GET /destinations": Right.SEE,
    "GET /reconciliation": Right.SEE,
    "GET /log": Right.SEE,
    "GET /configuration": Right.SEE,
    "GET /audit": Right.SEE,
    "GET /probe": Right.SEE,
    "GET /api/v1/reports": Right.SEE,
    "GET /api/v1/qc": Right.SEE,
    "GET /reports": Right.SEE,
    "GET /quality": Right.SEE,
    "GET /quality/export.{kind}": Right.SEE,
    # --- people who work by hand ---
    "POST /api/v1/dcm/pull": Right.WORK,
    "POST /api/v1/dcm/redo": Right.WORK,
    "POST /api/v1/dcm/cancel": Right.WORK,
    "POST /api/v1/dcm/done": Right.WORK,
    "POST /api/v1/dcm/priority": Right.WORK,
    "POST /api/v1/dcm/rehearse/pull": Right.WORK,
    "POST /studies/pull": Right.WORK,
    "POST /studies/{study_uid}/{action}": Right.WORK,
    "POST /dead-letters/{key}/{action}": Right.WORK,
    "POST /api/v1/destinations/retry": Right.WORK,
    "POST /api/v1/destinations/drop": Right.WORK,
    "POST /destinations/{study_uid}/{destination}/{action}": Right.WORK,
    "POST /api/v1/quarantine/release": Right.WORK,
    "POST /api/v1/quarantine/drop": Right.WORK,
    "POST /quarantine/{what}/{action}": Right.WORK,
    "POST /api/v1/parameters/fetch": Right.WORK,
    "POST /parameters/fetch": Right.WORK,
    "POST /rehearsal/pull": Right.WORK,
    "POST /reconciliation/compare": Right.WORK,
    "POST /reconciliation/repair": Right.WORK,
    "POST /api/v1/reports/{serial}/send-again": Right.WORK,
    "POST /reports/send-again": Right.WORK,
    # --- people who decide how it works ---
    "POST /api/v1/dcm/log_level": Right.ADMINISTER,
    "POST /log/level": Right.ADMINISTER,
    "POST /api/v1/dcm/forget": Right.ADMINISTER,
    "POST /api/v1/dcm/rules": Right.ADMINISTER,
    "POST /api/v1/dcm/rules/undo": Right.ADMINISTER,
    "POST /rehearsal/apply": Right.ADMINISTER,
    "POST /rehearsal/undo": Right.ADMINISTER,
    "POST /probe/run": Right.ADMINISTER,
    "POST /probe/take-over": Right.ADMINISTER,
}
STATIC = "/static/"
"""Scripts and styles: files of ours that name nobody."""
_READS = {"HEAD": "GET"}
_PLAIN = {place: right for place, right in NEEDS.items() if "{" not in place}
_PATTERNS = [
    (re.compile(re.sub(r"\{\w+\}", "[^/]+", place)), right) for place, right in NEEDS.items() if "{" in place
]


def need_of(method: str, path: str) -> Right:
    """
    The right that a request needs.

    What is not in the table needs one that only an administrator has: whoever may not even look is not told
    what there is.
    """
    place = f"{_READS.get(method, method)} {path}"
    if place in _PLAIN:
        return _PLAIN[place]
    if place.startswith(f"GET {STATIC}"):
        return Right.OPEN
    for pattern, right in _PATTERNS:
        if pattern.fullmatch(place):
            return right
    return Right.SEE if place.startswith("GET ") else Right.ADMINISTER
