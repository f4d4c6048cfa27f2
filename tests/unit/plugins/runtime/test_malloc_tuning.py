"""
Memory of images is kept for the next one.

In a process of its own, because it holds for all of it; page faults are counted, no time is.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from aipull.runtime import malloc_tuning as memory

ROOT = Path(__file__).resolve().parents[4]
PROGRAMME = """
import os, resource, sys
from aipull.runtime.malloc_tuning import keep_memory

if sys.argv[1] == "kept":
    keep_memory({})

def images():
    return [b"x" * 2**20 for _ in range(16)]

images()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    images()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    environment = {"PYTHONPATH": str(ROOT / "orthanc" / "plugins")}
    command = [sys.executable, "-c", PROGRAMME, how]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout)


def test_what_an_image_needed_is_kept_for_the_next_one() -> None:
    assert faults("kept") * 10 < faults("as it comes")


def test_what_the_environment_sets_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Library:
        def __init__(self, name: object) -> None:
            pass

        def mallopt(self, parameter: ctypes.c_int, value: ctypes.c_int) -> int:
            asked.append(parameter.value)
            return 1

    monkeypatch.setattr(ctypes, "CDLL", Library)
    assert memory.keep_memory({"MALLOC_ARENA_MAX": "2"}) == (
        "MALLOC_MMAP_THRESHOLD_",
        "MALLOC_TRIM_THRESHOLD_",
    )
    assert asked == [-3, -1]
