"""
Orthanc's store and change log in memory, with the methods of ``OrthancClient`` that reception
uses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aipull.server.orthanc_client import InstanceHere, OrthancClient, SeriesHere, StudyHere
from pacs_module.domain.errors import Refused

PACS_SENDER = ("GEPACS", "192.168.1.150")
CHEST = {
    "Modality": "CT",
    "BodyPartExamined": "CHEST",
    "SliceThickness": "1",
    "AccessionNumber": "A1",
    "PatientID": "P1",
}


class FakeStore(OrthancClient):
    """``folder``: where attachments lie as Orthanc lays them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images: dict[str, dict[str, Any]] = {}
        self.log: list[str] = []
        self.raw: dict[str, bytes] = {}
        """Bytes of attributes, by tag, of the images that are added from now on."""
        self.image_bytes = 500_000
        self.on_image: Callable[[str], None] = lambda _: None
        """Orthanc's event of a new image."""

    def add(
        self,
        study: str,
        series: str,
        count: int = 1,
        first: int = 1,
        patient: str = "P1",
        sender: tuple[str, str] = PACS_SENDER,
        received_at: int | None = None,
        **tags: str,
    ) -> list[str]:
        """Images arrive; one with the same PatientID and number overwrites the one before."""
        ids = []
        for number in range(first, first + count):
            image = f"{patient}-{series}-{number}"
            file = f"{len(self.log):08x}-file"
            content = _content(image, f"sop-P1-{series}-{number}", patient, study, series)
            self.images[image] = {
                "study": study, "series": series, "patient": patient, "number": number, "file": file,
                "size": len(content),
                "sender": sender, "received_at": received_at, "sop": f"sop-P1-{series}-{number}",
                "tags": {**CHEST, "PatientID": patient, **tags}, "raw": self.raw,
            }  # fmt: skip
            path = self.folder / file[:2] / file[2:4] / file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stored:
                stored.write(content)
            self.log.append(image)
            self.on_image(image)
            ids.append(image)
        return ids

    def get(self, path: str) -> Any:
        assert path.startswith("/changes?since="), path
        since = int(path.split("=")[1].split("&")[0])
        changes = [{"ChangeType": "NewInstance", "ID": image} for image in self.log[since:]]
        return {"Changes": changes, "Last": len(self.log), "Done": True}

    def stored(self, image: str) -> Path:
        """The file of an image."""
        file: str = self.images[image]["file"]
        return self.folder / file[:2] / file[2:4] / file

    def get_bytes(self, path: str) -> bytes:
        if path.endswith("/file"):
            return self.stored(path.split("/")[2]).read_bytes()
        image, tag = self._image(path.split("/")[2]), path.rsplit("/", 1)[1]
        return bytes(image["raw"].get(tag, b"")) if "/content/" in path else path.encode()

    def study_of_instance(self, instance_id: str) -> StudyHere | None:
        image = self.images.get(instance_id)
        return StudyHere(f"{image['patient']}|{image['study']}", image["study"]) if image else None

    def studies(self) -> list[StudyHere]:
        found = {self.study_of_instance(image) for image in self.images}
        return sorted((one for one in found if one), key=lambda one: one.orthanc_id)

    def series_of(self, study_id: str) -> list[SeriesHere]:
        found: dict[tuple[str, str], list[str]] = {}
        for name, image in self.images.items():
            if f"{image['patient']}|{image['study']}" == study_id:
                found.setdefault((f"{image['patient']}-{image['series']}", image["series"]), []).append(name)
        return [SeriesHere(orthanc_id, uid, tuple(names)) for (orthanc_id, uid), names in found.items()]

    def instances_of(self, series_id: str) -> list[InstanceHere]:
        return [
            self._here(name)
            for name, image in self.images.items()
            if f"{image['patient']}-{image['series']}" == series_id
        ]

    def with_senders(self, instance_ids: Sequence[str]) -> list[InstanceHere]:
        return [self._here(name) for name in instance_ids if name in self.images]

    def instance(self, instance_id: str) -> InstanceHere | None:
        return self._here(instance_id) if instance_id in self.images else None

    def patient_of(self, study_id: str) -> str:
        return study_id.partition("|")[0]

    def _here(self, name: str) -> InstanceHere:
        image = self.images[name]
        return InstanceHere(
            orthanc_id=name,
            sop_instance_uid=image["sop"],
            number=image["number"],
            file=image["file"],
            size=image["size"],
            series_id=f"{image['patient']}-{image['series']}",
            ae_title=image["sender"][0],
            address=image["sender"][1],
            received_at=image["received_at"],
            tags={"SOPInstanceUID": image["sop"], "InstanceNumber": str(image["number"])},
        )

    def statistics(self, resource: str) -> tuple[int, int]:
        kind, _, orthanc_id = resource.partition("/")
        if kind == "studies":
            number = sum(len(one.instances) for one in self.series_of(orthanc_id))
        else:
            number = len(self.instances_of(orthanc_id))
        if not number:
            raise Refused("Orthanc", 404, resource)
        return number, number * self.image_bytes

    def metadata(self, instance_id: str) -> dict[str, str]:
        self._image(instance_id)
        return {"RemoteAET": PACS_SENDER[0], "RemoteIP": PACS_SENDER[1]}

    def delete_instances(self, instance_ids: list[str]) -> None:
        for name in instance_ids:
            self.images.pop(name, None)

    def _image(self, instance_id: str) -> dict[str, Any]:
        if instance_id not in self.images:
            raise Refused("Orthanc", 404, instance_id)
        return self.images[instance_id]


def _content(name: str, *identity: str) -> bytes:
    """A file of an image: its name for the tests, and the elements that the last check looks for."""
    elements = zip(_ELEMENTS, identity, strict=True)
    return name.encode() + b"\0" + b"".join(tag + _padded(text, pad) for (tag, pad), text in elements)


def _padded(text: str, pad: bytes) -> bytes:
    value = text.encode()
    value += pad * (len(value) % 2)
    return len(value).to_bytes(2, "little") + value


_ELEMENTS = (
    (b"\x08\x00\x18\x00UI", b"\0"), (b"\x10\x00\x20\x00LO", b" "), (b"\x20\x00\x0d\x00UI", b"\0"),
    (b"\x20\x00\x0e\x00UI", b"\0"),
)  # fmt: skip


def name_of(file: Path) -> str:
    """Which image a file of a hand-over is."""
    return file.read_bytes().split(b"\0")[0].decode()
