"""What a study's document says in numbers, of studies that the use cases have written."""

from __future__ import annotations

from pacs_module.domain.explain.measures import Measure, Stage, measures
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.study import Study
from tests.fakes.pipeline import Pipeline
from tests.unit.domain.explain.test_timeline import lived


def of(study: Study, measure: Measure) -> list[tuple[tuple[str, ...], float]]:
    return [(one.labels, one.value) for one in measures(study) if one.measure is measure]


def test_each_stage_is_as_long_as_the_clock_ran() -> None:
    stages = {labels[0]: [] for labels, _ in of(lived().study(), Measure.STAGE)}  # type: dict[str, list[float]]
    for labels, value in of(lived().study(), Measure.STAGE):
        stages[labels[0]].append(value)
    assert stages[Stage.PULLING] == [5.0, 5.0]
    assert stages[Stage.WHOLE][0] >= stages[Stage.WAITING][0] + 5 + 30 + 5
    assert set(stages) == {stage.value for stage in Stage}


def test_pulls_images_and_series_are_counted() -> None:
    study = lived().study()
    assert of(study, Measure.PULL) == [(("A", "short"), 4.5), (("A", "received"), 0.0)]
    assert of(study, Measure.IMAGES) == [(("A",), 60.0), (("A",), 100.0)]
    assert len(of(study, Measure.SERIES)) == len(study.series)
    assert of(study, Measure.ARRIVAL) == [(("not told",), 1.0)]
    for record in study.series.values():
        record.device = "GE / CT-1"
    assert of(study, Measure.ARRIVAL) == [(("GE / CT-1",), 1.0)]
    assert [labels[1] for labels, _ in of(study, Measure.EVENT)][-1] == "completed"


def test_numbers_are_in_the_order_of_time() -> None:
    times = [one.at for one in measures(lived().study())]
    assert times == sorted(times)


def test_what_lasts_and_what_a_clock_turned_back_are_no_numbers() -> None:
    world = Pipeline()
    world.until_asked(100)
    assert of(world.study(), Measure.PULL) == []
    later, sooner = "2020-06-18T08:00:01.000+00:00", "2020-06-18T08:00:00.000+00:00"
    study = Study("1.2.3", handovers=[HandOver("H", "1.2.3.1", 1, "/f", {}, later, published_at=sooner)])
    assert of(study, Measure.STAGE) == []
