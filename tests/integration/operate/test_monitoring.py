"""
The alert rules and the dashboard against a real Prometheus that scrapes a real ``/metrics``.

How long each rule waits is promtool's part (``monitoring/alerts_test.yml``): here they wait for nothing.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from pacs_module.domain.explain.measures import Measure, Measured
from pacs_module.service.measuring import MEASURE, Measuring
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from stack.ports import free_ports
from tests.fakes.served import KEY, found, service_on, settings_file
from tests.support.waiting import wait_for

pytestmark = pytest.mark.server("prometheus")
MONITORING = Path(__file__).resolve().parents[3] / "monitoring"
AT = "2026-11-30T08:00:00.000+00:00"


class Watched:
    """A service that answers ``/metrics`` over HTTP, and a Prometheus that scrapes it every second."""

    def __init__(self, service: Service, port: int, prometheus: str) -> None:
        self.service, self.port, self.prometheus = service, port, prometheus
        step = service.loops[MEASURE].step
        assert isinstance(step, Measuring)
        self.metrics = step.metrics

    def ask(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.prometheus}{path}", params=parameters, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def firing(self) -> set[str]:
        return {
            one["labels"]["alertname"]
            for one in self.ask("/api/v1/alerts")["alerts"]
            if one["state"] == "firing"
        }

    def bring(self, measure: Measure, labels: tuple[str, ...], number: int, value: float = 1.0) -> None:
        for _ in range(number):
            self.metrics.take(Measured(measure, AT, labels, value))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("monitoring")
    port, prometheus_port = free_ports(2)
    with service_on(settings_file(folder, port)) as (service, pacs):
        found(service, pacs)
        server = uvicorn.Server(
            uvicorn.Config(create_app(service), host="127.0.0.1", port=port, log_level="error")
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        log = (folder / "prometheus.log").open("w")
        process = subprocess.Popen(
            [
                shutil.which("prometheus") or "prometheus",
                f"--config.file={_configuration(folder, port)}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{prometheus_port}",
                "--log.level=warn",
            ],
            stderr=log,
        )
        try:
            watched = Watched(service, port, f"http://127.0.0.1:{prometheus_port}")
            wait_for(lambda: _scraped(watched), what="Prometheus to have scraped pacs_module")
            yield watched
        finally:
            process.terminate()
            process.wait(timeout=30)
            log.close()
            server.should_exit = True
            thread.join(timeout=30)


def _configuration(folder: Path, port: int) -> Path:
    """The shipped configuration, of this port and key, at once and every second."""
    key, rules = folder / "key", folder / "alerts.yml"
    key.write_text(KEY)
    text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
    rules.write_text(re.sub(r"^\s+for: \w+\n", "", text, flags=re.MULTILINE), encoding="utf-8")
    text = (MONITORING / "prometheus.yml").read_text(encoding="utf-8")
    for shipped, here in (("15s", "1s"), ("/tmp/api-key", str(key)), ("pacs:7000", f"127.0.0.1:{port}")):
        assert shipped in text
        text = text.replace(shipped, here)
    path = folder / "prometheus.yml"
    path.write_text(text, encoding="utf-8")
    return path


def _scraped(watched: Watched) -> bool:
    try:
        ready = requests.get(f"{watched.prometheus}/-/ready", timeout=10)
    except requests.ConnectionError:
        return False
    # It answers 503 to everything while it starts.
    if ready.status_code != 200:
        return False
    return [target["health"] for target in watched.ask("/api/v1/targets")["activeTargets"]] == ["up"]


def test_alerts_fire_for_what_is_wrong_and_end_with_it(watched: Watched) -> None:
    finding = watched.service.metrics
    finding.reachable.labels("A").set(0)
    finding.capped.labels("A").set(1)
    finding.ram_disk_state({"alarm": True})
    watched.service.delivery_metrics.circuit_is("open")
    watched.metrics.messages({"dead letters": 1})
    watched.metrics.studies({"meta_only": 60})
    gauges = {
        "AipullPacsUnreachable", "AipullFindCapped", "AipullRamDiskFull", "AipullBackendAway",
        "AipullDeadLetters",
    }  # fmt: skip
    wait_for(lambda: gauges <= watched.firing(), what=lambda: f"{gauges} to fire: {watched.firing()}")
    finding.reachable.labels("A").set(1)
    finding.capped.labels("A").set(0)
    finding.ram_disk_state({"alarm": False})
    watched.service.delivery_metrics.circuit_is("closed")
    watched.metrics.messages(None)
    wait_for(lambda: not gauges & watched.firing(), what=lambda: f"{gauges} to end: {watched.firing()}")


def test_counters_that_rise_fire_theirs(watched: Watched) -> None:
    # A counter that is new has no rate: Prometheus sees it once before it rises.
    watched.bring(Measure.EVENT, ("pull given up", "pull_failed"), 1)
    watched.bring(Measure.STAGE, ("whole",), 1, 3000.0)
    for outcome in ("received", "short"):
        watched.bring(Measure.PULL, ("A", outcome), 1)
    seen = 'aipull_pull_seconds_count{outcome="short"}'
    wait_for(lambda: watched.ask("/api/v1/query", query=seen)["result"], what="the counters to be scraped")
    watched.metrics.studies({"meta_only": 80})
    watched.bring(Measure.EVENT, ("pull given up", "pull_failed"), 9)
    watched.bring(Measure.STAGE, ("whole",), 20, 3000.0)
    watched.bring(Measure.PULL, ("A", "received"), 20)
    watched.bring(Measure.PULL, ("A", "short"), 20)
    rates = {"AipullPullsFail", "AipullResultsLate", "AipullShortPulls", "AipullBacklogGrows"}
    wait_for(lambda: rates <= watched.firing(), what=lambda: f"{rates} to fire: {watched.firing()}")


def test_every_query_of_the_dashboard_runs_and_asks_for_a_metric_that_there_is(watched: Watched) -> None:
    dashboard = json.loads(
        (MONITORING / "grafana" / "dashboards" / "aipull.json").read_text(encoding="utf-8")
    )
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [one["expr"] for one in dashboard["annotations"]["list"]]
    assert len(queries) > len(dashboard["panels"])
    described = requests.get(f"http://127.0.0.1:{watched.port}/metrics", timeout=10).text
    for query in queries:
        watched.ask("/api/v1/query", query=query.replace("$__rate_interval", "1m"))
        for name in re.findall(r"aipull_\w+", query):
            family = re.sub(r"_(total|bucket|count|sum)$", "", name)
            assert re.search(rf"^# TYPE {family}(_total)? ", described, re.MULTILINE), name


def test_every_metric_of_the_rules_is_one_that_there_is(watched: Watched) -> None:
    described = requests.get(f"http://127.0.0.1:{watched.port}/metrics", timeout=10).text
    text = (MONITORING / "alerts.yml").read_text(encoding="utf-8")
    rules = "\n".join(
        line for line in text.splitlines() if "summary:" not in line and "description:" not in line
    )
    names = set(re.findall(r"aipull_\w+", rules))
    assert len(names) > 8
    for name in names:
        family = re.sub(r"_(total|bucket|count|sum)$", "", name)
        assert re.search(rf"^# TYPE {family}(_total)? ", described, re.MULTILINE), name


def test_panels_have_a_name_a_place_and_a_number_of_their_own() -> None:
    dashboard = json.loads(
        (MONITORING / "grafana" / "dashboards" / "aipull.json").read_text(encoding="utf-8")
    )
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_each_rule_waits_as_long_as_it_says() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", str(MONITORING / "alerts_test.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tested = set(
        re.findall(r"alertname: (\w+)", (MONITORING / "alerts_test.yml").read_text(encoding="utf-8"))
    )
    assert tested == set(re.findall(r"alert: (\w+)", (MONITORING / "alerts.yml").read_text(encoding="utf-8")))


def test_the_shipped_configuration_is_one() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", str(MONITORING / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
