"""What goes into the audit trail of a request: who, from where, what he saw or did, and how it ended."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise

from fastapi import Request

from ...domain.access.roles import NOBODY, Caller, Right
from ...domain.audit_trail.entry import Act, Deed
from ...domain.errors import PipelineError
from ...ports import EventLog
from .needs import need_of

_AGAIN_S = 60.0
"""A page that looks again by itself is one entry a minute."""
_MOST = 4096
_STREAMS = ("/events",)
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.TOO_MANY_REQUESTS)
_KINDS = {
    "studyinstanceuid": "study", "study_uid": "study", "seriesinstanceuid": "series",
    "accessionnumber": "order",
    "patientid": "patient", "patient": "patient", "accession": "order", "text": "text",
}  # fmt: skip
_PLACES = {"studies": "study", "series": "series", "destinations": "study", "reports": "order"}
_DEEDS = {
    Right.SEE: Deed.SAW,
    Right.WORK: Deed.DID,
    Right.ADMINISTER: Deed.ADMINISTERED,
    Right.EXCHANGE: Deed.SAW,
}


@dataclass
class Recorder:
    """Writes entries; ``append`` writes one, ``address`` says where a request comes from."""

    append: Callable[[Act], object]
    address: Callable[[Request], str]
    log: EventLog
    _seen: OrderedDict[Act, float] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request, body: bytes, status: int) -> None:
        """Note a request that was answered with this status."""
        act = act_of(request, body, status, self.address(request))
        if act is None or self._is_known(act):
            return
        try:
            self.append(act)
        except PipelineError as error:
            words = "the audit trail cannot be written"
            self.log.event("audit_trail_not_written", words, "ERROR", error=str(error))

    def _is_known(self, act: Act) -> bool:
        if act.deed not in (Deed.SAW, Deed.LOOKED_FOR, Deed.REFUSED, Deed.ROLE_TOO_LOW):
            return False
        key, now = _key(act), time.monotonic()
        with self._lock:
            since = self._seen.get(key)
            if since is not None and now < since + _AGAIN_S:
                return True
            self._seen[key] = now
            self._seen.move_to_end(key)
            while len(self._seen) > _MOST:
                self._seen.popitem(last=False)
        return False


def act_of(request: Request, body: bytes, status: int, address: str) -> Act | None:
    """The entry of a request; None: it is nobody's business (open pages, machines that may)."""
    caller: Caller = getattr(request.state, "caller", NOBODY)
    need = need_of(request.method, request.url.path)
    objects = dict(_objects(request, body))
    deed = _deed(need, request, status, objects)
    if deed is None:
        return None
    return Act(
        deed, caller.name, caller.way.value, tuple(sorted(caller.roles)), address,
        f"{request.method} {_place(request.url.path)}", status, objects,
    )  # fmt: skip


def _deed(need: Right, request: Request, status: int, objects: Mapping[str, str]) -> Deed | None:
    if status in _REFUSED:
        return Deed.REFUSED
    if status == HTTPStatus.FORBIDDEN:
        return Deed.ROLE_TOO_LOW
    deed = _DEEDS.get(need)
    if deed is None or request.url.path in _STREAMS or (need is Right.EXCHANGE and request.method != "GET"):
        return None
    if request.url.path.endswith("/forget"):
        return Deed.FORGOT
    named = any(kind != "text" for kind in objects)
    return Deed.LOOKED_FOR if deed is Deed.SAW and not named else deed


def _objects(request: Request, body: bytes) -> Iterator[tuple[str, str]]:
    """What a request names: in its path, its query, and the top of its body."""
    parts = request.url.path.strip("/").split("/")
    for place, name in pairwise(parts):
        if place in _PLACES and any(one.isdigit() for one in name):
            yield _PLACES[place], name
    yield from _named(request.query_params.items())
    try:
        told = json.loads(body) if body[:1] == b"{" else {}
    except ValueError:
        told = {}
    yield from _named((key, value) for key, value in told.items() if isinstance(value, str))


def _named(pairs: object) -> Iterator[tuple[str, str]]:
    for key, value in pairs:  # type: ignore[attr-defined]
        kind = _KINDS.get(str(key).lower())
        if kind and value:
            yield kind, str(value)


def _place(path: str) -> str:
    """The path without what it names: that stands under the objects, as a pseudonym."""
    parts = path.split("/")
    hidden = [
        before in _PLACES and any(c.isdigit() for c in part)
        for before, part in zip(["", *parts], parts, strict=False)
    ]
    return "/".join("*" if hide else part for hide, part in zip(hidden, parts, strict=True))


def _key(act: Act) -> Act:
    return Act(
        act.deed, act.by, act.way, act.roles, act.address, act.action, act.status, _Frozen(act.objects)
    )


class _Frozen(dict[str, str]):
    """What a key can be made of."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))
