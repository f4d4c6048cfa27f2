"""
What an upload costs beside the bare tool of its protocol: the same images, the same server, in turn (A B A B
...).

Ours is what a worker does with a hand-over: its files read for their names, every image brought there and then
asked for, so that it counts as uploaded, by as many connections as ``--threads`` says (a destination has 2 as
shipped). The bare tool only sends, by one connection: curl for HTTP, FTP and STOW-RS, boto3's own multipart
upload for S3, OpenSSH's sftp, dcmtk's storescu. CPU is this process's, or the tool's.

    python -m benchmarks.uploads --images 200
    python -m benchmarks.uploads --line 100 --round-trip 20     # Mbit/s and ms; without FTP, see _ftp
    python -m benchmarks.uploads --memory 100,1000,10000        # of ours alone, in a process each
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
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

MATRIX, SMALL = 512, 64
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
class Line:
    """What lies before the servers: megabits a second and milliseconds; 0: nothing."""

    rate: float = 0.0
    round_trip: float = 0.0

    def to(self, port: int, folder: Path) -> int:
        """The port of a line to a server, or the server's own."""
        if not self.rate:
            return port
        (near,) = free_ports(1)
        words = [str(near), str(port), str(self.rate), str(self.round_trip)]
        folder = folder / "line"
        folder.mkdir()
        self._programs.append(Program([sys.executable, "-m", "benchmarks.line", *words], near, folder))
        return near

    _programs: list[Program] = field(default_factory=list)

    def stop(self) -> None:
        """Hang up."""
        while self._programs:
            self._programs.pop().stop()


LINE_TO_ALL = Line()


@dataclass
class Turn:
    """One side's work: seconds of wall clock and of CPU."""

    wall: float
    cpu: float


def handed_over(folder: Path, study: str, number: int, matrix: int = MATRIX) -> Path:
    """The folder of a hand-over: CT images, of half a megabyte as measured."""
    here = folder / study
    here.mkdir(parents=True)
    pixels = os.urandom(2 * matrix * matrix)
    for one in range(1, number + 1):
        ct_file(
            here / f"{one:05d}.dcm", study, f"{study}.1", one, Rows=matrix, Columns=matrix, PixelData=pixels
        )
    return here


def images_of(folder: Path) -> list[UploadFile]:
    """What is sent of a hand-over."""
    return FolderSource().images(str(folder), StoragePath(DEFAULT), "H1")


# --- the servers ---


@contextmanager
def _http(folder: Path, staged: bool = True) -> Iterator[Way]:
    (folder / "files").mkdir()
    (port,) = free_ports(1)
    words = [str(folder / "files"), str(port), str(folder / "half-seen")]
    server = Program([sys.executable, "-m", "tests.chaos.audit.region", *words], port, folder)
    url = f"http://{LOOPBACK}:{LINE_TO_ALL.to(port, folder)}"
    try:
        told = {"kind": "http", "url": url, "staged": staged}
        yield Way(told, lambda files: _curl(files, f"{url}/bare", folder), "curl")
    finally:
        server.stop()


@contextmanager
def _s3(folder: Path, staged: bool = True) -> Iterator[Way]:
    (port,) = free_ports(1)
    server = Program([sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)], port, folder)
    url = f"http://{LOOPBACK}:{LINE_TO_ALL.to(port, folder)}"
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
    port = LINE_TO_ALL.to(server.port, folder)
    known = folder / "known_hosts"
    known.write_text(f"[{LOOPBACK}]:{port} {server.host_key}\n")

    def bare(files: Sequence[UploadFile]) -> None:
        batch = folder / "batch"
        lines = [f"put {file.path} {server.folder}/bare-{file.sop_uid}" for file in files]
        batch.write_text("\n".join(lines))
        options = {"Port": port, "IdentityFile": server.key, "UserKnownHostsFile": known}
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        _run("sftp", "-q", "-b", str(batch), *words, f"{server.username}@{LOOPBACK}")

    told = {
        "kind": "sftp", "host": LOOPBACK, "username": server.username, "host_key": server.host_key,
        "port": port, "key_file": str(server.key), "folder": str(server.folder),
    }  # fmt: skip
    try:
        yield Way(told, bare, "sftp")
    finally:
        server.stop()


@contextmanager
def _ftp(folder: Path) -> Iterator[Way]:
    """Its data connections would go past the line, so that it is measured without one."""
    server = FtpServer(folder)
    told = {"kind": "ftp", "host": LOOPBACK, "username": "anonymous", "password": "", "port": server.port}
    try:
        yield Way(told, lambda files: _curl(files, f"ftp://{LOOPBACK}:{server.port}", folder), "curl")
    finally:
        server.stop()


@contextmanager
def _stow(folder: Path) -> Iterator[Way]:
    server = DicomWebServer(folder)
    url = f"http://{LOOPBACK}:{LINE_TO_ALL.to(server.http, folder)}/dicom-web"

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
    port = LINE_TO_ALL.to(scp.pacs.port, folder)

    def bare(files: Sequence[UploadFile]) -> None:
        address = [LOOPBACK, str(port)]
        _run("storescu", "-aec", "PACS", "-xs", *address, *(file.path for file in files), TCP_NODELAY="1")

    told = {"kind": "cstore", "host": LOOPBACK, "port": port, "ae_title": "PACS"}
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


def _ours(told: Told, folder: Path) -> None:
    uploader, files = opened(told), images_of(folder)
    lacking = [
        one for place in range(0, len(files), BATCH) for one in uploader.put(files[place : place + BATCH])
    ]
    lacking += uploader.missing(files)
    uploader.close()
    if lacking:
        raise RuntimeError(f"{len(lacking)} images are not there: {lacking[0].why}")


def measure(name: str, folder: Path, images: int, turns: int, threads: int) -> list[Any]:
    """A row of the table."""
    ours: list[Turn] = []
    bare: list[Turn] = []
    tool_is = resource.RUSAGE_SELF if name.startswith("s3") else resource.RUSAGE_CHILDREN
    with WAYS[name](folder) as way:
        for turn in range(turns):
            files = images_of(handed_over(folder, f"1.2.3.{turn}.1", images))
            bare.append(_measured(partial(way.bare, files), tool_is))
            told, here = {**way.told, "threads": threads}, handed_over(folder, f"1.2.3.{turn}.2", images)
            ours.append(_measured(partial(_ours, told, here), resource.RUSAGE_SELF))
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


def _peak_of(told: Told, folder: Path) -> float:
    _ours(told, folder)
    return _memory()


def peak_memory(name: str, images: int, threads: int) -> float:
    """The most that a process of its own has that sends so many small images, in MB."""
    with tempfile.TemporaryDirectory(prefix="aipull-uploads-") as folder, WAYS[name](Path(folder)) as way:
        here = handed_over(Path(folder), "1.2.3.1", images, SMALL)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(_peak_of, ({**way.told, "threads": threads}, here))


def _memory_table(names: Sequence[str], counts: Sequence[int], threads: int) -> Table:
    table = Table(title=f"MB at most in a process that sends so many images of {SMALL} x {SMALL}")
    table.add_column("protocol")
    for count in counts:
        table.add_column(f"{count:,}", justify="right")
    for name in names:
        table.add_row(name, *(f"{peak_memory(name, count, threads):.0f}" for count in counts))
    return table


HEADINGS = ("protocol", "tool", "MB/s ours", "MB/s tool", "ours / tool", "CPU ms ours", "CPU ms tool")


def _speed_table(names: Sequence[str], images: int, turns: int, threads: int) -> Table:
    line = f"{LINE_TO_ALL.rate:g} Mbit/s, {LINE_TO_ALL.round_trip:g} ms" if LINE_TO_ALL.rate else "loopback"
    load = f"load {os.getloadavg()[0]:.1f}"
    table = Table(title=f"{images} images of 0.5 MB, {turns} turns each; {threads} threads; {line}; {load}")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in HEADINGS[:2] else "right")
    for name in names:
        with tempfile.TemporaryDirectory(prefix="aipull-uploads-") as folder:
            try:
                table.add_row(*measure(name, Path(folder), images, turns, threads))
            finally:
                LINE_TO_ALL.stop()
    return table


@app.command()
def main(
    images: Annotated[int, typer.Option(help="Of a hand-over, half a megabyte each.")] = 100,
    turns: Annotated[int, typer.Option(help="Of each side.")] = 3,
    only: Annotated[str, typer.Option(help=f"A comma list of {', '.join(WAYS)}.")] = "",
    threads: Annotated[int, typer.Option(help="Of the destination.")] = 2,
    line: Annotated[float, typer.Option(help="Mbit/s before each server; 0: loopback.")] = 0.0,
    round_trip: Annotated[float, typer.Option(help="Milliseconds of that line.")] = 20.0,
    memory: Annotated[str, typer.Option(help="A comma list of numbers of images: peak memory instead.")] = "",
) -> None:
    """Uploads beside the bare tools."""
    LINE_TO_ALL.rate, LINE_TO_ALL.round_trip = line, round_trip
    names = [name for name in WAYS if not only or name in only.split(",")]
    if line:
        names = [name for name in names if name != "ftp"]
    console = Console(width=120)
    if memory:
        console.print(_memory_table(names, [int(one) for one in memory.split(",")], threads))
        return
    console.print(_speed_table(names, images, turns, threads))
    console.print(f"at most {_memory():.0f} MB in this process")


if __name__ == "__main__":
    app()
