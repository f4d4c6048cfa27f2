"""An uploader out of plain values, so that a test and a process that it kills open the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pacs_module.adapters.upload.cstore import CStorePlace, CStoreUploader
from pacs_module.adapters.upload.ftp import FtpPlace, FtpUploader
from pacs_module.adapters.upload.http import HttpPlace, HttpUploader
from pacs_module.adapters.upload.lanes import Lanes
from pacs_module.adapters.upload.s3 import S3Place, S3Uploader
from pacs_module.adapters.upload.sftp import SftpPlace, SftpUploader
from pacs_module.adapters.upload.stow import StowPlace, StowUploader
from pacs_module.ports import Uploader
from pacs_module.shared.http import HttpLink

Told = Mapping[str, Any]
"""``kind`` of a destination, the fields of its place, and its ``threads`` (2, as the settings have it)."""


def _link() -> HttpLink:
    return HttpLink("the platform", keep=True)


_OPEN: Mapping[str, Callable[[dict[str, Any], Lanes], Uploader]] = {
    "http": lambda told, lanes: HttpUploader(HttpPlace(**told), _link(), lanes=lanes),
    "s3": lambda told, lanes: S3Uploader(S3Place(**told), lanes=lanes),
    "sftp": lambda told, lanes: SftpUploader(SftpPlace(**told), lanes=lanes),
    "ftp": lambda told, lanes: FtpUploader(FtpPlace(**told), lanes=lanes),
    "stow": lambda told, lanes: StowUploader(StowPlace(**told), _link()),
    "cstore": lambda told, lanes: CStoreUploader(CStorePlace(**told), lanes=lanes),
}


def opened(told: Told) -> Uploader:
    """A new uploader, as of a new service."""
    place = {name: value for name, value in told.items() if name not in ("kind", "threads")}
    return _OPEN[told["kind"]](place, Lanes(told.get("threads", 2)))
