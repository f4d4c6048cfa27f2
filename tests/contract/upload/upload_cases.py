"""Every way to a destination beside a real server, and how a test looks into that server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import boto3
import botocore.config
import pytest
from pydicom import dcmread

from hospital_sim.platform.gate import gate
from hospital_sim.platform.habits import Habits
from hospital_sim.platform.store import PlatformStore, serve
from pacs_module.ports import Uploader
from stack.ports import LOOPBACK, free_ports
from tests.chaos.rig.proxy import Proxy
from tests.support.pacs.storescp import Scp
from tests.support.servers.upload_servers import (
    BUCKET,
    DicomWebServer,
    FtpServer,
    Program,
    S3Server,
    SftpServer,
)
from tests.support.servers.uploaders import Told, opened

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
        told: What an uploader to it is made of; see :func:`tests.support.servers.uploaders.opened`.
        images: What the platform has and shows, by SOPInstanceUID: a checksum of what stands after the file's head.
        remove: Take an image away at the platform, by the name that it was given and its SOPInstanceUID.
        cut: Cut one short there; None: it cannot be done with its files.
        habits: Of the gate before it.
        proxy: The line to it.
        program: The server behind them, where it is a process of its own whose files outlive it.
        half_seen: What was seen there half.
    """

    name: str
    told: Told
    images: Callable[[], Mapping[str, str]]
    remove: Callable[[str, str], None]
    cut: Callable[[str], None] | None = None
    habits: Habits = field(default_factory=Habits)
    proxy: Proxy | None = None
    program: Program | None = None
    half_seen: Callable[[], list[str]] = list

    def open(self) -> Uploader:
        """A new uploader, as of a new worker; its line and its platform may misbehave."""
        return opened(self.told)

    def closed(self) -> Uploader:
        """One to where nobody listens."""
        away = f"http://{LOOPBACK}:{nobody()}"
        changes = {"url": away, "endpoint": away, "port": nobody()}
        return opened({**self.told, **{key: changes[key] for key in changes if key in self.told}})

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
    mode = "put" if how == "not-staged" else how
    with serve(store) as platform, gate(platform.url, habits) as front:
        told = {
            "kind": "http", "url": front.url, "mode": mode, "staged": how != "not-staged", "timeout": TIMEOUT_S,
            "piece": 300, "list_url": f"{front.url}/api/v1/images",
        }  # fmt: skip
        yield UploadCase(
            way, told, lambda: _of_files(store.folder), lambda name, uid: (store.folder / name).unlink(),
            lambda name: _cut(store.folder / name), habits, half_seen=lambda: store.half_seen,
        )  # fmt: skip


def _s3(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server, habits = S3Server(), Habits()
    direct = boto3.client(
        "s3", endpoint_url=server.url, aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name="us-east-1",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )  # fmt: skip

    def images() -> dict[str, str]:
        listed = direct.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        names = [one["Key"] for one in listed if not one["Key"].startswith(".incoming/")]
        return {
            Path(name).stem: checksum(direct.get_object(Bucket=BUCKET, Key=name)["Body"].read())
            for name in names
        }

    def cut(name: str) -> None:
        body = direct.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        direct.put_object(Bucket=BUCKET, Key=name, Body=body[:200])

    try:
        with gate(server.url, habits) as front:
            told = {
                "kind": "s3", "bucket": BUCKET, "endpoint": front.url, "access_key": KEY, "secret_key": KEY,
                "encryption": "AES256" if how == "encrypted" else "", "staged": how != "not-staged",
                "timeout": TIMEOUT_S,
            }  # fmt: skip
            yield UploadCase(
                way,
                told,
                images,
                lambda name, uid: direct.delete_object(Bucket=BUCKET, Key=name),
                cut,
                habits,
            )
    finally:
        direct.close()
        server.stop()


def _sftp(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server = SftpServer(folder)
    proxy = Proxy(server.port)
    told = {
        "kind": "sftp", "host": LOOPBACK, "username": server.username, "host_key": server.host_key,
        "port": proxy.port, "key_file": str(server.key), "folder": str(server.folder), "timeout": TIMEOUT_S,
    }  # fmt: skip
    yield from _proxied(server.program, proxy, _of_folder(way, server.folder, told))


def _ftp(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server = FtpServer(folder, tls=way == "ftps")
    proxy = Proxy(server.port)
    told = {
        "kind": "ftp", "host": LOOPBACK, "username": "anonymous", "password": "", "port": proxy.port,
        "tls": way == "ftps", "ca_file": server.ca_file, "timeout": TIMEOUT_S,
    }  # fmt: skip
    yield from _proxied(server.program, proxy, _of_folder(way, server.folder, told))


def _stow(way: str, how: str, folder: Path) -> Iterator[UploadCase]:
    server, habits = DicomWebServer(folder), Habits()
    try:
        with gate(server.url, habits) as front:
            told = {"kind": "stow", "url": f"{front.url}/dicom-web", "timeout": TIMEOUT_S}
            yield UploadCase(
                way, told, lambda: _checksums(server.images()), lambda name, uid: server.remove(uid),
                habits=habits, program=server.program,
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
    told = {
        "kind": "cstore", "host": LOOPBACK, "port": proxy.port, "ae_title": server.aet, "proof": how,
        "commit_port": commit_port if how == "commitment" else 0, "timeout": TIMEOUT_S,
    }  # fmt: skip
    case = UploadCase(way, told, lambda: _checksums(server.images()), lambda name, uid: server.remove(uid))
    yield from _proxied(server.program, proxy, case)


def _storescp(way: str, folder: Path) -> Iterator[UploadCase]:
    scp = Scp(folder / "scp", "+B", "+xa")
    proxy = Proxy(scp.pacs.port)
    told = {
        "kind": "cstore", "host": LOOPBACK, "port": proxy.port, "ae_title": "PACS", "timeout": TIMEOUT_S,
    }  # fmt: skip

    def images() -> dict[str, str]:
        return {str(dcmread(one).SOPInstanceUID): checksum(one.read_bytes()) for one in scp.files()}

    try:
        yield UploadCase(way, told, images, lambda name, uid: None, proxy=proxy)
    finally:
        proxy.close()
        scp.stop()


def _proxied(program: Program, proxy: Proxy, case: UploadCase) -> Iterator[UploadCase]:
    """The same behind a line that may be bad; program and line end with the generator."""
    try:
        yield replace(case, proxy=proxy, program=program)
    finally:
        proxy.close()
        program.stop()


def _of_folder(way: str, folder: Path, told: Told) -> UploadCase:
    return UploadCase(
        way, told, lambda: _of_files(folder), lambda name, uid: (folder / name).unlink(),
        lambda name: _cut(folder / name),
    )  # fmt: skip


def _of_files(folder: Path) -> dict[str, str]:
    files = [one for one in folder.rglob("*.dcm") if one.is_file()]
    return {one.stem: checksum(one.read_bytes()) for one in files}


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])


def _checksums(images: Mapping[str, bytes]) -> dict[str, str]:
    return {uid: hashlib.sha256(raw).hexdigest() for uid, raw in images.items()}
