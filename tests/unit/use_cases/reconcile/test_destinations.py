"""Reconciliation at the destinations: what each lists itself, beside what was sent and what the PACS has."""

from pathlib import Path

import pytest

from pacs_module.domain.errors import Unreachable
from pacs_module.domain.reconcile.at_destination import AtDestination, There
from pacs_module.domain.upload.files import ImagePlace
from pacs_module.use_cases.reconcile.destinations import CompareDestinations, SendAgain
from tests.fakes.pipeline import UID, Pipeline, series_answer
from tests.fakes.platform import IMAGES, Edge, FakePlatform
from tests.fakes.world import DAY

IMAGE_UIDS = [f"{UID}.1.{number}" for number in range(1, IMAGES + 1)]


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    """One study of three images, sent and verified."""
    edge = Edge(tmp_path)
    edge.world.pacs.series["A"] = [series_answer(f"{UID}.1", IMAGES)]
    edge.hand_over()
    edge.route()
    assert edge.send()
    return edge


def compare(edge: Edge) -> tuple[AtDestination, ...]:
    world: Pipeline = edge.world
    return CompareDestinations(
        edge.store, world.finder, edge.plans, edge.platforms.__getitem__, edge.clock, edge.log
    )([DAY])


def lose(edge: Edge, number: int = 1) -> list[str]:
    """The platform loses images; their SOPInstanceUIDs."""
    objects = edge.platforms["centre"].objects
    gone = sorted(objects)[:number]
    for name in gone:
        del objects[name]
    return [name.rpartition("/")[2].removesuffix(".dcm") for name in gone]


def images_at_pacs(edge: Edge) -> None:
    names = sorted(edge.platforms["centre"].objects)
    uids = [name.rpartition("/")[2].removesuffix(".dcm") for name in names]
    edge.world.pacs.images["A"] = [
        {"StudyInstanceUID": UID, "SeriesInstanceUID": f"{UID}.1", "SOPInstanceUID": uid} for uid in uids
    ]


def test_what_was_sent_is_there(edge: Edge) -> None:
    (line,) = compare(edge)
    assert (line.verdict, line.sent, line.there) == (There.EQUAL, IMAGES, IMAGES)


def test_what_was_lost_there_is_named_image_by_image(edge: Edge) -> None:
    images_at_pacs(edge)
    gone = lose(edge)
    (line,) = compare(edge)
    assert (line.verdict, line.there, list(line.lacking)) == (There.LACKS, IMAGES - 1, gone)


def test_a_pacs_that_lists_no_images_leaves_the_count(edge: Edge) -> None:
    lose(edge, 2)
    (line,) = compare(edge)
    assert (line.verdict, line.there, line.lacking) == (There.LACKS, IMAGES - 2, ())
    assert line.why == f"1 of {IMAGES} images"


def test_what_lacks_is_pulled_for_the_destination_alone_and_sent_again(edge: Edge) -> None:
    lose(edge)
    lines = compare(edge)
    assert SendAgain(edge.store, edge.clock, edge.log)(lines, "Li") == {UID: "to be sent to centre again"}
    edge.route()
    assert edge.world.pull() == 1
    request = edge.world.plugins.asked[-1]
    assert (request.for_destinations, request.series_uids) == (("centre",), (f"{UID}.1",))
    assert [one.state for one in edge.world.study().uploads] == ["dropped"]
    assert SendAgain(edge.store, edge.clock, edge.log)(lines, "Li") == {}  # once


def test_one_that_is_on_its_way_or_given_up_is_told_as_such(tmp_path: Path) -> None:
    edge = Edge(tmp_path)
    edge.hand_over()
    edge.route()
    assert [one.verdict for one in compare(edge)] == [There.ON_ITS_WAY]
    edge.platforms["centre"].refuses = {"x"}
    edge.platforms["centre"].refuses = {uid for uid in IMAGE_UIDS}
    edge.send()
    assert [one.verdict for one in compare(edge)] in ([There.GIVEN_UP], [There.EQUAL])


def test_one_without_a_list_and_one_that_is_away(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.platforms["centre"].lists = False
    assert [one.verdict for one in compare(edge)] == [There.NO_LIST]

    def away(self: FakePlatform, place: ImagePlace) -> None:
        raise Unreachable("nobody")

    monkeypatch.setattr(FakePlatform, "list_images", away)
    (line,) = compare(edge)
    assert (line.verdict, line.why) == (There.AWAY, "nobody")
