"""What a box needs: by hand-made costs, so that each number can be followed; and the shipped ones can be read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pacs_module.cli.app import app
from pacs_module.cli.upkeep.size import SHIPPED
from pacs_module.domain.site_sizing.box import GIB, Costs, Site, box_for, costs_of, words

COSTS = Costs(5.0, 1.0, 10_000.0, 12.0, 1.0, 100.0, 2)
SITE = Site(1_000, 3_000, 360, 500.0, 0.1, 100.0, 0.0, 6.0, 1)


def test_by_hand() -> None:
    box = box_for(SITE, COSTS)
    assert box.images_a_second == pytest.approx(100 * 360 / 3600)
    assert box.megabits_a_second == pytest.approx(10 * 0.5 * 8)
    assert box.cores == 2, "10 images/s at 6 ms are a tenth of a core"
    assert box.store_mb_a_day == pytest.approx(30.0)
    assert box.store_gb_a_year == pytest.approx(30.0 * 365 / 1000)
    assert box.queries_a_minute == pytest.approx(100 * 12 / 60 + 6)
    assert box.room == pytest.approx(0.7 * 100 / 10)
    assert box.ram_disk_gib == pytest.approx((4 + 3) * 360 * 500_000 / GIB), "four come, three are computed"


def test_what_is_not_handed_over_stays_on_the_ram_disk_only_while_it_comes() -> None:
    twice = box_for(SITE, replace(COSTS, pulled_per_used=2.0))
    assert twice.ram_disk_gib == pytest.approx((8 + 3) * 360 * 500_000 / GIB)


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({"studies_a_day": 20_000}, "images_a_second"), ({"images": 3_600}, "images_a_second"),
        ({"away_h": 4.0}, "ram_disk_gib"), ({"backend_s": 3_600.0}, "ram_disk_gib"),
        ({"image_kb": 2_000.0}, "megabits_a_second"), ({"known_a_day": 30_000}, "store_gb_a_year"),
        ({"busiest_hour": 0.5}, "queries_a_minute"), ({"pacs": 9}, "queries_a_minute"),
    ],
)  # fmt: skip
def test_more_of_it_needs_more(changed: dict[str, float], more: str) -> None:
    assert vars(box_for(replace(SITE, **changed), COSTS))[more] > vars(box_for(SITE, COSTS))[more]  # type: ignore[arg-type]


def test_what_breaks_first() -> None:
    assert "at 7 times" in box_for(SITE, COSTS).first
    region = box_for(replace(SITE, studies_a_day=30_000), COSTS)
    assert region.room < 1
    assert "5 boxes" in region.first
    assert "RAM disk" in box_for(replace(SITE, away_h=12.0), COSTS).first
    assert dict(words(SITE, region))["breaks first"] == region.first


def test_the_shipped_costs_are_those_of_a_run() -> None:
    told = json.loads(SHIPPED.read_text(encoding="utf-8"))
    lines = {line["key"]: line["median"] for row in told["rows"] for line in row["lines"] if line["key"]}
    costs = costs_of(lines, int(told["machine"]["cores"]))
    assert 0 < costs.orthanc_ms < 100
    assert costs.images_per_s > 1
    assert not told["quick"]


def test_the_command() -> None:
    done = CliRunner().invoke(app, ["size", "--studies-a-day", "900", "--images", "800"])
    assert done.exit_code == 0, done.output
    assert "RAM disk" in done.output
    as_json = CliRunner().invoke(app, ["size", "--studies-a-day", "900", "--json"])
    assert json.loads(as_json.output)["cores"] >= 2


def test_a_run_without_the_row_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("bench") / "bench.json"
    file.write_text(json.dumps({"machine": {"cores": "2"}, "rows": []}), encoding="utf-8")
    done = CliRunner().invoke(app, ["size", "--studies-a-day", "9", "--bench", str(file)])
    assert done.exit_code == 1


def test_the_model_says_of_the_measured_day_what_was_measured() -> None:
    """Row 12's own hour, for ever: as many images a second as came, and 30 % of the box are lacking."""
    told = json.loads(SHIPPED.read_text(encoding="utf-8"))
    lines = {line["key"]: line["median"] for row in told["rows"] for line in row["lines"] if line["key"]}
    costs = costs_of(lines, int(told["machine"]["cores"]))
    an_hour = round(lines["studiesAnHour"])
    box = box_for(Site(an_hour, an_hour, round(lines["usedImages"]), 500.0, 1.0, 100.0, 0.0, 6.0, 1), costs)
    assert box.images_a_second == pytest.approx(costs.images_per_s, rel=0.01)
    assert box.room == pytest.approx(0.7, rel=0.01)
    assert box.cores == costs.cores, "the simulated PACS on the same cores took the rest of them"
    assert box.store_mb_a_day == pytest.approx(an_hour * lines["storeBytesAStudy"] / 1e6)
