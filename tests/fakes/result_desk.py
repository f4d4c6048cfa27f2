"""A pipeline whose backend sends DICOM objects back, with a destination for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pacs_module.adapters.files.copies import AnonymousCopies
from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.adapters.results.files import DiskResults
from pacs_module.adapters.results.pseudonyms import DiskPseudonyms
from pacs_module.adapters.results.reader import ChildReader
from pacs_module.domain.json_messages.messages import SeriesFolder
from pacs_module.domain.study.study import Study
from pacs_module.domain.upload.destination import DestinationRule
from pacs_module.domain.upload.upload import Upload
from pacs_module.use_cases.results.take import Answered, TakeResults
from tests.fakes.pipeline import UID, Pipeline
from tests.fakes.platform import Edge
from tests.support.images.ct_files import ct_file

KEY = b"a secret of the site"


class ResultDesk(Edge):
    """Hand-overs are real folders; results go to ``pacs``, a platform in memory."""

    def __init__(
        self, folder: Path, rules: dict[str, DestinationRule] | None = None, world: Pipeline | None = None
    ) -> None:
        super().__init__(folder, rules or {"pacs": DestinationRule()}, world=world)
        self.world.accept.destinations = False
        self.handover = ""
        self.files = DiskResults(folder / "results")
        self.pseudonyms = DiskPseudonyms(folder / "results" / "pseudonyms")
        self.reader = ChildReader(16 << 20)
        self.take = TakeResults(
            self.store,
            self.reader,
            self.files,
            self.pseudonyms,
            FolderSource(),
            self.plans,
            self.clock,
            self.log,
        )

    def send(self, name: str = "pacs") -> bool:
        """One step of a worker that sends results."""
        sender = self.sender(name)
        sender.result_folder = lambda result_id: str(self.files.folder(result_id))
        return sender()

    def posted(self, *files: Path) -> list[Answered]:
        """What a backend is answered."""
        try:
            return self.take(files, "posted")
        finally:
            self.reader.close()

    def answers(self, *files: Path) -> list[str]:
        """In words."""
        return [f"{one.answer} {one.why}".strip() for one in self.posted(*files)]

    def uploads(self) -> Sequence[Upload]:
        """All of the study."""
        return self.study().uploads

    def study(self) -> Study:
        """The document."""
        found = self.store.get(UID)
        assert found is not None
        return found

    def anonymise(self, handover: str, **attributes: Any) -> str:
        """Copies as they are made with ``[anonymise]``; the study's pseudonym."""
        here = self.folder / "store" / handover
        if attributes:
            for number, file in enumerate(sorted(here.glob("*.dcm")), 1):
                ct_file(file, UID, f"{UID}.1", number, **attributes)
        (self.folder / "copies").mkdir(exist_ok=True)
        copies = AnonymousCopies(self.folder / "copies", KEY, keep_identity=self.pseudonyms.keep)
        copied = copies.make(handover, UID, [SeriesFolder(f"{UID}.1", str(here), 3)])
        study = self.study()
        study.pseudonym_uid = copied.study_uid
        study.handovers[-1].filepath = copied.filepath
        assert self.store.replace(study)
        return copied.study_uid
