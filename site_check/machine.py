"""What can be seen of this machine and of its neighbours: ports, memory, disk, clock, PACS, backend."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from site_check.finding import Finding, error, fine, warning
from site_check.values import size_of

PATIENCE_S = 5.0
REST_OF_THE_STACK = 4 * 1024**3
"""Bytes of memory that everything but the RAM disk takes (.env.example)."""
LEAST_DISK = 10 * 1024**3
"""Bytes for images, logs and MongoDB's first weeks."""
OF_THE_DEMO = {"hospital", "backend"}
"""Hosts that are containers of the profiles, which nobody can ask before they run."""


def check_memory(values: Mapping[str, str], memory: int | None) -> list[Finding]:
    """
    RAM disk, copies and the rest against the memory of the host.

    Args:
        values: Of .env.
        memory: Bytes; None when it cannot be told.
    """
    disk = size_of(values.get("RAM_DISK_SIZE", ""))
    if disk is None or memory is None:
        return []
    copies = size_of(values.get("COPIES_SIZE") or "1g") if values.get("ANONYMISE_FOLDER") else 0
    wanted = disk + (copies or 0)
    value = f"{_gib(wanted)} of {_gib(memory)} GiB"
    if wanted >= memory:
        return [error("RAM_DISK_SIZE", value, "less than the memory of this host; ram-disk.md says how much")]
    if wanted + REST_OF_THE_STACK > memory:
        return [warning("RAM_DISK_SIZE", value, "leaves less than 4 GiB for everything else")]
    return [fine("RAM_DISK_SIZE", value)]


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f}"


def memory_of_this_host(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes, as Linux tells them."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def check_port(name: str, address: str, port: int) -> Finding:
    """Whether we could listen there; the stack itself holds the port while it runs."""
    where = f"{address}:{port}"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return warning(name, where, "in use: fine when this stack runs already, else choose another")
            if problem.errno == errno.EACCES:
                return fine(name, where, "only root can try; Docker listens as root")
            return error(name, where, f"an address of this host ({problem.strerror})")
    return fine(name, where, "free")


def check_connection(name: str, host: str, port: int) -> Finding:
    """Whether somebody listens at a neighbour's port."""
    where = f"{host}:{port}"
    if host in OF_THE_DEMO:
        return fine(name, where, "a container of this stack; not asked")
    try:
        socket.create_connection((host, port), timeout=PATIENCE_S).close()
    except socket.gaierror:
        return error(name, where, "a host name that this machine can resolve")
    except OSError as problem:
        return error(
            name, where, f"nobody answers ({problem.strerror or 'no answer in 5 s'}): host, port, firewall"
        )
    return fine(name, where, "answers")


def check_pacs(values: Mapping[str, str]) -> Finding:
    """C-ECHO under our AE title, by dcmtk where it is installed; else only whether the port answers."""
    name, host, port = "HOSPITAL_PACS", values["HOSPITAL_PACS_HOST"], int(values["HOSPITAL_PACS_PORT"])
    answers = check_connection(name, host, port)
    echo = shutil.which("echoscu")
    if answers.words != "answers" or echo is None:
        return answers
    ours, theirs = values.get("ORTHANC_AET") or "AIPULL", values["HOSPITAL_PACS_AET"]
    where = f"{theirs} at {host}:{port}"
    asked = [echo, "-to", str(int(PATIENCE_S)), "-aet", ours, "-aec", theirs, host, str(port)]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=4 * PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return error(name, where, "no answer to a C-ECHO")
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        words = f"refuses a C-ECHO from AE title {ours} ({last[0]}): it must know {ours} and this host"
        return error(name, where, words)
    return fine(name, where, f"answers a C-ECHO from {ours}")


def check_backend(values: Mapping[str, str]) -> Finding:
    """Whether somebody listens at the AI backend's address."""
    parts = urlsplit(values["BACKEND_URL"])
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return check_connection("BACKEND_URL", parts.hostname or "", port)


def check_disk(folder: Path = Path("/var/lib")) -> Finding:
    """Room where Docker keeps images and volumes by default."""
    free = shutil.disk_usage(folder).free
    value = f"{_gib(free)} GiB free"
    if free < LEAST_DISK:
        return warning("disk", value, f"{_gib(LEAST_DISK)} GiB or more below {folder}")
    return fine("disk", value)


def check_clock() -> list[Finding]:
    """Whether the host's clock follows a time server; nothing where systemd does not tell."""
    tool = shutil.which("timedatectl")
    if tool is None:
        return []
    done = subprocess.run(
        [tool, "show", "-p", "NTPSynchronized", "--value"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    said = done.stdout.strip()
    if done.returncode or said not in {"yes", "no"}:
        return []
    if said == "no":
        return [warning("clock", "not synchronised", "a time server (NTP): StudyDate and today must agree")]
    return [fine("clock", "synchronised")]
