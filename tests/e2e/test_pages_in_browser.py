"""
Every page in a real browser, in both languages: no script of a stranger runs, none of ours fails, nothing is
asked of another host, and axe-core finds nothing serious.

With ``PAGES_PICTURES=docs/pages`` pictures of each page are written there: they have to be looked at, which
no test does (``pip install pillow`` first: they become a third of the size). The store is real, RabbitMQ's dead
letters are in memory.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from pacs_module.domain.explain.listing import RowFilter, RowOrder
from pacs_module.service.service import Service
from pacs_module.use_cases.operate.manual_work import Who
from pacs_module.web.app import create_app
from pacs_module.web.page_support.site import NAVIGATION
from stack.ports import LOOPBACK, free_ports
from tests.conftest import in_ci
from tests.fakes.served import KEY, service_on, settings_file
from tests.support.pages.browsing import CHROMIUM, DESKTOP, PHONE, QUIET, Visit
from tests.support.pages.department import DESTINATIONS, STORY, fill, fill_destinations
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server("chromium"), pytest.mark.e2e]
if importlib.util.find_spec("playwright") is None and not in_ci():
    pytest.skip("needs playwright; `make setup-dev` installs it", allow_module_level=True)
playwright = importlib.import_module("playwright.sync_api")

PAGES = {(address.strip("/") or "today"): address for address, _ in NAVIGATION}
PAGES |= {"study": f"/studies/{STORY}", "sign-in": "/sign-in"}
FILLED = {"filters": "?from=2020-01-01", "rehearsal": "?set=KEYWORDS%2B%3DSTND&budget=5"}
PICTURES = os.environ.get("PAGES_PICTURES", "")
MOST_HIGH = 1200
COLOURS = 64


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Service]]:
    (port,) = free_ports(1)
    file = settings_file(_place(tmp_path_factory))
    file.write_text(file.read_text(encoding="utf-8") + DESTINATIONS, encoding="utf-8")
    with service_on(file) as (service, _):
        fill(service)
        fill_destinations(service)
        config = uvicorn.Config(
            create_app(service), port=port, log_level="warning", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        wait_for(lambda: server.started, what="the pages")
        yield f"http://{LOOPBACK}:{port}", service
        server.should_exit = True
        thread.join(30)


def _place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the settings, which the page of the configuration names: pictures have the same one each time."""
    if not PICTURES:
        return tmp_path_factory.mktemp("pages")
    folder = Path(tempfile.gettempdir()) / "aipull"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_page_is_whole_and_accessible(browser: Any, served: tuple[str, Service], language: str) -> None:
    visit = Visit(browser, served[0], KEY, language, viewport=DESKTOP)
    visit.sign_in()
    found: dict[str, list[str]] = {}
    for name, address in PAGES.items():
        visit.go(address + FILLED.get(name, ""))
        assert visit.page.get_attribute("html", "lang") == language
        assert visit.page.locator("h1").count() == 1, name
        assert "hacked" not in visit.page.title(), name
        found[name] = visit.axe()
    visit.close()
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert visit.wrong == []
    assert visit.elsewhere == []


def test_each_page_is_readable_on_a_phone_and_in_the_dark(browser: Any, served: tuple[str, Service]) -> None:
    visit = Visit(browser, served[0], KEY, viewport=PHONE, color_scheme="dark")
    visit.sign_in()
    wide, found = {}, {}
    for name, address in PAGES.items():
        visit.go(address + FILLED.get(name, ""))
        width = visit.page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            wide[name] = width
        found[name] = visit.axe("color-contrast", "target-size")
    visit.close()
    assert wide == {}, "a page is wider than the screen"
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_a_person_cancels_a_study_by_keyboard_and_finds_it_in_the_audit(
    browser: Any, served: tuple[str, Service]
) -> None:
    url, service = served
    (row,) = service.store.lists.rows(RowFilter(accession_number="NA200002"), RowOrder.NEWEST, None, 1)
    visit = Visit(browser, url, KEY, viewport=DESKTOP)
    visit.sign_in("Wu Fang")
    visit.go(f"/studies/{row.study_uid}")
    opener = visit.page.get_by_text("Cancel", exact=True)
    opener.focus()
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.type("a phantom, by keyboard")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("[role=status].said")
    assert visit.page.locator("h1 .state").get_attribute("title") == "cancelled"
    visit.go("/audit")
    assert "a phantom, by keyboard" in visit.page.inner_text("table")
    assert "manual: Wu Fang" in visit.page.inner_text("table")
    visit.close()


def test_the_page_follows_a_change_by_itself(browser: Any, served: tuple[str, Service]) -> None:
    url, service = served
    (row,) = service.store.lists.rows(RowFilter(accession_number="NA200004"), RowOrder.NEWEST, None, 1)
    visit = Visit(browser, url, KEY, viewport=DESKTOP)
    visit.go(f"/studies/{row.study_uid}")
    with visit.page.expect_response(lambda answer: answer.url.endswith("/events")):
        visit.page.reload()
    service.work.prioritise(row.study_uid, 2, Who("manual: test", "seen by the browser"))
    visit.page.wait_for_selector("text=seen by the browser", timeout=15_000)
    visit.close()


def test_language_and_theme_are_switched_and_remembered(browser: Any, served: tuple[str, Service]) -> None:
    visit = Visit(browser, served[0], KEY, viewport=DESKTOP)
    visit.go("/studies?text=chest")
    visit.page.click("text=中文")
    assert visit.page.url.endswith("/studies?text=chest"), "the same list"
    assert visit.page.inner_text("h1") == "检查"
    visit.page.click("text=深色")
    assert visit.page.get_attribute("html", "data-theme") == "dark"
    visit.go("/audit")
    assert visit.page.get_attribute("html", "lang") == "zh"
    visit.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_docs_are_drawn_without_internet_and_can_be_read(
    browser: Any, served: tuple[str, Service], theme: str
) -> None:
    visit = Visit(browser, served[0], KEY, viewport=DESKTOP, color_scheme=theme)
    visit.context.route(
        "**/*", lambda route: route.continue_() if route.request.url.startswith(visit.url) else route.abort()
    )
    visit.go("/docs")
    visit.page.wait_for_selector(".opblock", timeout=30_000)
    assert visit.axe() == []
    assert visit.elsewhere == []
    visit.close()


@pytest.mark.skipif(not PICTURES, reason="pictures are made by PAGES_PICTURES=docs/pages")
def test_pictures(browser: Any, served: tuple[str, Service]) -> None:
    shapes: dict[str, dict[str, Any]] = {
        "desktop": {"viewport": DESKTOP},
        "phone": {"viewport": PHONE},
        "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
        "chinese": {"viewport": DESKTOP},
    }
    folder = Path(PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    for shape, more in shapes.items():
        visit = Visit(browser, served[0], KEY, "zh" if shape == "chinese" else "en", **more)
        visit.sign_in()
        for name, address in PAGES.items():
            if shape == "chinese" and name not in ("today", "studies", "study"):
                continue
            visit.go(address + FILLED.get(name, ""))
            visit.page.wait_for_timeout(250)
            _picture(visit.page, folder / f"{name}-{shape}.png")
        visit.close()


def _picture(page: Any, file: Path) -> None:
    """The page from its top, no longer than two screens: the rest looks alike."""
    height = min(page.evaluate("document.documentElement.scrollHeight"), MOST_HIGH)
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
    page.screenshot(path=file, full_page=True, clip=clip)
    if importlib.util.find_spec("PIL") is not None:
        _shrink(file)


def _shrink(file: Path) -> None:
    """A page has few colours: with a palette its picture takes a third of the room, and nobody sees a difference."""
    image = importlib.import_module("PIL.Image")
    with image.open(file) as shot:
        few = shot.convert("RGB").quantize(COLOURS, image.Quantize.MAXCOVERAGE, dither=image.Dither.NONE)
    few.save(file, "PNG", optimize=True)
