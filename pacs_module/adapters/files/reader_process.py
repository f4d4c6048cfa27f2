"""
A child process that reads foreign files for us: a file that kills who reads it, fills the memory or never
ends costs only itself.

Requests and answers are JSON, one a line. The child's memory is bounded by the operating system, its time by
the parent. A file over which the child dies is tried once more in a new one, and then set aside.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...domain.errors import MessageError, PermanentError
from ...domain.json_messages.json_text import json_text, read_object

MEMORY = 4 << 30
"""Bytes of address space: a CT or DX image is decoded in a fraction of it, a deflate bomb is not."""
SECONDS = 120.0
"""For one file."""
MAX_DEATHS = 2
_PROGRAM = (sys.executable, "-m", "pacs_module.adapters.files.reader_process")
_MAX_ANSWER = 1 << 20


class ReaderProcess:
    """
    One child, started when it is needed.

    Args:
        config: What the child must know: ``key`` for pseudonyms.
        seconds: For one file.
        memory: Of the child, in bytes.
        program: The child's command line.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        seconds: float = SECONDS,
        memory: int = MEMORY,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        self._config = {**(config or {}), "memory": memory}
        self._seconds, self._program = seconds, tuple(program)
        self._child: subprocess.Popen[bytes] | None = None

    def ask(
        self, do: str, source: Path, target: Path, told: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """
        Have one file read and another one written from it; ``told``: what else it needs to know.

        Raises:
            PermanentError: The file cannot be read, or kills who reads it.
            OSError: The target cannot be written, or the source is gone.
        """
        deaths = 0
        while True:
            try:
                asked = {"do": do, "source": str(source), "target": str(target), "told": dict(told or {})}
                answer = self._exchange(asked)
            except _ChildDiedError as error:
                deaths += 1
                self.close()
                if deaths >= MAX_DEATHS:
                    raise PermanentError(f"it {error} the process that reads it, {deaths} times") from error
                continue
            return _understood(answer, source)

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        child = self._child or self._start()
        try:
            _write(child, request)
            return _read(child, time.monotonic() + self._seconds)
        except BrokenPipeError as error:
            raise _ChildDiedError("kills") from error

    def _start(self) -> subprocess.Popen[bytes]:
        pipe, silent = subprocess.PIPE, subprocess.DEVNULL
        child = subprocess.Popen(self._program, stdin=pipe, stdout=pipe, stderr=silent, bufsize=0)
        self._child = child
        _write(child, self._config)
        return child


class _ChildDiedError(Exception):
    """``kills``, ``stops`` or ``confuses``: what the file does to the child."""


def _write(child: subprocess.Popen[bytes], message: Mapping[str, Any]) -> None:
    assert child.stdin is not None  # noqa: S101 - opened as a pipe
    child.stdin.write(json_text(message).encode() + b"\n")


def _read(child: subprocess.Popen[bytes], end: float) -> dict[str, Any]:
    assert child.stdout is not None  # noqa: S101 - opened as a pipe
    line = b""
    while not line.endswith(b"\n"):
        piece = _piece(child.stdout.fileno(), end)
        if len(line) > _MAX_ANSWER:
            raise _ChildDiedError("kills")
        line += piece
    try:
        return read_object(line, "answer")
    except MessageError as error:
        raise _ChildDiedError("confuses") from error


def _piece(answers: int, end: float) -> bytes:
    """What the child has written, at least one byte, before the end (monotonic seconds)."""
    ready = select.poll()  # select() ends at the 1024th open file of the process
    ready.register(answers, select.POLLIN)
    if not ready.poll(max(end - time.monotonic(), 0) * 1000):
        raise _ChildDiedError("stops")
    piece = os.read(answers, 65536)
    if not piece:
        raise _ChildDiedError("kills")
    return piece


def _understood(answer: Mapping[str, Any], source: Path) -> dict[str, Any]:
    if "os" in answer:
        raise OSError(answer["os"], os.strerror(int(answer["os"])), str(source))
    if "error" in answer:
        raise PermanentError(str(answer["error"]))
    return dict(answer)


# --- the child ---


Deed = Callable[[Path, Path, Mapping[str, Any]], dict[str, Any]]
"""From a source to a target, with what else was told; its answer."""


def serve(make: Callable[[Mapping[str, Any]], Mapping[str, Deed]]) -> None:
    """
    Serve the parent until its end of the pipe is closed.

    Args:
        make: From the parent's configuration, what this child can do.
    """
    config = json.loads(sys.stdin.readline())
    _limit(config)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a codec that prints must not talk into the answers
    deeds = make(config)
    for line in sys.stdin:
        print(json_text(answer(deeds, json.loads(line))), file=answers, flush=True)


def _limit(config: Mapping[str, Any]) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (config["memory"], config["memory"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(int(config.get("nice", 0)))


def answer(deeds: Mapping[str, Deed], request: Mapping[str, Any]) -> dict[str, Any]:
    """Do one request; whatever goes wrong becomes an answer."""
    try:
        told = request.get("told") or {}
        return deeds[request["do"]](Path(request["source"]), Path(request["target"]), told)
    except Exception as error:  # whatever a codec, a damaged image or the disk throws
        if isinstance(error, OSError) and error.errno:
            return {"os": error.errno}
        return {"error": f"{type(error).__name__}: {error}"[:200]}


class Serving:
    """What this child can do: ``clean``, ``compress``, ``convert`` and ``preview``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._cleaner: Any = None

    def deeds(self) -> Mapping[str, Deed]:
        """By name."""
        return {
            "clean": self.clean,
            "compress": self.compress,
            "convert": self.convert,
            "preview": self.preview,
        }

    def clean(self, source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
        """
        A copy without names; what could not be decoded and was removed is told, and, where it is asked for,
        whose image it was.
        """
        from pydicom import dcmread

        from .deidentify import Deidentifier, whose

        if self._cleaner is None:
            self._cleaner = Deidentifier(str(self._config["key"]).encode())
        image = dcmread(source)
        removed = self._cleaner.clean(image)
        image.save_as(target, enforce_file_format=True)
        of_whom = whose(source, image, self._cleaner) if told.get("identity") else {}
        return {"removed": list(removed), **of_whom}

    def compress(self, source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
        """The image in JPEG-LS lossless; ``done`` False: it is to be kept as it is."""
        from .compression import compressed

        image = compressed(source)
        if image is not None:
            image.save_as(target, enforce_file_format=True)
        return {"done": image is not None}

    def convert(self, source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
        """The image in the transfer syntax that is told; ``syntax`` empty: it is to be kept as it is."""
        from .compression import SYNTAXES, converted

        image = converted(source, str(told["form"]))
        if image is None:
            return {"syntax": ""}
        image.save_as(target, enforce_file_format=True)
        return {"syntax": str(SYNTAXES[str(told["form"])])}

    def preview(self, source: Path, target: Path, told: Mapping[str, Any]) -> dict[str, Any]:
        """A small picture in the form that is told."""
        from ..dicom.preview import write_preview

        write_preview(source, target, str(told["form"]), int(told["pixels"]))
        return {"done": True}


if __name__ == "__main__":
    serve(lambda config: Serving(config).deeds())
