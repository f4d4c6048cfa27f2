"""
What an upload costs beside the bare tool of its protocol: the same images, the same server, in turn (A B A B
...).

Ours is what a worker does with a hand-over: every image brought there and then asked for, so that it counts
as uploaded. The bare tool only sends: curl for HTTP, FTP and STOW-RS, boto3's own multipart upload for S3,
OpenSSH's sftp, dcmtk's storescu. Each side has one connection. CPU is this process's, or the tool's.

    python -m benchmarks.uploads --images 200
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from rich.console import Console
from rich.table import Table

from pacs_module.adapters.files.upload_source import FolderSource
from pacs_module.domain.upload.files import UploadFile
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath
from stack.ports import LOOPBACK, free_ports
from tests.support.images.ct_files import ct_file
from tests.support.pacs.storescp import Scp
from tests.support.servers.upload_servers import BUCKET, DicomWebServer, FtpServer, Program, SftpServer
from tests.support.servers.uploaders import Told, opened

MATRIX = 512
BATCH = 50
_KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}

app = typer.Typer(add_completion=False)
Send = Callable[[Sequence[UploadFile]], None]


@dataclass
class Way:
    """A server with both ways to it."""

    told: Told
    bare: Send
    tool: str


@dataclass
class Turn:
    """One side's work: seconds of wall clock and of CPU."""

    wall: float
    cpu: float


def images_of(folder: Path, study: str, number: int) -> list[UploadFile]:
    """A hand-over of CT images of half a megabyte."""
    here = folder / study
    here.mkdir(parents=True)
    pixels = os.urandom(2 * MATRIX * MATRIX)
    for one in range(1, number + 1):
        ct_file(
            here / f"{one:05d}.dcm", study, f"{study}.1", one, Rows=MATRIX, Columns=MATRIX, PixelData=pixels
        )
    return FolderSource().images(str(here), StoragePath(DEFAULT), "H1")


# --- the servers ---


@contextmanager
def _http(folder: Path, staged: bool = True) -> Iterator[Way]:
    (folder / "files").mkdir()
    (port,) = free_ports(1)
    words = [str(folder / "files"), str(port), str(folder / "half-seen")]
    server = Program([sys.executable, "-m", "tests.chaos.audit.region", *words], port, folder)
    url = f"http://{LOOPBACK}:{port}"
    try:
        told = {"kind": "http", "url": url, "staged": staged}
        yield Way(told, lambda files: _curl(files, f"{url}/bare", folder), "curl")
    finally:
        server.stop()


@contextmanager
def _s3(folder: Path, staged: bool = True) -> Iterator[Way]:
    (port,) = free_ports(1)
    server = Program([sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)], port, folder)
    url = f"http://{LOOPBACK}:{port}"
    client = boto3.client("s3", endpoint_url=url, **_KEYS)
    client.create_bucket(Bucket=BUCKET)

    def bare(files: Sequence[UploadFile]) -> None:
        for file in files:
            client.upload_file(file.path, BUCKET, f"bare/{file.name}")

    told = {
        "kind": "s3", "bucket": BUCKET, "endpoint": url, "access_key": "any", "secret_key": "any",
        "staged": staged,
    }  # fmt: skip
    try:
        yield Way(told, bare, "boto3")
    finally:
        client.close()
        server.stop()


@contextmanager
def _sftp(folder: Path) -> Iterator[Way]:
    server = SftpServer(folder)
    known = folder / "known_hosts"
    known.write_text(f"[{LOOPBACK}]:{server.port} {server.host_key}\n")

    def bare(files: Sequence[UploadFile]) -> None:
        batch = folder / "batch"
        lines = [f"put {file.path} {server.folder}/bare-{file.sop_uid}" for file in files]
        batch.write_text("\n".join(lines))
        options = {"Port": server.port, "IdentityFile": server.key, "UserKnownHostsFile": known}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        _run("sftp", "-q", "-b", str(batch), *words, f"{server.username}@{LOOPBACK}")

    told = {
        "kind": "sftp", "host": LOOPBACK, "username": server.username, "host_key": server.host_key,
        "port": server.port, "key_file": str(server.key), "folder": str(server.folder),
    }  # fmt: skip
    try:
        yield Way(told, bare, "sftp")
    finally:
        server.stop()


@contextmanager
def _ftp(folder: Path) -> Iterator[Way]:
    server = FtpServer(folder)
    told = {"kind": "ftp", "host": LOOPBACK, "username": "anonymous", "password": "", "port": server.port}
    try:
        yield Way(told, lambda files: _curl(files, f"ftp://{LOOPBACK}:{server.port}", folder), "curl")
    finally:
        server.stop()


@contextmanager
def _stow(folder: Path) -> Iterator[Way]:
    server = DicomWebServer(folder)
    url = f"{server.url}/dicom-web"

    def bare(files: Sequence[UploadFile]) -> None:
        for place in range(0, len(files), BATCH):
            body = folder / "body"
            with body.open("wb") as written:
                for file in files[place : place + BATCH]:
                    written.write(
                        b"--B\r\nContent-Type: application/dicom\r\n\r\n"
                        + Path(file.path).read_bytes()
                        + b"\r\n"
                    )
                written.write(b"--B--\r\n")
            kind = 'Content-Type: multipart/related; type="application/dicom"; boundary=B'
            _run("curl", "-sf", "-o", "/dev/null", "-H", kind, "--data-binary", f"@{body}", f"{url}/studies")

    try:
        yield Way({"kind": "stow", "url": url}, bare, "curl")
    finally:
        server.stop()


@contextmanager
def _cstore(folder: Path) -> Iterator[Way]:
    scp = Scp(folder / "scp", "+B", "+xa")

    def bare(files: Sequence[UploadFile]) -> None:
        address = [LOOPBACK, str(scp.pacs.port)]
        _run("storescu", "-aec", "PACS", "-xs", *address, *(file.path for file in files), TCP_NODELAY="1")

    told = {"kind": "cstore", "host": LOOPBACK, "port": scp.pacs.port, "ae_title": "PACS"}
    try:
        yield Way(told, bare, "storescu")
    finally:
        scp.stop()


WAYS: Mapping[str, Callable[[Path], AbstractContextManager[Way]]] = {
    "http": _http, "http-not-staged": partial(_http, staged=False), "s3": _s3,
    "s3-not-staged": partial(_s3, staged=False), "sftp": _sftp, "ftp": _ftp, "stow": _stow, "cstore": _cstore,
}  # fmt: skip


def _run(*command: str, **environment: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment})


def _curl(files: Sequence[UploadFile], url: str, folder: Path) -> None:
    """All images by one curl, which keeps its connection."""
    pairs = [
        f'upload-file = "{file.path}"\nurl = "{url}/bare-{file.sop_uid}"\noutput = /dev/null'
        for file in files
    ]
    config = folder / "curl"
    config.write_text("\nnext\nsilent\nfail\n".join(["silent\nfail\n" + pairs[0], *pairs[1:]]))
    _run("curl", "-K", str(config))


# --- measuring ---


def _measured(work: Callable[[], None], who: int) -> Turn:
    before, begin = resource.getrusage(who), time.monotonic()
    work()
    after = resource.getrusage(who)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Turn(time.monotonic() - begin, cpu)


def _ours(told: Told, files: Sequence[UploadFile]) -> None:
    uploader = opened(told)
    lacking = [
        one for place in range(0, len(files), BATCH) for one in uploader.put(files[place : place + BATCH])
    ]
    lacking += uploader.missing(files)
    uploader.close()
    if lacking:
        raise RuntimeError(f"{len(lacking)} images are not there: {lacking[0].why}")


def measure(name: str, folder: Path, images: int, turns: int) -> list[Any]:
    """A row of the table."""
    ours: list[Turn] = []
    bare: list[Turn] = []
    tool_is = resource.RUSAGE_SELF if name.startswith("s3") else resource.RUSAGE_CHILDREN
    with WAYS[name](folder) as way:
        for turn in range(turns):
            files = images_of(folder, f"1.2.3.{turn}.1", images)
            bare.append(_measured(partial(way.bare, files), tool_is))
            files = images_of(folder, f"1.2.3.{turn}.2", images)
            ours.append(_measured(partial(_ours, way.told, files), resource.RUSAGE_SELF))
        tool = way.tool
    ratios = [theirs.wall / mine.wall for mine, theirs in zip(ours, bare, strict=True)]
    size = sum(file.size for file in files) / 1e6
    return [
        name,
        tool,
        *(f"{size / statistics.median(turn.wall for turn in side):.0f}" for side in (ours, bare)),
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
        *(f"{1000 * statistics.median(turn.cpu for turn in side) / images:.1f}" for side in (ours, bare)),
    ]


def _memory() -> float:
    """The most that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@app.command()
def main(
    images: Annotated[int, typer.Option(help="Of a hand-over, half a megabyte each.")] = 100,
    turns: Annotated[int, typer.Option(help="Of each side.")] = 3,
    only: Annotated[str, typer.Option(help=f"A comma list of {', '.join(WAYS)}.")] = "",
) -> None:
    """Uploads beside the bare tools."""
    console = Console(width=120)
    names = [name for name in WAYS if not only or name in only.split(",")]
    table = Table(title=f"{images} images of 0.5 MB, {turns} turns each; load {os.getloadavg()[0]:.1f}")
    for heading in (
        "protocol",
        "tool",
        "MB/s ours",
        "MB/s tool",
        "ours / tool",
        "CPU ms ours",
        "CPU ms tool",
    ):
        table.add_column(heading, justify="left" if heading in ("protocol", "tool") else "right")
    for name in names:
        with tempfile.TemporaryDirectory(prefix="aipull-uploads-") as folder:
            table.add_row(*measure(name, Path(folder), images, turns))
    console.print(table)
    console.print(f"at most {_memory():.0f} MB in this process")


if __name__ == "__main__":
    app()
