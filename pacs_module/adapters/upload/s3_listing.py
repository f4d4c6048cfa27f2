"""
What a bucket has under some names, by listing their folders: a thousand objects an answer, where asking for
each costs a round trip an image.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SPARE = 2000
"""So many strange objects are read past before a folder is too full for listing."""
_A_PAGE = 1000
_MOST_IN_FOLDER = 100_000
_PAGES = 10
"""
More pages than a folder of that size has, for platforms with smaller ones; then the listing is broken off.
"""


@dataclass(frozen=True)
class Listed:
    """An object as a listing has it: ``size`` in bytes, ``etag`` without its quotes."""

    size: int
    etag: str


def list_objects(client: Any, bucket: str, keys: Sequence[str]) -> dict[str, Listed]:
    """
    Those of the keys that a listing shows.

    A key that is not in it is not known to lack: the listing may have been broken off (a folder with far more
    objects than were asked for), and some platforms list late.

    Args:
        client: boto3's.
        bucket: Its name.
        keys: Names of objects.

    Raises:
        botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: As the client does.
    """
    wanted = set(keys)
    found: dict[str, Listed] = {}
    for folder in dict.fromkeys(posixpath.dirname(key) for key in keys):
        for name, listed in _folder(client, bucket, f"{folder}/" if folder else "", len(keys) + _SPARE):
            if name in wanted:
                found[name] = listed
    return found


def names_in(client: Any, bucket: str, folder: str) -> list[str]:
    """Keys of the objects in a folder; of one that has no end only the first hundred thousand."""
    return [name for name, _ in _folder(client, bucket, f"{folder}/" if folder else "", _MOST_IN_FOLDER)]


def _folder(client: Any, bucket: str, prefix: str, most: int) -> Iterator[tuple[str, Listed]]:
    read = 0
    more: dict[str, str] = {}
    for _ in range(_PAGES + most // _A_PAGE):  # a page may be empty and say that there is more
        if read >= most:
            return
        answer: Mapping[str, Any] = client.list_objects_v2(
            Bucket=bucket, Prefix=prefix, Delimiter="/", **more
        )
        for one in answer.get("Contents", []):
            read += 1
            yield one["Key"], Listed(int(one["Size"]), str(one.get("ETag", "")).strip('"'))
        token = answer.get("NextContinuationToken", "")
        if not answer.get("IsTruncated") or not token:
            return
        more = {"ContinuationToken": token}
