"""One whole stack for the tests of this folder that ask for it, with quick repeats and small RAM disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from hospital_sim.sending.scu import Pacs
from stack.ram_disk import GIB
from stack.whole import Stack, StackOptions

QUICK: dict[str, Any] = {
    "find_interval_s": 0.5,
    "web": {"debug_asks_pacs": False},
    "pull": {"attempts": 2, "first_pause_s": 0.5, "watch_s": 2.0},
    "backend": {"first_pause_s": 0.5},
}


class Pipeline:
    """A running stack, as tests speak to it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @property
    def hospital(self) -> Pacs:
        """Where a device of the hospital stores to."""
        return Pacs("127.0.0.1", self.stack.hospital.ports.dicom, self.stack.hospital.aet)

    @property
    def receiver(self) -> Pacs:
        """Where somebody pushes to without being asked."""
        return Pacs("127.0.0.1", self.stack.receiver.ports.dicom, self.stack.receiver.aet)

    def study(self, uid: str) -> dict[str, Any] | None:
        """The study's story from the debug API, None when it is not known."""
        answer = self.get("/api/v1/dcm/debug", StudyInstanceUID=uid)
        if answer.status_code == requests.codes.not_found:
            return None
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["studies"][0]
        return found

    def state(self, uid: str) -> str | None:
        """The study's state; empty while it is not known or has none."""
        story = self.study(uid)
        return story["state"] if story else None

    def get(self, path: str, **params: str) -> requests.Response:
        """Ask pacs_module without a key, as people on its own machine do."""
        return requests.get(self.stack.pacs_module.url + path, params=params, timeout=30)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Tell pacs_module something, with the key."""
        headers = {"X-API-Key": self.stack.pacs_module.api_key}
        return requests.post(self.stack.pacs_module.url + path, json=body, headers=headers, timeout=60)

    def log_lines(self, name: str) -> list[str]:
        """The lines of a contract log so far; not the one that is just being written."""
        path: Path = self.stack.log_folder / name
        return path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines() if path.exists() else []


def options(**changes: Any) -> StackOptions:
    """Options of a small, quick stack."""
    usual: dict[str, Any] = {"ram_disk_bytes": GIB, "settings": QUICK}
    return StackOptions(**{**usual, **changes})


@pytest.fixture(scope="module")
def stack_options() -> StackOptions:
    """Override in a module for other switches or settings."""
    return options()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, stack_options: StackOptions) -> Iterator[Pipeline]:
    """A running pipeline for a whole test module."""
    with Stack(tmp_path_factory.mktemp("stack"), stack_options) as stack:
        yield Pipeline(stack)
