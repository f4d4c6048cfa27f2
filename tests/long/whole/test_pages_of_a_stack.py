"""
The pages over a whole running stack (PACS, Orthanc with the plugins, RabbitMQ, pacs_module, backend) in a
real browser: what people look at while studies come, and what they do there.

In both languages, each page looked at by axe-core. What pages look like is not proved here, nor speed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pacs_module.web.page_support.site import NAVIGATION
from stack.ports import LOOPBACK
from stack.servers.orthanc import HOSPITAL_AET, HOSPITAL_NAME, RECEIVER_AET
from stack.whole import Stack, StackPorts
from tests.conftest import in_ci
from tests.e2e.conftest import QUICK, Pipeline, options
from tests.support.images.dicom_maker import CHEST_CT, Study, store
from tests.support.pages.browsing import CHROMIUM, DESKTOP, QUIET, Visit
from tests.support.pages.left_in_english import left_in_english
from tests.support.servers import refusing_backend
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]
if importlib.util.find_spec("playwright") is None and not in_ci():
    pytest.skip("needs playwright; `make setup-dev` installs it", allow_module_level=True)
playwright = importlib.import_module("playwright.sync_api")

NOW = datetime.now(ZoneInfo("Asia/Shanghai"))
TODAY, YESTERDAY = NOW.strftime("%Y%m%d"), (NOW - timedelta(days=1)).date()
GE: dict[str, Any] = {"Manufacturer": "GE", "ManufacturerModelName": "Revolution", "StationName": "CT-3"}
DEVICE = "GE / Revolution / CT-3"
LONG_S = 240.0
RAW = (refusing_backend.WORDS,)
"""What another server wrote."""
AS_WRITTEN = ("log", "configuration")
"""Pages of lines and values as they stand in files."""


class Town:
    """A stack, and what lies in its PACS: one study of each kind that the pages tell apart."""

    def __init__(self, pipeline: Pipeline, refused: Path) -> None:
        self.pipeline = pipeline
        self._refused = refused
        self.chest = self.study("CHEST", TODAY)
        self.chest.add_series(2, CHEST_CT, **GE)
        self.thorax = self.study(
            "THORAX", TODAY, BodyPartExamined="STND", ProtocolName="", SeriesDescription="std"
        )
        self.bad = self.study("BAD", TODAY)
        self.overlooked = self.study("OVERLOOKED", f"{YESTERDAY:%Y%m%d}")

    def study(self, name: str, day: str, **tags: str) -> Study:
        """A study of one series, not yet in the PACS."""
        study = Study(name, day)
        study.add_series(12, {**CHEST_CT, **GE, **tags})
        return study

    def fill(self) -> None:
        """Put the studies into the PACS, and wait until each is where it comes to."""
        self._refused.write_text(self.bad.uid, encoding="utf-8")
        for study in (self.chest, self.thorax, self.bad, self.overlooked):
            store(self.pipeline.hospital, study.images)
        self.reaches(self.chest, "completed")
        self.reaches(self.thorax, "unsupported_series")
        self.reaches(self.bad, "dead_letter")

    def reaches(self, study: Study, state: str) -> None:
        """Wait until it is in a state."""
        wait_for(
            lambda: self.pipeline.state(study.uid) == state,
            LONG_S,
            what=lambda: f"{study.name} to be {state}: {self.pipeline.study(study.uid)}",
        )

    def mend_backend(self) -> None:
        """It refuses nothing any more."""
        self._refused.write_text("", encoding="utf-8")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, ports = tmp_path_factory.mktemp("town"), StackPorts.free()
    pacs = {
        "name": HOSPITAL_NAME,
        "host": LOOPBACK,
        "port": ports.hospital.dicom,
        "ae_title": HOSPITAL_AET,
        "calling_ae_title": RECEIVER_AET,
    }
    refused = folder / "refused"
    how = options(
        ports=ports,
        settings={**QUICK, "find_dates": [NOW.date().isoformat()], "pacs": [pacs]},
        switches={"STABLE_AGE": 2.0},
        backend_script=Path(refusing_backend.__file__),
        backend_environment={refusing_backend.REFUSE_FILE: str(refused)},
    )
    with Stack(folder / "stack", how) as stack:
        made = Town(Pipeline(stack), refused)
        made.fill()
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


def visit_of(browser: Any, town: Town, language: str = "en") -> Visit:
    links = town.pipeline.stack.pacs_module
    visit = Visit(browser, links.url, links.api_key, language, viewport=DESKTOP)
    visit.page.set_default_timeout(60_000)
    visit.sign_in()
    return visit


def text_of(visit: Visit) -> str:
    told: str = visit.page.inner_text("main")
    return told


def fine(visit: Visit) -> None:
    """Nothing is wrong with what the browser has seen."""
    assert visit.wrong == []
    assert visit.elsewhere == []
    visit.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_tells_what_the_stack_does(browser: Any, town: Town, language: str) -> None:
    visit, story = visit_of(browser, town, language), f"/studies/{town.chest.uid}"
    told: dict[str, str] = {}
    serious: dict[str, list[str]] = {}
    addresses = {
        "today": "/",
        "studies": f"/studies?device={DEVICE}",
        "study": story,
        "filters": "/filters",
        "rehearsal": "/rehearsal?set=KEYWORDS%2B%3DSTND",
        "dead letters": "/dead-letters",
        "reconciliation": "/reconciliation",
        "probe": "/probe",
        "log": f"/log?text={town.chest.uid}",
        "configuration": "/configuration",
        "audit": "/audit",
        "destinations": "/destinations",
        "reports": "/reports",
        "quality": "/quality",
        "quarantine": "/quarantine",
        "parameters": "/parameters",
        "study that was given up": f"/studies/{town.bad.uid}",
        "study without a usable series": f"/studies/{town.thorax.uid}",
    }
    assert {one.partition("?")[0] for one in addresses.values()} >= {page for page, _ in NAVIGATION}
    for name, address in addresses.items():
        visit.go(address)
        told[name], found = text_of(visit), visit.axe()
        serious |= {name: found} if found else {}
    assert serious == {}
    if language == "zh":
        assert {
            name: left_in_english(text, RAW) for name, text in told.items() if name not in AS_WRITTEN
        } == ({name: [] for name in told if name not in AS_WRITTEN})
    assert "ACCBAD" in told["today"], "what was given up needs a person"
    assert DEVICE in told["today"]
    for study in (town.chest, town.thorax, town.bad):
        assert f"ACC{study.name}" in told["studies"]
    assert {"en": "handed over", "zh": "已移交"}[language] in told["study"]
    assert DEVICE in told["study"]
    assert "STND" in told["filters"]
    assert DEVICE in told["filters"]
    assert {"en": "newly taken", "zh": "新增通过"}[language] in told["rehearsal"]
    assert "422" in told["dead letters"]
    assert refusing_backend.WORDS in told["dead letters"]
    assert town.chest.uid in told["log"]
    fine(visit)


def test_a_study_can_be_followed_while_it_comes(browser: Any, town: Town) -> None:
    """Nobody reloads: the list of today's needs and the study's page change by themselves."""
    study = town.study("LATER", TODAY)
    visit = visit_of(browser, town)
    store(town.pipeline.hospital, study.images)
    wait_for(lambda: town.pipeline.study(study.uid), LONG_S, what="a find to bring it")
    visit.go(f"/studies/{study.uid}")
    visit.page.wait_for_selector("h1 .state[title=completed]", timeout=LONG_S * 1000)
    fine(visit)


def test_both_logs_name_a_study_alike_and_tell_more_when_asked(browser: Any, town: Town) -> None:
    visit, log_lines = visit_of(browser, town), town.pipeline.log_lines
    visit.go("/log")
    visit.act("/log/level", "a study hangs", level="DEBUG", minutes="5")
    debug = {"dcm_end.jsonl": "find_answered", "orthanc-python.jsonl": "request_answered"}
    for file, key in debug.items():
        wait_for(partial(_is_logged, town.pipeline, file, key), what=key)
        lines = [json.loads(one) for one in log_lines(file)]
        assert all({"at", "level"} <= set(one) and ("line" in one or "event" in one) for one in lines)
        assert any(one.get("studyUID") == town.chest.uid for one in lines), file
    pulls = [{json.loads(one).get("pullID", "") for one in log_lines(file)} for file in debug]
    assert pulls[0] & pulls[1] - {""}, "a pull is followed from one log into the other"
    visit.go("/log?level=DEBUG")
    visit.act("/log/level", "found it", level="INFO", minutes="1")
    fine(visit)


def _is_logged(pipeline: Pipeline, file: str, key: str) -> bool:
    return any(f'"{key}"' in line for line in pipeline.log_lines(file))


def test_a_dead_letter_is_sent_again_and_computed(browser: Any, town: Town) -> None:
    town.mend_backend()
    visit = visit_of(browser, town)
    visit.go("/dead-letters")
    action = visit.page.locator("form[action$='/send']").first.get_attribute("action")
    visit.act(action, "the backend is mended")
    town.reaches(town.bad, "completed")
    visit.go("/dead-letters")
    assert f"ACC{town.bad.name}" not in text_of(visit)
    visit.go("/audit")
    assert "the backend is mended" in text_of(visit)
    fine(visit)


def test_a_day_is_compared_and_what_is_missing_is_pulled(browser: Any, town: Town) -> None:
    visit = visit_of(browser, town)
    visit.go("/reconciliation")
    visit.act("/reconciliation/compare", "was everything found?", date=YESTERDAY.isoformat())

    def compared() -> bool:
        visit.go(f"/reconciliation?date={YESTERDAY}")
        return f"ACC{town.overlooked.name}" in text_of(visit)

    wait_for(compared, LONG_S, lambda: text_of(visit), 1.0)
    assert visit.axe() == []
    visit.act("/reconciliation/repair", "it was overlooked")
    town.reaches(town.overlooked, "completed")
    fine(visit)


def test_a_real_pacs_is_probed_from_the_page(browser: Any, town: Town) -> None:
    visit = visit_of(browser, town)
    visit.go("/probe")
    visit.act("/probe/run", "what can it do?", pacs=HOSPITAL_NAME)

    def probed() -> bool:
        visit.go("/probe")
        return bool(visit.page.locator("form[action='/probe/take-over']").count())

    wait_for(probed, LONG_S, lambda: text_of(visit), 2.0)
    assert "series_level" in text_of(visit)
    assert visit.axe() == []
    visit.go("/language/zh?next=/probe")
    assert left_in_english(text_of(visit)) == [], "what was found is told in the reader's language"
    fine(visit)
