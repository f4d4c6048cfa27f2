"""
Starts again what died by itself, as a site's supervisor does, and counts what died by a signal.

A process that ended with a status has decided so itself: it could not begin, because a disk was full, say.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.chaos.disasters import start_again
from tests.chaos.rig.harness import Rig

_LOOK_S = 0.3


class Keeper:
    """
    A thread, for a ``with`` block.

    Args:
        rig: Whose servers are kept.
        names: Of those servers.
        alone: Gives a target for as long as the block runs, or not (False) when a disaster has it.
        say: Is told each death.
    """

    def __init__(
        self,
        rig: Rig,
        names: tuple[str, ...],
        alone: Callable[[str], AbstractContextManager[bool]],
        say: Callable[[str], None],
    ) -> None:
        self._rig, self._names, self._alone, self._say = rig, names, alone, say
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.deaths: Counter[str] = Counter()
        self.error: BaseException | None = None

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        if self.error is not None and error[0] is None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.wait(_LOOK_S):
                for name in self._names:
                    self._look(name)
        except BaseException as error:
            self.error = error

    def _look(self, name: str) -> None:
        if self._rig.process(name).is_alive():
            return
        with self._alone(name) as ours:
            if ours and not self._rig.process(name).is_alive():
                self._count(name)
                self._rig.servers[
                    name
                ].kill()  # nothing that it had started, and none of its ports, is left after this
                start_again(self._rig, name)

    def _count(self, name: str) -> None:
        signal = self._rig.process(name).killed_by
        if signal is None:
            self._say(f"{name} ended by itself")
            return
        self.deaths[name] += 1
        self._say(f"{name} died by itself, of signal {signal}")
