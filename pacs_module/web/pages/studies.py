"""``/studies``: the list, and pulling by hand what is not in it."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ...domain.dicom.attributes import unpadded
from ...domain.explain.listing import NOT_WANTED, Place, RowFilter, RowOrder
from ...domain.study.lifecycle import State
from ...service.loop import Role
from ...use_cases.operate.manual_pull import NAMES
from ...use_cases.show.studies import ShowStudies
from ..page_support.forms import checked_by, read_form, reason_of
from ..page_support.site import Site

STATES = (NOT_WANTED, *(state.value for state in State if state is not State.NONE))
_DAY = r"^(\d{4}-\d\d-\d\d)?$"
Text = Annotated[str, Query(max_length=200)]


def router(site: Site) -> APIRouter:
    """The page and its form."""
    handle, routes = _Handlers(site), APIRouter()
    routes.get("/studies", summary="The studies: searched, filtered, sorted, paged")(handle.studies)
    routes.post("/studies/pull", summary="Pull by hand, from the page", include_in_schema=False)(handle.pull)
    return routes


class _Handlers:
    """What answers each of these addresses."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._service = site.service
        self._show = ShowStudies(self._service.store)
        self._pacs = tuple(one.name for one in self._service.settings.pacs)

    def studies(
        self,
        request: Request,
        text: Text = "",
        accession: Text = "",
        patient: Text = "",
        uid: Text = "",
        state: Text = "",
        first: Annotated[str, Query(alias="from", pattern=_DAY)] = "",
        last: Annotated[str, Query(alias="to", pattern=_DAY)] = "",
        modality: Text = "",
        at: Annotated[str, Query(alias="pacs", max_length=200)] = "",
        device: Text = "",
        priority: Literal["", "0", "1", "2", "4"] = "",
        sort: RowOrder = RowOrder.NEWEST,
        after: Annotated[str, Query(max_length=300)] = "",
        after_uid: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        wanted = RowFilter(
            state, first, last, unpadded(accession), unpadded(patient), unpadded(uid),
            modality.strip().upper(), at, device.strip(), int(priority) if priority else None, text,
        )  # fmt: skip
        view = self._show(wanted, sort, Place(after, after_uid) if after_uid else None)
        return self._site.page(
            request,
            "studies",
            view,
            first_page=_page(request, None),
            next_page=_page(request, view.next),
            states=STATES,
            pacs=self._pacs,
            known_devices=self._site.known_devices(),
            orders=tuple(RowOrder),
        )

    async def pull(self, request: Request) -> Response:
        form = await read_form(request)
        name, why = checked_by(request, self._site.access, form), reason_of(form)
        asked = {key: form[key] for key in NAMES if form.get(key)}
        return await self._site.off_loop(lambda: _pull(self._site, request, asked, name, why))


def _pull(site: Site, request: Request, asked: dict[str, str], name: str, why: str) -> Response:
    answer = site.service.manual(asked, f"manual: {name}", why)
    site.service.wake(Role.PULL)
    found = [study["studyUID"] for study in answer["studies"]]
    errors = "; ".join(
        f"{pacs}: {words}" for pacs, words in {**answer["notMatching"], **answer["errors"]}.items()
    )
    words = f"next to be pulled: {', '.join(found)}" if found else "no PACS that answered has such a study"
    to = f"/studies/{found[0]}" if len(found) == 1 else "/studies"
    return site.done(request, "; ".join(part for part in (words, errors) if part), to)


def _page(request: Request, place: Place | None) -> str:
    """The address of another page of the same list."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if not key.startswith("after")]
    more = [("after", place.key), ("after_uid", place.study_uid)] if place else []
    return f"/studies?{urlencode([*kept, *more])}"
