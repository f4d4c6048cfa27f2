"""Several images at once: order, errors, and connections by thread."""

import gc
import threading
from dataclasses import dataclass, field

import pytest

from pacs_module.adapters.upload.lanes import Lanes, OfThread
from tests.support.waiting import wait_for


@pytest.mark.parametrize("number", [1, 2, 5])
def test_what_came_of_each_stands_in_the_order_of_the_items(number: int) -> None:
    assert Lanes(number).each(lambda item: item * 2, list(range(50))) == [item * 2 for item in range(50)]
    assert Lanes(number).each(str, []) == []


def test_as_many_at_once_as_there_are_lanes() -> None:
    together = threading.Barrier(3, timeout=20)
    assert Lanes(3).each(lambda item: together.wait() >= 0, range(3)) == [True] * 3


def test_two_uploads_share_the_lanes() -> None:
    lanes, running, most, lock = Lanes(2), 0, 0, threading.Lock()

    def work(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return item

    uploads = [threading.Thread(target=lanes.each, args=(work, range(200))) for _ in range(3)]
    for one in uploads:
        one.start()
    for one in uploads:
        one.join(20)
    assert most <= 2


@pytest.mark.parametrize("number", [1, 3])
def test_the_first_error_is_raised_and_nothing_more_is_begun(number: int) -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 5:
            raise ConnectionError("cut")

    lanes = Lanes(number)
    with pytest.raises(ConnectionError, match="cut"):
        lanes.each(work, range(1000))
    assert len(begun) < 1000
    assert lanes.each(str, [1]) == ["1"]


def test_threads_end_with_their_lanes() -> None:
    lanes, names = Lanes(2), set[threading.Thread]()
    lanes.each(lambda item: names.add(threading.current_thread()), range(20))
    del lanes
    gc.collect()
    wait_for(lambda: not any(one.is_alive() for one in names), what="the lanes' threads to end")


@dataclass
class Connection:
    closed: list[bool] = field(default_factory=list)

    def close(self) -> None:
        self.closed.append(True)


def test_a_thread_keeps_its_own_and_makes_a_new_one_when_any_has_failed() -> None:
    made: list[Connection] = []

    def make() -> Connection:
        made.append(Connection())
        return made[-1]

    kept, lanes = OfThread(make), Lanes(2)
    together = threading.Barrier(2, timeout=20)

    def work(item: int) -> Connection:
        together.wait()
        return kept.get()

    first = lanes.each(work, range(2))
    assert {id(one) for one in lanes.each(work, range(2))} == {id(one) for one in first}
    kept.drop()  # by a thread that has none: those of the others are not used again
    second = lanes.each(work, range(2))
    assert [one.closed for one in first] == [[True], [True]]
    assert not {id(one) for one in second} & {id(one) for one in first}
    kept.close()
    kept.close()
    assert [one.closed for one in made] == [[True]] * 4
