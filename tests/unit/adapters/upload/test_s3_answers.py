"""A bucket whose answers are odd: listings without an end, and a 200 that removed nothing."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.upload.s3 import S3Place, S3Uploader
from pacs_module.adapters.upload.s3_listing import list_objects
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.upload.files import UploadFile

CT = "1.2.840.10008.5.1.4.1.1.2"


class Endless:
    """Each page says that there is more."""

    def __init__(self, contents: list[dict[str, Any]]) -> None:
        self.contents, self.pages = contents, 0

    def list_objects_v2(self, **asked: Any) -> dict[str, Any]:
        self.pages += 1
        return {"Contents": self.contents, "IsTruncated": True, "NextContinuationToken": "again"}


@pytest.mark.parametrize("contents", [[], [{"Key": "a/stranger", "Size": 1, "ETag": '"x"'}]])
def test_a_listing_without_an_end_is_broken_off(contents: list[dict[str, Any]]) -> None:
    client = Endless(contents)
    assert list_objects(client, "region", ["a/1.dcm"]) == {}
    assert 1 <= client.pages < 20


def test_what_is_not_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "1.dcm"
    file.write_bytes(b"image")
    checksum = base64.b64encode(hashlib.sha256(b"image").digest()).decode()
    uploader = S3Uploader(S3Place("region", "http://127.0.0.1:1", access_key="a", secret_key="b"))

    class Keeps(Endless):
        def put_object(self, **asked: Any) -> None:
            pass

        copy_object = put_object

        def head_object(self, **asked: Any) -> dict[str, Any]:
            return {"ContentLength": 5, "ETag": '"5f1b3bb7a7f6d9d4"', "ChecksumSHA256": checksum}

        def delete_objects(self, **asked: Any) -> dict[str, Any]:
            return {"Errors": [{"Key": "k", "Code": "AccessDenied"}]}

    monkeypatch.setattr(uploader, "_client", Keeps([]))
    with pytest.raises(RetriableError, match="does not remove"):
        uploader.put(
            [UploadFile("a/1.dcm", str(file), 5, "1.2", "1.2.3", "1.2.3.4", CT, "1.2.840.10008.1.2.1")]
        )
