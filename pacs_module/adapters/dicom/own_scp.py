"""A C-ECHO to a receiving Orthanc of ours, as a PACS would send it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from .reactor_gate import keep_answers

CALLING = "AIPULL_ECHO"
ANSWER_S = 10.0


def echo(host: str, port: int, ae_title: str, answer_s: float = ANSWER_S) -> str:
    """
    Why it does not answer; empty: it does.

    Args:
        host: Name or address.
        port: Of the SCP.
        ae_title: Its own.
        answer_s: Seconds for each step.
    """
    entity = AE(CALLING)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = answer_s
    entity.add_requested_context(Verification)
    association = entity.associate(host, port, ae_title=ae_title)
    if not association.is_established:
        return f"no association with {ae_title} at {host}:{port}"
    keep_answers(association)
    try:
        status = getattr(association.send_c_echo(), "Status", None)
    except (RuntimeError, ValueError) as error:
        return f"no C-ECHO: {error}"
    finally:
        with suppress(Exception):
            association.release()
    return "" if status == 0 else f"C-ECHO was answered by {status}"


def asked(host: str, known: Callable[[], tuple[str, int]]) -> Callable[[], str | None]:
    """
    What asks one; ``known``: its AE title and port, as Orthanc itself tells them (0: it does not).

    While Orthanc's REST API does not answer either, that is the outage that is told, and nobody is asked.
    """

    def ask() -> str | None:
        ae_title, port = known()
        return echo(host, port, ae_title) if port else None

    return ask
