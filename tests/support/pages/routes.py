"""The routes of an application, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.routing import Mount


def places(routes: Any) -> Iterator[tuple[str, str]]:
    """Method and path of every route; FastAPI keeps an included router as one entry."""
    for route in routes:
        if isinstance(route, Mount):
            continue
        inner = getattr(route, "original_router", None)
        if inner is not None:
            prefix = getattr(getattr(route, "include_context", None), "prefix", "")
            yield from ((method, prefix + path) for method, path in places(inner.routes))
            continue
        for method in route.methods - {"HEAD", "OPTIONS"}:
            yield method, route.path
