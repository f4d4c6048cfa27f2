"""
A thousand small studies over three PACS and two pacs_module processes on one SQLite store, one of them killed
on the way.

Issue 5, Must show 2.

Real: both processes with their loops, leases and HTTP, the store file, and people who raise priorities over
the API. Not real: the receiving Orthanc and the PACS (tests/fakes/three_pacs.py answers in their place, a
pull takes some milliseconds); no images come, nothing is delivered. The order is judged from the documents'
histories with the pure rule of the domain.
"""

from __future__ import annotations

import math
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest
import requests

from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.study.lifecycle import Event
from pacs_module.domain.study.priority import EMERGENCY, GREEN_CHANNEL, MANUAL, ROUTINE, Ageing, turn
from pacs_module.domain.study.study import Study
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.pacs_module import PacsModule, PacsModuleLinks
from tests.fakes.three_pacs import DAY, ThreePacs
from tests.support.waiting import wait_for

PACS = ("PACS-A", "PACS-B", "PACS-C")
STUDIES = 1000
PULL_S = 0.05
AGEING = Ageing(timedelta(minutes=1))
API_KEY = "correct-horse-battery"
RAISED = {EMERGENCY: 60, GREEN_CHANNEL: 60, MANUAL: 30}
SLACK_S = 10.0
"""
A study counts as waiting when it has been ready for so long: its time is taken before the find's writes are
all on disk.
"""
CLAIM_S = 5.0
"""From the time that a claim ranks by until it is written, on a busy machine."""
PATIENCE_S = 900


@pytest.fixture
def site() -> Iterator[ThreePacs]:
    studies = {
        pacs: {
            f"1.2.840.{number}": f"{8 + number // 3 // 60 % 14:02}{number // 3 % 60:02}{number % 60:02}"
            for number in range(place + 1, STUDIES + 1, len(PACS))
        }
        for place, pacs in enumerate(PACS)
    }
    made = ThreePacs(studies, PULL_S, API_KEY)
    yield made
    made.close()


def processes(run: RunFolder, site: ThreePacs) -> list[PacsModule]:
    """Two on one store, each with a port and a log folder of its own."""
    store = f"sqlite:///{run.path / 'shared.db'}"
    made = []
    for number, port in enumerate(free_ports(2), start=1):
        links = PacsModuleLinks(
            api_key=API_KEY,
            orthanc_url=site.url,
            orthanc_user="aipull",
            orthanc_password="another-secret-word",
            rabbitmq_url="amqp://user:another-secret-word@127.0.0.1:1/%2F",
            backend_url="http://127.0.0.1:1/compute",
            backend_key="another-secret-word",
            backend_workers=1,
            log_folder=run.path / f"log-{number}",
            time_zone="Asia/Shanghai",
        )
        settings = {
            "store": {"url": store},
            "pacs": [{"name": name} for name in PACS],
            "find_dates": [DAY.isoformat()],
            "find_interval_s": 2.0,
            "lease_s": 4.0,
            "pull": {"ageing_min": AGEING.after.total_seconds() / 60},
        }
        folder = RunFolder(run.path / f"process-{number}")
        made.append(PacsModule(folder, port, links, settings))
    return made


def raise_priorities(
    site: ThreePacs, urls: list[str], chance: random.Random, answered: dict[str, list[float]]
) -> None:
    """
    People and orders: some of what waits becomes urgent; ``answered``: when a call about a study was, it is
    on disk then.
    """
    asked = {pull.study_uid for pull in list(site.pulls)}
    waiting = sorted({uid for studies in site.studies.values() for uid in studies} - asked)
    for priority, number in RAISED.items():
        for uid in chance.sample(waiting, min(len(waiting), number // 6)):
            body = {"StudyInstanceUID": uid, "priority": priority, "by": "test", "why": "urgent"}
            for url in chance.sample(urls, len(urls)):
                try:
                    answer = requests.post(
                        f"{url}/api/v1/dcm/priority", json=body, headers={"X-API-Key": API_KEY}, timeout=60
                    )
                except requests.RequestException:
                    continue
                assert answer.ok, answer.text
                answered[uid].append(time.time())
                break


@dataclass
class Life:
    """What the document says of one study: when it waited, with which priority, and when it was chosen."""

    study: Study
    pacs: str
    wanted: float
    ready: float
    claimed: float
    chosen_as: int
    """The effective priority with which it was chosen."""
    priorities: list[tuple[float, float, int]]
    """When it was written, when that was answered, and the priority."""

    def rank_at(self, at: float) -> int:
        """The lower one between the beginning of a write and the answer to it."""
        before = after = ROUTINE
        for written, answered, value in self.priorities:
            before = value if answered <= at else before
            after = value if written <= at else after
        priority = min(before, after)
        return max(priority, GREEN_CHANNEL) if at - self.wanted >= AGEING.after.total_seconds() else priority

    @cached_property
    def turn(self) -> str:
        return turn(
            self.study.study_date, self.study.study_time, datetime.fromtimestamp(self.wanted, UTC).isoformat()
        )


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def life_of(study: Study, answered: list[float]) -> Life:
    assert study.pull is not None, study
    entries = {entry.event: seconds(entry.at) for entry in reversed(study.history)}
    priorities = [
        (
            at := seconds(entry.at),
            next((one for one in answered if one >= at), math.inf),
            int(entry.why.partition(" -> ")[2][0]),
        )
        for entry in study.history
        if entry.event == "priority"
    ]
    wanted, ready = entries[Event.WANTED.value], entries["stable"]
    return Life(
        study,
        study.pull.request.pacs,
        wanted,
        ready,
        seconds(study.pull.claimed_at),
        study.pull.rank,
        priorities,
    )


def overtaken(lives: list[Life], slack: float) -> tuple[int, int]:
    """
    How often a lower rank was chosen while a higher one waited at the same PACS; and, of one rank, a later
    turn.
    """
    by_rank = by_turn = 0
    for pacs in PACS:
        here = sorted((life for life in lives if life.pacs == pacs), key=lambda life: life.claimed)
        for place, chosen in enumerate(here):
            mine = chosen.chosen_as
            waiting = [life for life in here[place + 1 :] if life.ready <= chosen.claimed - slack]
            # Higher all the while: it may have risen by its age while the claim was written.
            ranks = [
                (life, min(life.rank_at(chosen.claimed - CLAIM_S), life.rank_at(chosen.claimed)))
                for life in waiting
            ]
            by_rank += any(theirs > mine for _, theirs in ranks)
            by_turn += any(theirs == mine and life.turn < chosen.turn for life, theirs in ranks)
    return by_rank, by_turn


@pytest.mark.timeout(1200)
def test_a_thousand_studies_over_two_processes_one_of_which_is_killed(
    site: ThreePacs, tmp_path: Path
) -> None:
    chance, answered = random.Random(1), defaultdict[str, list[float]](list)
    begin = time.monotonic()
    end = begin + PATIENCE_S
    with RunFolder(tmp_path / "run") as run:
        one, two = processes(run, site)
        with one._run, two._run:
            site.modules = [one.url, two.url]
            one.start()
            two.start()
            for done in (50, 200, 350, 500, 650, 800):
                wait_for(
                    lambda done=done: len(site.pulls) >= done,  # type: ignore[misc]
                    end - time.monotonic(),
                    f"pull number {done}",
                )
                raise_priorities(site, [one.url, two.url], chance, answered)
                if done == 350:
                    two.kill()
                if done == 500:
                    two.start()
            wait_for(lambda: len(site.pulls) >= STUDIES, end - time.monotonic(), "the last pull")
            wait_for(
                lambda: all(pull.ended for pull in site.pulls),
                end - time.monotonic(),
                "the end of the last pull",
            )
            took = time.monotonic() - begin
            with closing(SqliteStore(run.path / "shared.db")) as store:
                wait_for(
                    lambda: store.count({"state": "unsupported_series"}) == STUDIES,
                    end - time.monotonic(),
                    "the last report",
                )
                lives = [life_of(study, answered[study.study_uid]) for study in store.find({})]
            one.stop()
            two.stop()
    tell(site, lives, took)
    assert len(site.pulls) == STUDIES == len({pull.study_uid for pull in site.pulls}), "each once, none twice"
    assert max(pull.beside for pull in site.pulls) == 0, "one at a time at each PACS, over both processes"
    assert overtaken(lives, SLACK_S) == (0, 0)
    assert len(owners(lives)) == 3, "both worked, and the one that was started again"


def owners(lives: list[Life]) -> dict[str, int]:
    """Studies by the process that pulled them, as their log says."""
    found: dict[str, int] = defaultdict(int)
    for life in lives:
        assert life.study.pull is not None
        found[life.study.pull.asked_by] += 1
    return found


def tell(site: ThreePacs, lives: list[Life], took: float) -> None:
    """For docs/verified.md."""
    waits: dict[int, list[float]] = defaultdict(list)
    for life in lives:
        waits[life.chosen_as].append(life.claimed - max([life.ready, *(at for at, _, _ in life.priorities)]))
    longest = {rank_then: f"{max(times):.1f} s" for rank_then, times in sorted(waits.items())}
    taken_over = sum(any(entry.event == "taken over" for entry in life.study.history) for life in lives)
    print(
        f"\n{len(site.pulls)} pulls of {len(lives)} studies in {took:.0f} s; by process {dict(owners(lives))}"
    )
    print(f"longest wait by rank when chosen, since it was ready or raised: {longest}")
    print(f"number by rank {dict((rank_then, len(times)) for rank_then, times in sorted(waits.items()))}")
    print(
        f"claims taken over from the dead process: {taken_over}; overtaken (rank, turn): "
        f"{overtaken(lives, SLACK_S)}, "
    )
    print(f"without slack {overtaken(lives, 0.0)}")
