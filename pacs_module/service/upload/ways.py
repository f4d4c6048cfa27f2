"""The way to each kind of destination, made of its settings. No logic."""

from __future__ import annotations

from collections.abc import Callable

from ...adapters.upload.lanes import Lanes
from ...adapters.upload.pacing import Pacer
from ...ports import Uploader
from ...settings.destinations import (
    CStoreDestination,
    DestinationSettings,
    FtpDestination,
    HttpDestination,
    S3Destination,
    SftpDestination,
    StowDestination,
)
from ...shared.http import HttpLink


def uploader_of(told: DestinationSettings, pacer: Pacer) -> Uploader:
    """The way to a destination, by its kind; with as many lanes as it has threads."""
    return _MAKERS[type(told)](told, pacer)


def _http(told: HttpDestination, pacer: Pacer) -> Uploader:
    from ...adapters.upload.http import HttpPlace, HttpUploader

    post_url = told.post_url or ""
    piece, list_url = told.piece_mb * 2**20, told.list_url or ""
    place = HttpPlace(told.url, told.mode, post_url, told.staged, told.timeout_s, piece, list_url)
    return HttpUploader(place, _link(told), pacer, Lanes(told.threads))


def _stow(told: StowDestination, pacer: Pacer) -> Uploader:
    from ...adapters.upload.stow import StowPlace, StowUploader

    return StowUploader(StowPlace(told.url, told.timeout_s), _link(told, answer_mb=64), pacer)


def _s3(told: S3Destination, pacer: Pacer) -> Uploader:
    from ...adapters.upload.s3 import S3Place, S3Uploader  # with it comes boto3, which takes a while

    return S3Uploader(
        S3Place(
            bucket=told.bucket,
            endpoint=told.endpoint or "",
            region=told.region,
            access_key=told.access_key.get_secret_value(),
            secret_key=told.secret_key.get_secret_value(),
            virtual_host=told.addressing == "virtual_host",
            part=told.part_mb * 2**20,
            encryption=told.encryption,
            kms_key=told.kms_key,
            staged=told.staged,
            timeout=told.timeout_s,
            proxy=told.proxy or "",
            ca_file=str(told.ca_file or ""),
        ),
        pacer,
        Lanes(told.threads),
    )


def _sftp(told: SftpDestination, pacer: Pacer) -> Uploader:
    from ...adapters.upload.sftp import SftpPlace, SftpUploader

    place = SftpPlace(
        host=told.host,
        username=told.username,
        host_key=told.host_key,
        port=told.port,
        password=told.password.get_secret_value(),
        key_file=str(told.key_file or ""),
        folder=told.folder,
        timeout=told.timeout_s,
        read_back=told.read_back,
    )
    return SftpUploader(place, pacer, Lanes(told.threads))


def _ftp(told: FtpDestination, pacer: Pacer) -> Uploader:
    from ...adapters.upload.ftp import FtpPlace, FtpUploader

    place = FtpPlace(
        host=told.host,
        username=told.username,
        password=told.password.get_secret_value(),
        port=told.port,
        folder=told.folder,
        tls=told.kind == "ftps",
        ca_file=str(told.ca_file or ""),
        timeout=told.timeout_s,
        read_back=told.read_back,
    )
    return FtpUploader(place, pacer, Lanes(told.threads))


def _cstore(told: CStoreDestination, pacer: Pacer) -> Uploader:
    from ...adapters.upload.cstore import CStorePlace, CStoreUploader

    place = CStorePlace(
        told.host,
        told.port,
        told.ae_title,
        told.calling_ae_title,
        told.proof,
        told.commit_port,
        told.timeout_s,
    )
    return CStoreUploader(place, pacer, Lanes(told.threads))


_MAKERS: dict[type[DestinationSettings], Callable[..., Uploader]] = {
    HttpDestination: _http,
    S3Destination: _s3,
    SftpDestination: _sftp,
    FtpDestination: _ftp,
    StowDestination: _stow,
    CStoreDestination: _cstore,
}


def _link(told: HttpDestination | StowDestination, answer_mb: int = 8) -> HttpLink:
    headers = {"Authorization": f"Bearer {told.token.get_secret_value()}"} if told.token is not None else {}
    auth = (told.username, told.password.get_secret_value()) if told.username else None
    ca_file = str(told.ca_file or "")
    return HttpLink(
        f"destination {told.name}", headers, auth, told.proxy or "", ca_file, answer_mb * 2**20, keep=True
    )
