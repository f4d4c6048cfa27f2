"""
Serves the requests of an association: C-ECHO and C-STORE here, C-FIND and C-MOVE in modules of their own.

pynetdicom does association and state machine; requests are served here instead of in its service classes,
because they encode every answer anew (slow), always answer (a PACS may not), and let no wrong counts or
character sets through.
"""

from __future__ import annotations

from typing import Any

from pynetdicom.dimse_primitives import C_ECHO, C_FIND, C_MOVE, C_STORE

from hospital_sim.pacs.call import Call, Context
from hospital_sim.pacs.find.service import find
from hospital_sim.pacs.move.service import move
from hospital_sim.sending.scu import SUCCESS

_CANNOT_UNDERSTAND = 0xC000


def serve(context: Context, association: Any, request: Any, context_id: int) -> None:
    """Serve one request; takes the place of ``Association._serve_request``."""
    if context_id not in association._accepted_cx or not request.is_valid_request:
        association.abort()
        return
    call = Call(context, association, request, context_id)
    service = _SERVICES.get(type(request))
    if service is None:
        association.abort()
        return
    service(call)


def _echo(call: Call) -> None:
    response = C_ECHO()
    response.Status = SUCCESS
    call.note("C-ECHO", 0, SUCCESS)
    call.send(response)


def _store(call: Call) -> None:
    request, status = call.request, SUCCESS
    data = request.DataSet.getvalue() if request.DataSet else b""
    sop_class, sop_instance = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
    try:
        values = call.context.store.add(sop_class, sop_instance, call.transfer_syntax, data, call.now)
        names = ("StudyInstanceUID", "SeriesInstanceUID")
        originator = str(request.MoveOriginatorApplicationEntityTitle or "").strip()
        call.values = {
            **{name: values[name] for name in names},
            "SOPInstanceUID": sop_instance,
            "MoveOriginator": originator,
        }
    except ValueError:
        status = _CANNOT_UNDERSTAND
    response = C_STORE()
    response.AffectedSOPInstanceUID = sop_instance
    response.Status = status
    call.note("C-STORE", 0, status)
    call.send(response)


_SERVICES = {C_ECHO: _echo, C_FIND: find, C_MOVE: move, C_STORE: _store}
