"""An uploader out of plain values, so that a test and a process that it kills open the same one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pacs_module.adapters.upload.cstore import CStorePlace, CStoreUploader
from pacs_module.adapters.upload.ftp import FtpPlace, FtpUploader
from pacs_module.adapters.upload.http import HttpPlace, HttpUploader
from pacs_module.adapters.upload.s3 import S3Place, S3Uploader
from pacs_module.adapters.upload.sftp import SftpPlace, SftpUploader
from pacs_module.adapters.upload.stow import StowPlace, StowUploader
from pacs_module.ports import Uploader
from pacs_module.shared.http import HttpLink

Told = Mapping[str, Any]
"""``kind`` of a destination, and the fields of its place."""


def _link() -> HttpLink:
    return HttpLink("the platform", keep=True)


_OPEN: Mapping[str, Callable[[dict[str, Any]], Uploader]] = {
    "http": lambda told: HttpUploader(HttpPlace(**told), _link()),
    "s3": lambda told: S3Uploader(S3Place(**told)),
    "sftp": lambda told: SftpUploader(SftpPlace(**told)),
    "ftp": lambda told: FtpUploader(FtpPlace(**told)),
    "stow": lambda told: StowUploader(StowPlace(**told), _link()),
    "cstore": lambda told: CStoreUploader(CStorePlace(**told)),
}


def opened(told: Told) -> Uploader:
    """A new uploader, as of a new worker."""
    place = {name: value for name, value in told.items() if name != "kind"}
    return _OPEN[told["kind"]](place)
