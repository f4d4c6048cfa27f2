"""Numbers are taken from the documents once each."""

from __future__ import annotations

from pacs_module.domain.explain.measures import Measure, Measured, measures
from pacs_module.use_cases.operate import measure_studies
from pacs_module.use_cases.operate.measure_studies import MeasureStudies
from tests.fakes.pipeline import UID, Pipeline


def a_day(world: Pipeline, step: MeasureStudies) -> None:
    """A study's life with a step after everything that happens to it."""
    request = world.until_asked(100)
    step()
    world.clock.pass_seconds(5)
    world.report(request, "short", "SHORT 60 of 100", received=60)
    step()
    world.clock.pass_seconds(30)
    world.pull()
    request = world.plugins.asked[-1]
    step()
    world.clock.pass_seconds(5)
    world.accept(world.message(request))
    world.report(request, "received", "COMPLETE", received=100)
    step()
    step()


def test_each_number_is_taken_once_however_often_it_is_looked() -> None:
    world, taken = Pipeline(), list[Measured]()
    step = MeasureStudies(world.store, world.clock, taken.append)
    world.clock.pass_seconds(1)
    a_day(world, step)
    assert sorted(taken, key=lambda one: one.at) == measures(world.study())


def test_what_happened_before_it_began_is_not_counted() -> None:
    world, taken = Pipeline(), list[Measured]()
    a_day(world, MeasureStudies(world.store, world.clock, lambda one: None))
    world.clock.pass_seconds(1)
    step = MeasureStudies(world.store, world.clock, taken.append)
    step()
    assert taken == []
    world.clock.pass_seconds(1)
    world.publish()
    world.answers_while_waiting("completed")
    world.deliver(0)
    step()
    assert "delivering" in {one.labels[0] for one in taken}
    assert all(one.measure is not Measure.PULL for one in taken)


def test_many_changes_in_one_step_are_read_page_by_page(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(measure_studies, "PAGE", 3)
    world, taken = Pipeline(), list[Measured]()
    step = MeasureStudies(world.store, world.clock, taken.append)
    world.clock.pass_seconds(1)
    world.until_asked(100)
    study = world.study()
    for number in range(10):
        world.store.insert(type(study)(f"{UID}.{number}", changed_at=study.changed_at, history=study.history))
    step()
    assert sum(one.measure is Measure.EVENT for one in taken) == 11 * len(
        [entry for entry in study.history if entry.from_state != entry.to_state]
    )


def test_another_hosts_clock_may_be_behind() -> None:
    world, taken = Pipeline(), list[Measured]()
    step = MeasureStudies(world.store, world.clock, taken.append)
    world.clock.pass_seconds(120)
    step()
    world.clock.pass_seconds(-30)
    world.until_asked(100)
    world.clock.pass_seconds(30)
    step()
    assert any(one.measure is Measure.EVENT for one in taken)
