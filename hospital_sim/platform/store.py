"""
A platform that keeps images as files, by HTTP: PUT, forms, tus 1.0, and WebDAV's MOVE.

It is as careless as many: what arrives is written under its name at once, and stays there when the line
breaks. So whoever wants no half image to be seen has to send it under another name first. ``half_seen``
counts what was seen half: names without ``~part`` under which there was, at any moment, something else than
the client said it would send.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from hospital_sim.platform.http_base import Handler, Server

PART = "~part"
LIST = "/api/v1/images"
_CREATED, _NO_CONTENT, _BAD, _NOT_FOUND, _CONFLICT = 201, 204, 400, 404, 409


@dataclass
class _Begun:
    """A tus upload that has not ended."""

    name: str
    size: int
    told: str


@dataclass
class PlatformStore:
    """The files of the platform, and what was seen of them."""

    folder: Path
    tells_digest: bool = True
    """Whether it answers with ``Repr-Digest``; else its clients have to read back."""
    half_seen: list[str] = field(default_factory=list)
    begun: dict[str, _Begun] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def path(self, name: str) -> Path | None:
        """Where a name lies; None: it leads out of the folder."""
        path = (self.folder / name).resolve()
        return path if self.folder.resolve() in path.parents else None

    def names(self) -> list[str]:
        """Of what others see: what has its name."""
        files = (one for one in self.folder.rglob("*") if one.is_file())
        return sorted(str(one.relative_to(self.folder)) for one in files if not one.name.endswith(PART))

    def seen(self, name: str, told: str) -> None:
        """Something lies under a name now; ``told``: the SHA-256 that its client named."""
        path = self.path(name)
        if path is None or name.endswith(PART) or not told:
            return
        if hashlib.sha256(path.read_bytes()).hexdigest() != told:
            self.half_seen.append(name)


class _Store(Handler):
    """One connection of a client."""

    store: PlatformStore

    def do_PUT(self) -> None:  # noqa: N802
        """Write what comes, as it comes."""
        path = self._path()
        if path is None:
            self.skip_body()
            self.answer(_BAD)
            return
        there = path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(path, "wb") as file:
                for data in self.body():
                    file.write(data)
        finally:
            self.store.seen(self._name, _told(self.headers.get("Repr-Digest", "")))
        self.answer(_NO_CONTENT if there else _CREATED)

    def do_GET(self) -> None:  # noqa: N802
        """What lies there; a folder is listed for whoever compares both sides."""
        begun = self.store.begun.get(self.path)
        if begun is not None:
            self._offset(begun)
            return
        if self.path.startswith(LIST):
            self._list()
            return
        if self.path == "/":
            self.answer(200, "\n".join(self.store.names()).encode())
            return
        path = self._path()
        if path is None or not path.is_file():
            self.answer(_NOT_FOUND)
            return
        data = path.read_bytes()
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        headers = {"Repr-Digest": f"sha-256=:{digest}:"} if self.store.tells_digest else {}
        self.answer(200, data, {"ETag": '"of-no-use"', **headers})

    def _list(self) -> None:
        """The platform's own list of a study: SOPInstanceUIDs."""
        study = parse_qs(urlsplit(self.path).query).get("StudyInstanceUID", [""])[0]
        uids = [Path(name).stem for name in self.store.names() if study in Path(name).parts]
        self.answer(200, json.dumps({"images": uids}).encode())

    do_HEAD = do_GET  # noqa: N815

    def do_DELETE(self) -> None:  # noqa: N802
        """Remove it."""
        path = self._path()
        if path is not None:
            path.unlink(missing_ok=True)
        self.answer(_NO_CONTENT)

    def do_MOVE(self) -> None:  # noqa: N802
        """RFC 4918 9.9, over what is there."""
        path = self._path()
        to = unquote(urlsplit(self.headers.get("Destination", "")).path).lstrip("/")
        target = self.store.path(to)
        if path is None or target is None or not path.is_file():
            self.answer(_NOT_FOUND)
            return
        path.replace(target)
        self.answer(_CREATED)

    def do_POST(self) -> None:  # noqa: N802
        """A form, or the beginning of a resumable upload."""
        if "Tus-Resumable" in self.headers:
            self._begin()
            return
        kind = self.headers.get("Content-Type", "")
        parts = _parts(b"".join(self.body()), kind.partition("boundary=")[2].encode())
        name, told = parts.get("name", b"").decode(), parts.get("sha256", b"").decode()
        data = parts.get("file")
        path = self.store.path(name) if name else None
        if path is None or data is None:
            self.answer(_BAD, b"name and file are needed")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.store.seen(name, told)
        self.answer(_CREATED)

    def do_PATCH(self) -> None:  # noqa: N802
        """One more piece, kept as far as it came."""
        begun = self.store.begun.get(self.path)
        path = self.store.path(begun.name) if begun else None
        if begun is None or path is None:
            self.skip_body()
            self.answer(_NOT_FOUND)
            return
        if int(self.headers.get("Upload-Offset") or -1) != path.stat().st_size:
            self.skip_body()
            self.answer(_CONFLICT)
            return
        with open(path, "ab") as file:
            for data in self.body():
                file.write(data)
                file.flush()
        size = path.stat().st_size
        if size >= begun.size:
            self.store.begun.pop(self.path, None)
            self.store.seen(begun.name, begun.told)
        self.answer(_NO_CONTENT, headers={"Upload-Offset": str(size), "Tus-Resumable": "1.0.0"})

    def _begin(self) -> None:
        self.skip_body()
        told = dict(part.partition(" ")[::2] for part in self.headers.get("Upload-Metadata", "").split(","))
        name = base64.b64decode(told.get("filename", "")).decode()
        path = self.store.path(name) if name else None
        if path is None:
            self.answer(_BAD)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        where = f"/{uuid.uuid4().hex}"
        sha256 = base64.b64decode(told.get("sha256", "")).decode()
        self.store.begun[where] = _Begun(name, int(self.headers.get("Upload-Length") or 0), sha256)
        self.answer(_CREATED, headers={"Location": where, "Tus-Resumable": "1.0.0"})

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def _path(self) -> Path | None:
        return self.store.path(self._name) if self._name else None

    def _offset(self, begun: _Begun) -> None:
        path = self.store.path(begun.name)
        size = path.stat().st_size if path is not None and path.exists() else 0
        self.answer(200, headers={"Upload-Offset": str(size), "Tus-Resumable": "1.0.0"})


def serve(store: PlatformStore, port: int = 0) -> Server:
    """Make a server for these files; port 0: anywhere."""
    return Server(type("Store", (_Store,), {"store": store}), port=port)


def _told(digest: str) -> str:
    kind, _, value = digest.partition("=:")
    return base64.b64decode(value.rstrip(":")).hex() if kind == "sha-256" else ""


def _parts(body: bytes, boundary: bytes) -> dict[str, bytes]:
    """Of multipart/form-data, by name."""
    found: dict[str, bytes] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        found[name] = data[: -len(b"\r\n")]
    return found
