"""The service takes applied rules over while it runs: every use case, each decision by one version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs_module.domain.find.windows import Window
from pacs_module.domain.study.lifecycle import State
from pacs_module.service.service import Service
from tests.fakes.pipeline import THIN, UID, answer, series_answer
from tests.fakes.served import service_on, settings_file
from tests.fakes.world import DAY, FakePacs


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Service, FakePacs]]:
    file = settings_file(tmp_path)
    site = tmp_path / "site_config.py"
    site.write_text("FIND_PACS_USE_SERIES = True\n", encoding="utf-8")
    file.write_text(f'site_config = "{site}"\n{file.read_text(encoding="utf-8")}', encoding="utf-8")
    with service_on(file) as (service, pacs):
        service.pull.prepare.puller.write_verdicts = lambda lines: None  # type: ignore[method-assign]
        yield service, pacs


def find(service: Service) -> State | None:
    service.find("A", Window(DAY))
    study = service.store.get(UID)
    assert study is not None
    return study.state


def test_a_modality_that_is_wanted_now_is_found_in_an_answer_that_has_not_changed(
    running: tuple[Service, FakePacs],
) -> None:
    service, pacs = running
    pacs.studies["A"] = [answer(ModalitiesInStudy="PT")]
    assert [find(service), find(service)] == [None, None]
    service.rules.apply(["CT_MODALITIES+=PT"], "hans", "PET-CT, too")
    assert find(service) is State.META_ONLY


def test_every_use_case_goes_by_them_and_what_runs_ends_by_those_that_it_began_with(
    running: tuple[Service, FakePacs],
) -> None:
    service, pacs = running
    before = service.pull.prepare
    entry = service.rules.apply(["KEYWORDS+=STND"], "hans", "CT-3")
    assert service.switches.version == entry.version
    assert before.switches.version != entry.version
    taken_over = (
        service.pull.prepare, service.announce.prepare, service.find, service.look, service.manual,
        service.look_up,
    )  # fmt: skip
    assert {one.switches.version for one in taken_over} == {entry.version}
    assert not service.look_for_rules()

    pacs.studies["A"] = [answer()]
    pacs.series["A"] = [series_answer(THIN, 100, BodyPartExamined="STND")]
    find(service)
    study = service.store.get(UID)
    assert study is not None
    assert before(study, "A", final=False) is None  # began before: drops it, as it would have
    fresh = service.store.get(UID)
    assert fresh is not None
    request = service.pull.prepare(fresh, "A", final=False)
    assert request is not None
    assert request.rules == entry.version


def test_what_was_judged_at_find_is_recorded_and_purged(running: tuple[Service, FakePacs]) -> None:
    service, pacs = running
    pacs.studies["A"] = [answer()]
    pacs.series["A"] = [series_answer(THIN, 100, BodyPartExamined="HEAD")]
    find(service)
    study = service.store.get(UID)
    assert study is not None
    service.pull.prepare(study, "A", final=False)
    assert [one.studies for one in service.rehearse.recorded()] == [1]
    service.purge_headers()  # the study is of 2020
    assert service.rehearse.recorded() == []
