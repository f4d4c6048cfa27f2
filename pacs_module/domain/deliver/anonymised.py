"""The message to a backend that must not learn whose images it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..json_messages.documents import to_document
from ..json_messages.messages import SeriesFolder

_STAYS = (
    "numberReceived", "statecode", "seriesnum", "totalRecievedtime", "priorities", "isPush", "lastUpdateTime",
    "handoverID",
    "completeness",
)  # fmt: skip
"""Numbers, the time when the images came, and an id that was drawn by lot."""
_EMPTY: Mapping[str, Any] = {
    "message": "", "callingAPTitle": "", "callingPresentationAddress": "", "pullID": "", "seriesReports": [],
    "identity": {},
    "announced": {}, "notes": [], "patientIDs": [],
}  # fmt: skip
"""The contract's keys, so that a backend finds them, with nothing in them."""


def without_names(
    message: Mapping[str, Any], study_uid: str, filepath: str, series: Sequence[SeriesFolder]
) -> dict[str, Any]:
    """
    The notification as it goes to the backend, with pseudonyms for UIDs and a folder of its own.

    What is not known here stays behind: a key that somebody adds later is not given away by oversight.

    Args:
        message: As the plugins sent it.
        study_uid: Pseudonym of the study.
        filepath: Folder of the copies.
        series: The copies, with their pseudonyms; at least one.
    """
    stays = {key: message[key] for key in _STAYS if key in message}
    number = sum(one.number_received for one in series)
    told = {
        "studyUID": study_uid,
        "seriesUID": series[0].series_uid,
        "filepath": filepath,
        "series": to_document(tuple(series)),
    }
    lacking = message.get("numberReceived", number) - number
    if lacking > 0:  # images that cannot be read cannot be cleaned either
        told["completeness"] = f"SHORT {number} of {number + lacking}"
    return {**stays, **_EMPTY, **told, "numberReceived": number}
