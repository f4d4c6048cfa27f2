"""
What every queue does, whichever it is; quorum queues: tests/long/deliver/test_queue_quorum_contract.py.

Not proved here: that a confirmed message is on the disk and not only in the page cache (the machine would
have to lose power).
"""

import threading
import time
from collections.abc import Iterator

import pytest

from pacs_module.adapters.queue.memory import MemoryConsumer
from pacs_module.adapters.queue.rabbitmq import RabbitConsumer
from pacs_module.domain.errors import PermanentError, RetriableError
from pacs_module.domain.study.priority import EMERGENCY, GREEN_CHANNEL, MANUAL, ROUTINE
from pacs_module.ports import Delivery
from tests.contract.queue.queue_cases import PUBLISHER, QueueCase
from tests.support.waiting import wait_for

LONG, SHORT, QUIET = 60.0, 0.05, 1.0


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.server("rabbitmq"))])
def case(request: pytest.FixtureRequest) -> Iterator[QueueCase]:
    url = request.getfixturevalue("rabbitmq_node").url if request.param == "rabbitmq" else ""
    case = QueueCase(url)
    yield case
    case.close()


def take(consumer: MemoryConsumer | RabbitConsumer) -> Delivery:
    delivery = consumer.take(LONG)
    assert delivery is not None
    return delivery


def take_all(consumer: MemoryConsumer | RabbitConsumer, number: int) -> list[str]:
    """So many, however long they take to come, and whatever comes besides."""
    taken: list[str] = []
    while delivery := consumer.take(LONG if len(taken) < number else QUIET):
        consumer.done(delivery)
        taken.append(delivery.message_id)
    return taken


def test_a_message_arrives_as_it_was_sent(case: QueueCase) -> None:
    message = {
        "studyUID": "1.2.3",
        "priorities": 4,
        "filepath": "/store_image/胸",
        "series": [{"seriesUID": "1"}],
        "none": None,
        "f": 0.5,
    }
    case.queue.publish(message, "m-1", MANUAL)
    delivery = take(case.consumer())
    assert delivery.message == message
    assert delivery.message_id == "m-1"
    assert not delivery.redelivered


def test_a_message_says_which_installation_has_published_it(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", MANUAL)
    assert take(case.consumer()).installation == PUBLISHER


def test_a_message_that_is_left_to_others_comes_behind_all_and_says_the_same(case: QueueCase) -> None:
    consumer = case.consumer()
    for name, priority in (("foreign", MANUAL), ("routine", ROUTINE), ("urgent", EMERGENCY)):
        case.queue.publish({"of": name}, name, priority)
    consumer.leave(take(consumer))
    came = []
    for _ in range(3):
        came.append(take(consumer))
        consumer.done(came[-1])
    assert [one.message_id for one in came] == ["urgent", "routine", "foreign"]
    assert came[-1].message == {"of": "foreign"}
    assert came[-1].installation == PUBLISHER


def test_nothing_comes_from_an_empty_queue_in_the_time_that_was_given(case: QueueCase) -> None:
    consumer = case.consumer()
    consumer.take(SHORT)
    begun = time.monotonic()
    assert consumer.take(0.3) is None
    assert time.monotonic() - begun > 0.25


def test_a_waiting_worker_gets_a_message_when_it_comes(case: QueueCase) -> None:
    consumer = case.consumer()
    consumer.take(SHORT)
    later = threading.Timer(0.3, lambda: case.queue.publish({}, "m-1", ROUTINE))
    later.start()
    assert take(consumer).message_id == "m-1"
    later.join()


def test_the_most_urgent_first_and_the_oldest_of_the_same_priority(case: QueueCase) -> None:
    for number, priority in enumerate((ROUTINE, MANUAL, GREEN_CHANNEL, EMERGENCY, MANUAL, ROUTINE)):
        case.queue.publish({}, f"{priority}-{number}", priority)
    assert take_all(case.consumer(), 6) == ["4-1", "4-4", "2-3", "1-2", "0-0", "0-5"]


def test_an_urgent_message_overtakes_while_a_worker_is_busy(case: QueueCase) -> None:
    consumer = case.consumer()
    for number in range(3):
        case.queue.publish({}, f"routine-{number}", ROUTINE)
    first = take(consumer)
    case.queue.publish({}, "manual", MANUAL)
    consumer.done(first)
    assert take_all(consumer, 3) == ["manual", "routine-1", "routine-2"]


def test_a_worker_that_is_not_asking_holds_no_message(case: QueueCase) -> None:
    pausing, free = case.consumer(), case.consumer()
    pausing.take(SHORT)
    case.queue.publish({}, "m-1", ROUTINE)
    case.queue.publish({}, "m-2", ROUTINE)
    held = take(pausing)
    pausing.done(held)
    assert take_all(free, 1) == ["m-2"]


def test_a_message_that_is_done_does_not_come_again(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", ROUTINE)
    consumer = case.consumer()
    consumer.done(take(consumer))
    consumer.close()
    assert take_all(case.consumer(), 0) == []
    wait_for(lambda: case.queue.depth() == 0, what="quorum queues tell their length every few seconds")


def test_a_message_of_a_worker_that_closed_comes_again(case: QueueCase) -> None:
    case.queue.publish({"n": 1}, "m-1", ROUTINE)
    dies = case.consumer()
    take(dies)
    dies.close()
    again = take(case.consumer())
    assert (again.message, again.message_id, again.redelivered) == ({"n": 1}, "m-1", True)


def test_a_message_that_is_held_is_nobody_elses(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", ROUTINE)
    holder, other = case.consumer(), case.consumer()
    delivery = take(holder)
    assert other.take(0.2) is None
    holder.done(delivery)


def test_two_workers_share_the_work(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", ROUTINE)
    case.queue.publish({}, "m-2", ROUTINE)
    one, two = case.consumer(), case.consumer()
    held = {take(one).message_id, take(two).message_id}
    assert held == {"m-1", "m-2"}


def test_put_back(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", ROUTINE)
    case.queue.publish({}, "m-2", ROUTINE)
    consumer = case.consumer()
    consumer.put_back(take(consumer))
    again = take(consumer)
    assert (again.message_id, again.redelivered) == ("m-1", True)


def test_dead_letters_are_kept_and_shown_as_often_as_one_likes(case: QueueCase) -> None:
    consumer = case.consumer()
    for number in range(3):
        case.queue.publish({"n": number}, f"m-{number}", ROUTINE)
        consumer.dead(take(consumer))
    for _ in range(2):
        assert [letter.message for letter in case.queue.dead_letters(2)] == [{"n": 0}, {"n": 1}]
    assert [letter.message_id for letter in case.queue.dead_letters(9)] == ["m-0", "m-1", "m-2"]
    wait_for(lambda: case.queue.dead_depth() == 3, what="quorum queues tell their length every few seconds")
    wait_for(lambda: case.queue.depth() == 0, what="quorum queues tell their length every few seconds")
    assert take_all(consumer, 0) == []


def test_depth_counts_what_waits(case: QueueCase) -> None:
    wait_for(lambda: case.queue.depth() == 0, what="quorum queues tell their length every few seconds")
    for number in range(3):
        case.queue.publish({}, f"m-{number}", ROUTINE)
    wait_for(lambda: case.queue.depth() == 3, what="quorum queues tell their length every few seconds")


def test_a_message_is_settled_once(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", ROUTINE)
    consumer = case.consumer()
    delivery = take(consumer)
    consumer.done(delivery)
    for settle in (consumer.done, consumer.dead, consumer.put_back):
        with pytest.raises(RetriableError, match="m-1 is no longer held"):
            settle(delivery)


def test_one_message_at_a_time(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", ROUTINE)
    consumer = case.consumer()
    delivery = take(consumer)
    with pytest.raises(PermanentError, match="m-1 must be settled first"):
        consumer.take(SHORT)
    consumer.done(delivery)


def test_work_that_takes_long(case: QueueCase) -> None:
    case.queue.publish({}, "m-1", ROUTINE)
    consumer = case.consumer()
    delivery = take(consumer)
    begun = time.monotonic()
    consumer.keep_alive(0.3)
    assert time.monotonic() - begun > 0.25
    consumer.done(delivery)


@pytest.mark.parametrize("value", [object(), float("nan"), b"bytes"])
def test_what_is_no_json_is_refused(case: QueueCase, value: object) -> None:
    with pytest.raises(PermanentError, match="no JSON"):
        case.queue.publish({"value": value}, "m-1", ROUTINE)
    wait_for(lambda: case.queue.depth() == 0, what="quorum queues tell their length every few seconds")


def test_a_priority_above_the_highest_is_taken_as_the_highest(case: QueueCase) -> None:
    case.queue.publish({}, "emergency", EMERGENCY)
    case.queue.publish({}, "above", 1_000)
    assert take_all(case.consumer(), 2) == ["above", "emergency"]


def test_several_threads_may_publish(case: QueueCase) -> None:
    def work(thread: int) -> None:
        for number in range(10):
            case.queue.publish({}, f"{thread}-{number}", ROUTINE)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(take_all(case.consumer(), 80)) == sorted(
        f"{thread}-{number}" for thread in range(8) for number in range(10)
    )
