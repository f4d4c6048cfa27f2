"""The whole stack, where it ends before the servers of ours are needed. Whole runs: tests/e2e."""

import socket
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.ports import LOOPBACK
from stack.whole import Stack, StackOptions, StackPorts


def test_ports_in_use_are_told_before_anything_is_made(tmp_path: Path):
    ports = StackPorts.free()
    with socket.socket() as listener:
        listener.bind((LOOPBACK, ports.backend))
        listener.listen()
        with pytest.raises(StackError, match=rf"^port {ports.backend} \(AI backend\) is in use by \S+, pid \d+$"):
            Stack(tmp_path / "run", StackOptions(ports=ports)).start()
    assert not (tmp_path / "run").exists()


def test_too_small_a_ram_disk_is_told_and_nothing_is_left(tmp_path: Path):
    with pytest.raises(StackError, match=r"^too small a RAM disk: "):
        Stack(tmp_path / "run", StackOptions(ram_disk_bytes=1024**5)).start()
    assert list((tmp_path / "run" / "pids").glob("*.pid")) == []


def test_usual_ports_are_different_from_each_other():
    ports = StackPorts.usual().by_purpose().values()
    assert len(set(ports)) == len(ports)
