"""
The database of the studies is dropped, at a MongoDB-compatible server (SecantusDB, which is not MongoDB
itself): K14.

With SQLite, and the loss of the other records: test_k14_records.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from tests.chaos.rig.harness import Rig
from tests.long.recover.test_k14_records import BACK_S, NOTICED_S, Site

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A stack for each test: what a lost store had computed before is computed once more."""
    with Rig(tmp_path, options={"store": "mongodb"}) as rig:
        yield Site(rig)


def drop(site: Site) -> None:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(str(site.rig.store))
    client.drop_database(client.get_default_database().name)
    client.close()


@pytest.mark.parametrize("stopped", [False, True], ids=["while it runs", "while stopped"])
def test_the_database_is_dropped_and_what_waits_is_adopted(site: Site, stopped: bool) -> None:
    uids = site.day_that_waits()
    waiting = site.states(uids).count("pull_data_end")
    assert waiting >= 2
    site.mark()
    module = site.rig.stack.pacs_module
    if stopped:
        module.stop()
        drop(site)
        module.start()
    else:
        drop(site)
        site.rig.wait(lambda: site.ready() == 503, "it is not ready", NOTICED_S)
        assert site.told("store_lost")
        site.rig.wait(lambda: site.ready() == 200, "it is begun anew", BACK_S)
    site.rig.wait(
        lambda: site.states(uids).count("pull_data_end") >= waiting, "what waits is adopted", BACK_S
    )
    new = [event for event in site.told("record_is_new") if event["record"] == "journal"]
    assert any("this store is new" in event["text"] for event in new), new
    site.all_is_well()
