"""
A destination in an S3 bucket.

An object appears whole or not at all; a platform that stores half of what it acknowledged is found out before
anybody sees it: images are put below ``.incoming/``, compared, and copied within the bucket to their names.
They are compared by size and ETag of a listing where the ETag is an MD5; else one by one, by the checksum
that S3 keeps (SHA-256), or by reading back.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.config
import botocore.exceptions

from ...domain.errors import Busy, FilesGone, Refused, RetriableError, Unreachable, about
from ...domain.upload.files import ImagePlace, Lacking, UploadFile
from .lanes import Lanes
from .pacing import Digests, Pacer, digest_of
from .s3_listing import Listed, list_objects, names_in

INCOMING = ".incoming/"
"""Before the name of an object that was not compared yet; no name of ours begins with a dot."""
_WHO = "the bucket"
_NO_METHOD = frozenset({"405", "MethodNotAllowed", "501", "NotImplemented"})
_NOT_FOUND = frozenset({"404", "NoSuchKey", "NotFound"})
_BUSY = frozenset({"SlowDown", "ServiceUnavailable", "503", "429", "TooManyRequests", "RequestLimitExceeded"})
_AGAIN = frozenset(
    {"InternalError", "RequestTimeout", "OperationAborted", "BadDigest", "IncompleteBody", "408", "409"}
)
_SERVER_ERROR = 500
_READ = 2**20
_COPIES = Lanes(8)
"""Within a bucket, of all uploads: each costs a round trip and no byte of an image."""
_MOST_AT_ONCE = 1000
"""Objects in one request to delete them."""


@dataclass(frozen=True)
class S3Place:
    """
    Where and how.

    Args:
        bucket: Its name.
        endpoint: Of the platform; empty: Amazon's.
        region: Of the bucket.
        access_key: Its id.
        secret_key: Its secret.
        virtual_host: ``https://bucket.host/name`` instead of ``https://host/bucket/name``.
        part: Bytes of a part; a larger image goes in parts (at least 5 MiB, by S3's own rule).
        encryption: ``AES256``, ``aws:kms`` or empty.
        kms_key: With ``aws:kms``.
        staged: Compare below ``.incoming/`` first.
        timeout: Seconds for an answer.
        proxy: The only one that is used; empty: none.
        ca_file: Authorities of its certificate; empty: the system's.
    """

    bucket: str
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    virtual_host: bool = False
    part: int = 8 * 2**20
    encryption: str = ""
    kms_key: str = ""
    staged: bool = True
    timeout: float = 60.0
    proxy: str = ""
    ca_file: str = ""

    @property
    def safe(self) -> dict[str, str]:
        """How it is encrypted there."""
        how = {"ServerSideEncryption": self.encryption} if self.encryption else {}
        return {**how, "SSEKMSKeyId": self.kms_key} if self.kms_key else how


def _proxies(proxy: str) -> dict[str, str]:
    """The one of the settings, or none: botocore would take those of the environment (shared/http.py)."""
    return {"http": proxy, "https": proxy} if proxy else {}


class S3Uploader:
    """A client with a connection for each lane."""

    def __init__(self, place: S3Place, pacer: Pacer | None = None, lanes: Lanes | None = None) -> None:
        self._place, self._pacer, self._lanes = place, pacer or Pacer(), lanes or Lanes()
        self._md5 = Digests("md5")
        config = botocore.config.Config(
            region_name=place.region,
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=place.timeout,
            proxies=_proxies(place.proxy),
            max_pool_connections=self._lanes.number + _COPIES.number,
            retries={"total_max_attempts": 1},  # repeats are the study document's, with its pauses
            s3={"addressing_style": "virtual" if place.virtual_host else "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        session = boto3.session.Session(place.access_key or None, place.secret_key or None)
        self._client: Any = session.client(
            "s3", endpoint_url=place.endpoint or None, config=config, verify=place.ca_file or True
        )

    def put(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """Bring images there, several at once."""
        with self._translated():
            self._lanes.each(lambda file: self._send(file, self._first_key(file)), files)
            if self._place.staged:
                self._make_visible(files)
        return []

    def missing(self, files: Sequence[UploadFile]) -> list[Lacking]:
        """List them, and ask for each object of which the listing does not say enough."""
        with self._translated():
            return self._lacking([(file, file.name) for file in files])

    @property
    def proof(self) -> str:
        """Size and checksum, by a listing or asked one by one."""
        return "checksum"

    def list_images(self, place: ImagePlace) -> frozenset[str] | None:
        """By a listing of each folder."""
        if not place.folders:
            return None
        with self._translated():
            each = [names_in(self._client, self._place.bucket, folder) for folder in place.folders]
        return frozenset(place.names.sop_uid(name) for names in each for name in names) - {""}

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _first_key(self, file: UploadFile) -> str:
        return f"{INCOMING}{file.name}" if self._place.staged else file.name

    def _send(self, file: UploadFile, key: str) -> None:
        if file.size > self._place.part:
            self._in_parts(file, key)
        else:
            self._whole(file, key)

    def _make_visible(self, files: Sequence[UploadFile]) -> None:
        """Copy what arrived whole to its name; nothing stays below ``.incoming/``."""
        keys = [(file, self._first_key(file)) for file in files]
        lacking = self._lacking(keys)
        halves = {one.file.name for one in lacking}
        whole = [(key, file.name) for file, key in keys if file.name not in halves]
        _COPIES.each(lambda one: self._copy(*one), whole)
        for place in range(0, len(keys), _MOST_AT_ONCE):
            some = [{"Key": key} for _, key in keys[place : place + _MOST_AT_ONCE]]
            told = self._client.delete_objects(
                Bucket=self._place.bucket, Delete={"Objects": some, "Quiet": True}
            )
            if told.get("Errors"):  # a 200 all the same
                raise RetriableError("the bucket does not remove what was compared", str(told["Errors"][0]))
        if lacking:
            raise RetriableError("the bucket took an image and has it otherwise", lacking[0].why)

    def _copy(self, key: str, name: str) -> None:
        self._client.copy_object(
            Bucket=self._place.bucket,
            Key=name,
            CopySource={"Bucket": self._place.bucket, "Key": key},
            ChecksumAlgorithm="SHA256",
            **self._place.safe,
        )

    def _whole(self, file: UploadFile, key: str) -> None:
        data = _read(file, 0, file.size)
        self._pacer.sent(len(data))
        self._client.put_object(
            Bucket=self._place.bucket,
            Key=key,
            Body=data,
            ContentType="application/dicom",
            ContentMD5=base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
            ChecksumSHA256=base64.b64encode(hashlib.sha256(data).digest()).decode(),
            **self._place.safe,
        )

    def _in_parts(self, file: UploadFile, key: str) -> None:
        """
        S3 shows nothing of it before it is completed; what a dead worker left is aborted by the bucket's own
        rule.
        """
        made = self._client.create_multipart_upload(
            Bucket=self._place.bucket, Key=key, ContentType="application/dicom", **self._place.safe
        )
        told = {"Bucket": self._place.bucket, "Key": key, "UploadId": made["UploadId"]}
        try:
            parts = list(self._parts(file, told))
            self._client.complete_multipart_upload(**told, MultipartUpload={"Parts": parts})
        except BaseException:
            self._abort(told)
            raise

    def _parts(self, file: UploadFile, told: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        for number, offset in enumerate(range(0, file.size, self._place.part), start=1):
            data = _read(file, offset, self._place.part)
            self._pacer.sent(len(data))
            md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            answer = self._client.upload_part(**told, PartNumber=number, Body=data, ContentMD5=md5)
            yield {"PartNumber": number, "ETag": answer["ETag"]}

    def _abort(self, told: Mapping[str, str]) -> None:
        try:
            self._client.abort_multipart_upload(**told)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return  # the line is cut: the bucket's own rule removes it

    def _lacking(self, keys: Sequence[tuple[UploadFile, str]]) -> list[Lacking]:
        """Those that are not, or not so, under their keys."""
        listed = list_objects(self._client, self._place.bucket, [key for _, key in keys])
        open_ones = [(file, key) for file, key in keys if not self._fits(file, listed.get(key))]
        told = self._lanes.each(lambda one: self._differs(*one), open_ones)
        return [Lacking(file, why) for (file, _), why in zip(open_ones, told, strict=True) if why]

    def _fits(self, file: UploadFile, listed: Listed | None) -> bool:
        """Whether a listing proves that it is there; with keys of KMS an ETag is no MD5."""
        if listed is None or listed.size != file.size or self._place.encryption == "aws:kms":
            return False
        return self._etag_fits(listed.etag, file)

    def _differs(self, file: UploadFile, key: str) -> str:
        """Why what lies under a key is not this image; empty: it is."""
        try:
            told = self._client.head_object(Bucket=self._place.bucket, Key=key, ChecksumMode="ENABLED")
        except botocore.exceptions.ClientError as error:
            if _code(error) in _NOT_FOUND:
                return "not there"
            if _code(error) not in _NO_METHOD:
                raise
            return self._other_bytes(file, key)
        if told["ContentLength"] != file.size:
            return f"{told['ContentLength']} of {file.size} bytes"
        sha256 = digest_of(file.path, "sha256").digest()
        if told.get("ChecksumSHA256", "") == base64.b64encode(sha256).decode():
            return ""
        if self._place.encryption != "aws:kms" and self._etag_fits(told.get("ETag", ""), file):
            return ""
        return self._other_bytes(file, key)

    def _other_bytes(self, file: UploadFile, key: str) -> str:
        """By reading it back."""
        return "" if self._read_back(key) == digest_of(file.path, "sha256").digest() else "other bytes"

    def _etag_fits(self, etag: str, file: UploadFile) -> bool:
        """Whether it is the MD5 of the whole, or of the MD5s of its parts and their number."""
        told = etag.strip('"')
        return told == (
            self._md5.of(file.path).hex() if "-" not in told else _of_parts(file, self._place.part)
        )

    def _read_back(self, key: str) -> bytes:
        """
        The checksum of what it gives back: an ETag is no MD5 with some encryptions, and at some platforms.
        """
        digest = hashlib.sha256()
        body = self._client.get_object(Bucket=self._place.bucket, Key=key)["Body"]
        while data := body.read(_READ):
            digest.update(data)
        return digest.digest()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with about(f"bucket {self._place.bucket}"), _in_our_words():
            yield


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise _of_client(error) from error
    except (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectTimeoutError) as error:
        raise Unreachable(f"{_WHO} does not answer", str(error)) from error
    except botocore.exceptions.BotoCoreError as error:
        raise RetriableError(f"{_WHO}: {type(error).__name__}", str(error)) from error


def _of_client(error: botocore.exceptions.ClientError) -> RetriableError | Refused:
    code, status = _code(error), int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    words = f"{_WHO} answered {status} {code}"
    if code in _BUSY or status in (429, 503):
        return Busy(words, said=str(error))
    if status >= _SERVER_ERROR or code in _AGAIN or str(status) in _AGAIN or code in _NOT_FOUND:
        return RetriableError(words, str(error))
    return Refused(_WHO, status, f"{code}: {error}")


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _of_parts(file: UploadFile, part: int) -> str:
    """The ETag of an object that came in parts."""
    digests = b"".join(
        hashlib.md5(_read(file, offset, part), usedforsecurity=False).digest()
        for offset in range(0, file.size, part)
    )
    number = len(range(0, file.size, part))
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{number}"


def _read(file: UploadFile, offset: int, size: int) -> bytes:
    try:
        with open(file.path, "rb") as content:
            content.seek(offset)
            return content.read(size)
    except FileNotFoundError as error:
        raise FilesGone(f"{file.path} is gone") from error
    except OSError as error:
        raise RetriableError(f"an image cannot be read: {error.strerror}", file.path) from error
