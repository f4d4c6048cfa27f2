"""A platform in memory, and the destinations of a pipeline of fakes around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from pacs_module.adapters.files.upload_cache import DiskCache
from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.domain.circuit import CircuitPolicy
from pacs_module.domain.errors import PipelineError
from pacs_module.domain.retry import RetryPolicy
from pacs_module.domain.study.uploads import upload_of
from pacs_module.domain.upload.cache_limits import CacheLimits
from pacs_module.domain.upload.destination import DestinationRule
from pacs_module.domain.upload.files import ImagePlace, Lacking, UploadFile
from pacs_module.domain.upload.upload import Upload
from pacs_module.use_cases.deliver.backend_circuit import BackendCircuit
from pacs_module.use_cases.upload.by_hand import UploadsByHand
from pacs_module.use_cases.upload.fill_cache import FillCache
from pacs_module.use_cases.upload.route import RouteHandOvers
from pacs_module.use_cases.upload.send import SendUploads
from pacs_module.use_cases.upload.upload_policy import DestinationPlan, UploadOrder
from tests.fakes.pipeline import UID, Pipeline
from tests.support.images.ct_files import ct_file

RETRY = RetryPolicy(attempts=3, first=timedelta(seconds=30), longest=timedelta(minutes=5))
IMAGES = 3


class FakePlatform:
    """Keeps bytes under names; ``errors`` are raised one after the other, ``lies`` are stored as half."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.errors: list[BaseException] = []
        self.lies = 0
        self.refuses: set[str] = set()
        self.puts: list[str] = []
        self.lists = True
        self.meanwhile: Callable[[], None] = lambda: None

    proof = "checksum"

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        refused = []
        for file in files:
            if self.errors:
                raise self.errors.pop(0)
            if file.sop_uid in self.refuses:
                refused.append(Lacking(file, "not wanted"))
                continue
            data = Path(file.path).read_bytes()
            if self.lies:
                self.lies, data = self.lies - 1, data[: len(data) // 2]
            self.objects[file.name] = data
            self.puts.append(file.name)
            self.meanwhile()
        return refused

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        found = [(file, self.objects.get(file.name)) for file in files]
        return [
            Lacking(file, "not there" if there is None else f"{len(there)} of {file.size} bytes")
            for file, there in found
            if there != Path(file.path).read_bytes()
        ]

    def list_images(self, place: ImagePlace) -> frozenset[str] | None:
        names = (name for name in self.objects if name.rpartition("/")[0] in place.folders)
        return frozenset(place.names.sop_uid(name) for name in names) if self.lists else None

    def close(self) -> None:
        pass


class Edge:
    """A pipeline whose hand-overs are real folders, and destinations beside the backend."""

    def __init__(
        self,
        folder: Path,
        rules: Mapping[str, DestinationRule] | None = None,
        limits: CacheLimits | None = None,
        order: UploadOrder = UploadOrder.OLDEST,
        batch: int = 1,
        world: Pipeline | None = None,
    ) -> None:
        self.folder = folder
        self.world = world or Pipeline()
        self.store, self.clock, self.log = self.world.store, self.world.clock, self.world.log
        self.world.accept.destinations = True
        rules = rules if rules is not None else {"centre": DestinationRule()}
        self.plans = [
            DestinationPlan(name, rule=rule, hospital="H1", retry=RETRY, order=order, batch=batch)
            for name, rule in rules.items()
        ]
        self.source = FolderSource()
        self.cache, self.fill = None, None
        if limits is not None:
            (folder / "cache").mkdir(parents=True, exist_ok=True)
            self.cache = DiskCache(folder / "cache")
            self.fill = FillCache(self.store, self.cache, limits, self.clock, self.log)
        self.route = RouteHandOvers(
            self.store, self.plans, self.source, self.fill, self.clock, self.log, "test"
        )
        self.platforms = {plan.name: FakePlatform() for plan in self.plans}
        self.circuits = {
            plan.name: BackendCircuit(self.clock, self.log, CircuitPolicy(), destination=plan.name)
            for plan in self.plans
        }
        self.by_hand = UploadsByHand(self.store, self.clock, self.log)

    def sender(self, name: str = "centre", owner: str = "test") -> SendUploads:
        """A new worker of a destination, as after a start."""
        plan = next(one for one in self.plans if one.name == name)
        return SendUploads(
            store=self.store, plan=plan, uploader=self.platforms[name], source=self.source, cache=self.cache,
            clock=self.clock, log=self.log, circuit=self.circuits[name], owner=owner, worker=f"{name}-1",
        )  # fmt: skip

    def send(self, name: str = "centre") -> bool:
        """One step of a worker."""
        return self.sender(name)()

    def hand_over(self, images: int = IMAGES, pushed: bool = False, study: str = UID) -> str:
        """Pulled and handed over as a folder with images; its id."""
        request = None if pushed else self.world.until_asked(images)
        message = self.world.message(request, images)
        handover = str(message["handoverID"])
        here = self.folder / "store" / handover
        here.mkdir(parents=True)
        for number in range(1, images + 1):
            ct_file(here / f"{number:05d}.dcm", study, f"{study}.1", number)
        series = [{"seriesUID": f"{study}.1", "filepath": str(here), "numberReceived": images}]
        more = {"studyUID": study, "seriesUID": f"{study}.1", "filepath": str(here), "series": series}
        assert self.world.accept({**message, **more})
        if request is not None:
            assert self.world.report(request, "received", "COMPLETE", received=images)
        return handover

    def computed(self, handover: str) -> None:
        """The backend's result is in, and its retention over."""
        assert self.world.publish()
        self.world.answers_while_waiting("completed")
        assert self.world.deliver(1)
        assert handover
        self.clock.pass_seconds(700)

    def upload(self, handover: str, name: str = "centre", study: str = UID) -> Upload:
        """Where a hand-over stands at a destination."""
        found = self.store.get(study)
        assert found is not None
        upload = upload_of(found, handover, name)
        assert upload is not None
        return upload

    def is_there(self, handover: str, name: str = "centre") -> bool:
        """Whether the platform has every image as it was handed over."""
        files = sorted((self.folder / "store" / handover).glob("*.dcm"))
        there = sorted(self.platforms[name].objects.values())
        return there == sorted(one.read_bytes() for one in files)


def raises(*errors: PipelineError) -> list[BaseException]:
    """For a platform's ``errors``."""
    return list(errors)
