"""Every way to a destination beside a real server, and how a test looks into that server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import botocore.config
import pytest
from pydicom import dcmread

from hospital_sim.platform.gate import gate
from hospital_sim.platform.habits import Habits
from hospital_sim.platform.store import PlatformStore, serve
from pacs_module.adapters.upload.cstore import CStorePlace, CStoreUploader
from pacs_module.adapters.upload.ftp import FtpPlace, FtpUploader
from pacs_module.adapters.upload.http import HttpPlace, HttpUploader
from pacs_module.adapters.upload.s3 import S3Place, S3Uploader
from pacs_module.adapters.upload.sftp import SftpPlace, SftpUploader
from pacs_module.adapters.upload.stow import StowPlace, StowUploader
from pacs_module.ports import Uploader
from pacs_module.shared.http import HttpLink
from stack.ports import LOOPBACK, free_ports
from tests.chaos.proxy import Proxy
from tests.support.storescp import Scp
from tests.support.upload_servers import BUCKET, DicomWebServer, FtpServer, S3Server, SftpServer

KEY = "any"
TIMEOUT_S = 20.0
WAYS = (
    "http-put", "http-form", "http-resumable", "http-not-staged",
    pytest.param("s3", marks=pytest.mark.server("moto")),
    pytest.param("s3-not-staged", marks=pytest.mark.server("moto")),
    pytest.param("s3-encrypted", marks=pytest.mark.server("moto")),
    pytest.param("sftp", marks=pytest.mark.server("sshd")),
    pytest.param("ftp", marks=pytest.mark.server("vsftpd")),
    pytest.param("ftps", marks=pytest.mark.server("vsftpd")),
    pytest.param("stow", marks=pytest.mark.server("orthanc", "orthanc-dicomweb")),
    pytest.param("cstore-status", marks=pytest.mark.server("dcmtk")),
    pytest.param("cstore-find", marks=pytest.mark.server("orthanc", "orthanc-dicomweb")),
    pytest.param("cstore-commitment", marks=pytest.mark.server("orthanc", "orthanc-dicomweb")),
)  # fmt: skip
PROXIED = ("sftp", "ftp", "cstore-status", "cstore-find")
"""Those with a bad line before it."""


@dataclass
class UploadCase:
    """
    A way under test.

    Args:
        name: Of :data:`WAYS`.
        open: A new uploader, as of a new worker; its line and its platform may misbehave.
        images: What the platform has and shows, by SOPInstanceUID: a checksum of what stands after the file's head.
        remove: Take an image away at the platform, by the name that it was given and its SOPInstanceUID.
        cut: Cut one short there; None: it cannot be done with its files.
        habits: Of the gate before it.
        proxy: The line to it.
        half_seen: What was seen there half.
        closed: An uploader to where nobody listens.
    """

    name: str
    open: Callable[[], Uploader]
    images: Callable[[], Mapping[str, str]]
    remove: Callable[[str, str], None]
    cut: Callable[[str], None] | None = None
    habits: Habits = field(default_factory=Habits)
    proxy: Proxy | None = None
    half_seen: Callable[[], list[str]] = list
    closed: Callable[[], Uploader] | None = None

    @property
    def knows_at_once(self) -> bool:
        """Whether a new worker is told by the platform what it has; C-STORE without a proof tells nobody."""
        return self.name != "cstore-status"


def checksum(raw: bytes) -> str:
    """Of a DICOM file without its head: what a DICOM node may write anew."""
    if raw[128:132] == b"DICM":
        raw = raw[144 + int.from_bytes(raw[140:144], "little") :]
    return hashlib.sha256(raw).hexdigest()


def nobody() -> int:
    """A port at which nobody listens."""
    return free_ports(1)[0]


def make(way: str, folder: Path) -> Iterator[UploadCase]:
    """Start the servers of a way; they end with the generator."""
    kind, _, how = way.partition("-")
    maker = {
        "http": _http,
        "s3": _s3,
        "sftp": _sftp,
        "ftp": _ftp,
        "ftps": _ftp,
        "stow": _stow,
        "cstore": _cstore,
    }[kind]
    yield from maker(way, how, folder)


def _http(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    store, habits = PlatformStore(folder / "platform"), Habits()
    store.folder.mkdir()
    with serve(store) as platform, gate(platform.url, habits) as front:

        def place(url: str) -> HttpUploader:
            mode = "put" if how == "not-staged" else how
            link = HttpLink("the platform", keep=True)
            return HttpUploader(
                HttpPlace(url, mode, staged=how != "not-staged", timeout=TIMEOUT_S, piece=300), link
            )

        yield UploadCase(
            way, lambda: place(front.url), lambda: _of_files(store.folder), lambda name, uid: (store.folder / name).unlink(),
            lambda name: _cut(store.folder / name), habits, half_seen=lambda: store.half_seen,
            closed=lambda: place(f"http://{LOOPBACK}:{nobody()}"),
        )  # fmt: skip


def _s3(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server, habits = S3Server(), Habits()
    endpoint = server.url
    direct = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name="us-east-1",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )  # fmt: skip

    def images() -> dict[str, str]:
        found = {}
        for one in direct.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            if not one["Key"].startswith(".incoming/"):
                body = direct.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
                found[Path(one["Key"]).stem] = checksum(body)
        return found

    def cut(name: str) -> None:
        body = direct.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        direct.put_object(Bucket=BUCKET, Key=name, Body=body[:200])

    def place(url: str) -> S3Uploader:
        encryption = "AES256" if how == "encrypted" else ""
        return S3Uploader(
            S3Place(
                BUCKET,
                url,
                "us-east-1",
                KEY,
                KEY,
                encryption=encryption,
                staged=how != "not-staged",
                timeout=TIMEOUT_S,
            )
        )

    try:
        with gate(endpoint, habits) as front:
            yield UploadCase(
                way, lambda: place(front.url), images, lambda name, uid: direct.delete_object(Bucket=BUCKET, Key=name), cut,
                habits, closed=lambda: place(f"http://{LOOPBACK}:{nobody()}"),
            )  # fmt: skip
    finally:
        direct.close()
        server.stop()


def _sftp(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server = SftpServer(folder)
    proxy = Proxy(server.port)

    def place(port: int) -> SftpUploader:
        return SftpUploader(
            SftpPlace(
                LOOPBACK, server.username, server.host_key, port, key_file=str(server.key), folder=str(server.folder),
                timeout=TIMEOUT_S,
            )
        )  # fmt: skip

    try:
        yield _of_folder(way, server.folder, lambda: place(proxy.port), lambda: place(nobody()), proxy)
    finally:
        proxy.close()
        server.stop()


def _ftp(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server = FtpServer(folder, tls=way == "ftps")
    proxy = Proxy(server.port)

    def place(port: int) -> FtpUploader:
        told = FtpPlace(
            LOOPBACK, "anonymous", "", port, tls=way == "ftps", ca_file=server.ca_file, timeout=TIMEOUT_S
        )
        return FtpUploader(told)

    try:
        yield _of_folder(way, server.folder, lambda: place(proxy.port), lambda: place(nobody()), proxy)
    finally:
        proxy.close()
        server.stop()


def _stow(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server, habits = DicomWebServer(folder), Habits()

    def place(url: str) -> StowUploader:
        return StowUploader(StowPlace(f"{url}/dicom-web", TIMEOUT_S), HttpLink("the platform", keep=True))

    try:
        with gate(server.url, habits) as front:
            yield UploadCase(
                way, lambda: place(front.url), lambda: _checksums(server.images()), lambda name, uid: server.remove(uid),
                habits=habits, closed=lambda: place(f"http://{LOOPBACK}:{nobody()}"),
            )  # fmt: skip
    finally:
        server.stop()


def _cstore(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    if how == "status":
        yield from _storescp(way, folder)
        return
    commit_port = nobody()
    server = DicomWebServer(folder, commit_port)
    proxy = Proxy(server.dicom)

    def place(port: int) -> CStoreUploader:
        told = CStorePlace(
            LOOPBACK, port, server.aet, "AIPULL", how, commit_port if how == "commitment" else 0, TIMEOUT_S
        )
        return CStoreUploader(told)

    try:
        yield UploadCase(
            way, lambda: place(proxy.port), lambda: _checksums(server.images()), lambda name, uid: server.remove(uid),
            proxy=proxy, closed=lambda: place(nobody()),
        )  # fmt: skip
    finally:
        proxy.close()
        server.stop()


def _storescp(way: str, folder: Path) -> Iterator[UploadCase]:
    scp = Scp(folder / "scp", "+B", "+xa")
    proxy = Proxy(scp.pacs.port)

    def place(port: int) -> CStoreUploader:
        return CStoreUploader(CStorePlace(LOOPBACK, port, "PACS", timeout=TIMEOUT_S))

    def images() -> dict[str, str]:
        return {str(dcmread(one).SOPInstanceUID): checksum(one.read_bytes()) for one in scp.files()}

    try:
        yield UploadCase(
            way,
            lambda: place(proxy.port),
            images,
            lambda name, uid: None,
            proxy=proxy,
            closed=lambda: place(nobody()),
        )
    finally:
        proxy.close()
        scp.stop()


def _of_folder(
    way: str, folder: Path, opened: Callable[[], Uploader], closed: Callable[[], Uploader], proxy: Proxy
) -> UploadCase:
    return UploadCase(
        way, opened, lambda: _of_files(folder), lambda name, uid: (folder / name).unlink(),
        lambda name: _cut(folder / name), proxy=proxy, closed=closed,
    )  # fmt: skip


def _of_files(folder: Path) -> dict[str, str]:
    files = [one for one in folder.rglob("*.dcm") if one.is_file()]
    return {one.stem: checksum(one.read_bytes()) for one in files}


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])


def _checksums(images: Mapping[str, bytes]) -> dict[str, str]:
    return {uid: hashlib.sha256(raw).hexdigest() for uid, raw in images.items()}
