"""
The radiology department: sends a planned day to the PACS, evenly spread over a given time.

Images are made by one thread ahead of the sending one, with a bounded queue between them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hospital_sim.day import DayPlan, Part, Slice
from hospital_sim.headers import sop_class
from hospital_sim.instances import Renderer
from hospital_sim.sending.events import Event, OnEvent, ignore
from hospital_sim.sending.scu import Association, Pacs, check_listening

IMAGES_AHEAD = 64
SYNTAXES = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))


@dataclass(frozen=True)
class _Made:
    """One image on its way to the sender."""

    piece: Slice
    dataset: Dataset
    last_of_piece: bool


class _Maker:
    """Renders all parts in a thread of its own, at most IMAGES_AHEAD images ahead."""

    def __init__(self, plan: DayPlan) -> None:
        self._plan = plan
        self._queue: queue.Queue[_Made | BaseException] = queue.Queue(IMAGES_AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="image maker", daemon=True)
        self._thread.start()

    def take(self) -> _Made:
        """The next image; an error of the maker's thread is raised here."""
        made = self._queue.get()
        if isinstance(made, BaseException):
            raise made
        return made

    def stop(self) -> None:
        """End the thread, whatever is left."""
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue

    def _run(self) -> None:
        renderer = Renderer()
        try:
            for part in self._plan.parts:
                for made in _made(renderer, part):
                    self._queue.put(made)
                    if self._stopped.is_set():
                        return
        except Exception as error:
            self._queue.put(error)


def _made(renderer: Renderer, part: Part) -> Iterator[_Made]:
    left = Counter({piece: piece.end - piece.begin for piece in part.slices})
    for piece, dataset in renderer.part(part):
        left[piece] -= 1
        yield _Made(piece, dataset, left[piece] == 0)


class _Pacer:
    """Spreads a number of images evenly over a duration; 0 s means as fast as possible."""

    def __init__(self, images: int, duration_s: float) -> None:
        self._step = duration_s / max(images, 1)
        self._begin = time.monotonic()
        self._count = 0
        self._last_of_study: dict[str, float] = {}

    def before_part(self, part: Part) -> None:
        """Wait out the pause of a growing study."""
        last = self._last_of_study.get(part.study.uid)
        if last is not None and self._step > 0:
            _sleep_until(last + part.pause.total_seconds())

    def before_image(self) -> None:
        """Wait for the next image's turn."""
        _sleep_until(self._begin + self._count * self._step)
        self._count += 1

    def after_part(self, part: Part) -> None:
        """Remember when a study last got an image."""
        self._last_of_study[part.study.uid] = time.monotonic()


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def send_day(plan: DayPlan, pacs: Pacs, *, duration_s: float = 50.0, on_event: OnEvent = ignore) -> None:
    """
    Send all parts of a day, one association a part, under the AE title of the part's device.

    Args:
        plan: What to send.
        pacs: Where to.
        duration_s: Over how many seconds the images are spread; 0 sends without any pause.
        on_event: Called for each study's start and end and each series' end, in the caller's thread.

    Raises:
        StoreError: The PACS cannot be reached or refuses; the message says who, where and why.
    """
    check_listening(pacs)
    maker = _Maker(plan)
    sent: Counter[str] = Counter()
    try:
        pacer = _Pacer(plan.instances, duration_s)
        for part in plan.parts:
            pacer.before_part(part)
            _send_part(part, pacs, maker, pacer, sent, on_event)
            pacer.after_part(part)
    finally:
        maker.stop()


def _send_part(
    part: Part, pacs: Pacs, maker: _Maker, pacer: _Pacer, sent: Counter[str], on_event: OnEvent
) -> None:
    study = part.study
    contexts = {str(sop_class(piece.series)): SYNTAXES for piece in part.slices}
    with Association(pacs, study.device.ae_title, contexts.items()) as association:
        if sent[study.uid] == 0:
            on_event(Event("study_started", time.time(), study.uid))
        for _ in range(part.instances):
            made = maker.take()
            pacer.before_image()
            association.store(made.dataset, f"image {made.dataset.SOPInstanceUID} of {study.label}")
            sent[study.uid] += 1
            if made.last_of_piece:
                on_event(Event("series_sent", time.time(), study.uid, made.piece.series.uid, made.piece.end))
            if sent[study.uid] == study.instances:
                on_event(Event("study_sent", time.time(), study.uid, instances=study.instances))
