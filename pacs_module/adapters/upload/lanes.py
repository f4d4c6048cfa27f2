"""Several images at once: the connections of a destination, which all its uploads share."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")
Told = TypeVar("Told")
_Job = Callable[[], None]


class Lanes:
    """
    Threads that send, each with connections of its own (an uploader keeps them by thread).

    An upload that is alone has them all; several wait for each other, batch by batch.

    Args:
        number: Images at once, of all uploads together.
    """

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._started = 0
        self._lock = threading.Lock()
        weakref.finalize(self, self._jobs.put, None)

    def each(self, work: Callable[[Item], Told], items: Sequence[Item]) -> list[Told]:
        """
        Do the same with every item.

        Returns:
            What came of each, in their order.

        Raises:
            Exception: The first that the work raised. What was under way has ended then, and nothing more
                is begun.
        """
        if self.number == 1:
            return [work(item) for item in items]
        batch = _Batch(work, items, min(self.number, len(items)))
        self._start()
        for _ in range(batch.runners):
            self._jobs.put(batch.run)
        return batch.wait()

    def _start(self) -> None:
        with self._lock:
            while self._started < self.number:
                self._started += 1
                name = f"lane-{self._started}"
                threading.Thread(target=_serve, args=(self._jobs,), name=name, daemon=True).start()


class _Batch(Generic[Item, Told]):
    """One call's items, taken by its runners one after the other."""

    def __init__(self, work: Callable[[Item], Told], items: Sequence[Item], runners: int) -> None:
        self.runners = runners
        self._work, self._items = work, items
        self._told: dict[int, Told] = {}
        self._next = 0
        self._error: BaseException | None = None
        self._running = runners
        self._changed = threading.Condition()

    def run(self) -> None:
        """Until nothing is left, or one has failed."""
        try:
            while (place := self._take()) is not None:
                self._told[place] = self._work(self._items[place])
        except BaseException as error:  # raised where the batch is waited for
            self._fail(error)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def wait(self) -> list[Told]:
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0)
        if self._error is not None:
            raise self._error
        return [self._told[place] for place in range(len(self._items))]

    def _take(self) -> int | None:
        with self._changed:
            if self._error is not None or self._next >= len(self._items):
                return None
            self._next += 1
            return self._next - 1

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error


def _serve(jobs: SimpleQueue[_Job | None]) -> None:
    """One thread, until nobody has the lanes any more."""
    while (job := jobs.get()) is not None:
        job()
        del job  # it holds its uploader, and that the lanes
    jobs.put(None)


class Closable(Protocol):
    """What has an end."""

    def close(self) -> None:
        """End it."""
        ...


Kept = TypeVar("Kept", bound=Closable)


class OfThread(Generic[Kept]):
    """
    One of something for each thread, made when it is first asked for.

    Args:
        make: A new one.
    """

    def __init__(self, make: Callable[[], Kept]) -> None:
        self._make = make
        self._own = threading.local()
        self._all: list[Kept] = []
        self._lock = threading.Lock()
        self._turn = 0

    def get(self) -> Kept:
        """This thread's own."""
        turn = self._turn
        if getattr(self._own, "turn", None) != turn:
            self._end()
            one = self._make()
            with self._lock:
                self._all.append(one)
            self._own.one, self._own.turn = one, turn
        found: Kept = self._own.one
        return found

    def drop(self) -> None:
        """This thread's own has failed. The others' are likely to: each thread makes a new one."""
        self._turn += 1
        self._end()

    def close(self) -> None:
        """End all of them; nobody uses one at that time."""
        self._turn += 1
        with self._lock:
            ended, self._all = self._all, []
        for one in ended:
            one.close()

    def _end(self) -> None:
        """This thread's own, if it has one that is not ended."""
        one: Kept | None = getattr(self._own, "one", None)
        self._own.one = None
        with self._lock:
            is_open = one in self._all
            self._all = [other for other in self._all if other is not one]
        if one is not None and is_open:
            one.close()
