"""
The Debian package on a machine that systemd has booted: `make systemd-test`.

    scripts/deb.sh && NO_NETWORK=1 THROWAWAY=1 scripts/platform.sh debian12 .venv/bin/python -m
    tests.package.try_systemd DEB

The hospital's PACS runs beside the machine and stays when it restarts; the backend is a unit on it, of a user
in the group aipull. The package is installed, started by its units, killed part by part, restarted amid a day,
upgraded and purged; what the units forbid is tried inside their own confinement.

Does not prove the boot of a kernel, nor what needs a disk of its own (fsck, a disk that is lost).
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import requests

from tests.package.try_package import (
    BACKUPS,
    ETC,
    ORTHANC,
    PACS,
    STATE,
    check,
    computed,
    everything,
    fill_in,
    hospital,
    say,
    secrets,
    send,
    wait,
)

MOUNT = "var-lib-aipull-ram.mount"
RABBITMQ = "rabbitmq-server.service"
RAM_DISK = 512 * 1024**2
ORTHANC_LIMIT = RAM_DISK + 2 * 1024**3
PACS_LIMIT = 2 * 1024**3
RESTARTED = 128 + signal.SIGHUP
"""How a container of processes ends whose first process asked for a restart (reboot(2))."""
UNPRIVILEGED_BUT_FORBIDDEN = (
    "import errno, os\n"
    "try:\n    os.sched_setaffinity(0, os.sched_getaffinity(0))\n"
    "except OSError as refused:\n    raise SystemExit(0 if refused.errno == errno.EPERM else 2)\n"
    "raise SystemExit('nothing forbids it')\n"
)
"""A call of @resources: any user may make it, only the filter of system calls says no."""


class Machine:
    """systemd as the first process of name spaces in this root folder; the network is ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pid_file = folder / "systemd.pid"
        self.process: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        self.pid_file.unlink(missing_ok=True)
        words = ["tests/package/boot.sh", str(self.pid_file), *LEGACY]
        with (self.folder / "boot.log").open("ab") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)
        wait(self.booted, "systemd has booted")

    def booted(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            print((self.folder / "boot.log").read_text()[-3000:])
            check(False, "systemd runs")
        if not self.pid_file.exists() or not self.pid_file.read_text().strip():
            return False
        said = self.ask("systemctl", "is-system-running").stdout.strip()
        return said in ("running", "degraded")

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command on the machine, whatever it ends with."""
        enter = ["nsenter", f"--target={self.pid_file.read_text().strip()}"]
        enter += ["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wdns=/"]
        return subprocess.run(
            [*enter, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip

    def run(self, *words: str, status: int = 0) -> str:
        """A command on the machine that must end with ``status``."""
        done = self.ask(*words)
        if done.returncode != status:
            print(done.stdout)
        check(done.returncode == status, f"{' '.join(words)[:90]} ends with {status}")
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.ask("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def active(self, unit: str) -> bool:
        return self.show(unit, "ActiveState") == "active"

    def journal(self, unit: str) -> str:
        return self.ask("journalctl", "--no-pager", "--output=cat", "--unit", unit).stdout

    def group_value(self, unit: str, v1: str, v2: str) -> str:
        """What the kernel holds for a unit's control group, in either version."""
        group = self.show(unit, "ControlGroup")
        for path in (f"/sys/fs/cgroup/memory{group}/{v1}", f"/sys/fs/cgroup{group}/{v2}"):
            done = self.ask("cat", path)
            if done.returncode == 0:
                return done.stdout.strip()
        return ""

    def drop_in(self, unit: str, text: str) -> None:
        """An administrator's own lines beside the unit; empty text: gone."""
        folder, name = f"/run/systemd/system/{unit}.d", "90-try.conf"
        script = f"mkdir -p {folder} && cat >{folder}/{name}" if text else f"rm -r {folder}"
        self.run("bash", "-c", f"{script} <<'END'\n{text}\nEND" if text else script)
        self.run("systemctl", "daemon-reload")

    def restart(self) -> None:
        """A restart of the machine; whether it was one is seen by how its first process ends."""
        self.ask("systemctl", "reboot")
        check(self.ended() == RESTARTED, "the machine restarts")
        self.boot()

    def off(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.ask("systemctl", "poweroff")
            self.ended()

    def ended(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(120)
        except subprocess.TimeoutExpired:
            say(self.ask("systemctl", "list-jobs").stdout)
            self.process.kill()
            return self.process.wait()


LEGACY: list[str] = []
if not Path("/sys/fs/cgroup/cgroup.controllers").exists():
    # Since 256 systemd wants to be told that control groups of version 1 are meant; in a container its
    # arguments are the kernel's command line.
    LEGACY = ["systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"]


def ready() -> bool:
    with suppress(requests.RequestException):
        return requests.get("http://127.0.0.1:7000/health/ready", timeout=5).status_code == 200
    return False


BACKEND = "try-backend.service"


def install_backend(machine: Machine) -> None:
    """The example as a service of the same machine (docs/deployment.md, The backend)."""
    keys = secrets()
    unit = (
        "[Service]\nDynamicUser=yes\nGroup=aipull\nRestart=always\nStateDirectory=try-backend\n"
        f"Environment=BACKEND_KEY={keys['BACKEND_KEY']} PIPELINE_API_KEY={keys['AIPULL_API_KEY']}\n"
        "ExecStart=/opt/aipull/venv/bin/python /opt/aipull/examples/ai_backend.py --host 127.0.0.1 --port 19000 "
        "--pipeline-url http://127.0.0.1:7000 --record /var/lib/try-backend/record.jsonl --workers 2\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    (Path("/etc/systemd/system") / BACKEND).write_text(unit)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", BACKEND)


def try_install(machine: Machine, deb: Path) -> None:
    machine.run("dpkg", "--force-confold", "--force-confmiss", "-i", str(deb))
    for unit in (ORTHANC, PACS):
        check(machine.show(unit, "LoadState") == "loaded", f"{unit} is known")
        check(not machine.active(unit), "and not started before anybody filled in the settings")
    machine.run("systemctl", "disable", "--now", "orthanc")
    for unit in (ORTHANC, PACS):
        machine.ask("systemctl", "start", unit)
        wait(failed(machine, unit), f"{unit} fails without settings")
        check(machine.show(unit, "ExecMainStatus") == "78", "with status 78")
        check(machine.show(unit, "NRestarts") == "0", "and is not tried again")
        check("HOSPITAL_TIME_ZONE" in machine.journal(unit), "the journal of systemd says what is missing")


def failed(machine: Machine, unit: str) -> Callable[[], bool]:
    return lambda: machine.show(unit, "ActiveState") == "failed"


def try_start(machine: Machine) -> None:
    machine.run("systemctl", "enable", "--now", RABBITMQ)
    machine.run("/opt/aipull/bin/aipull-rabbitmq-user")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", ORTHANC, PACS, "aipull-backup.timer")
    wait(ready, "both services are up and ready")
    check(machine.active(MOUNT), "the RAM disk is mounted")
    size = machine.run("df", "--block-size=1", "--output=size,fstype", str(STATE / "ram")).split()[-2:]
    check(size == [str(RAM_DISK), "tmpfs"], f"it is a tmpfs of RAM_DISK_SIZE: {size}")


def try_limits(machine: Machine) -> None:
    """What the units say, as the kernel holds it."""
    for unit, limit in ((ORTHANC, ORTHANC_LIMIT), (PACS, PACS_LIMIT)):
        held = machine.group_value(unit, "memory.limit_in_bytes", "memory.max")
        check(held == str(limit), f"{unit}: the kernel's memory limit is {held}")
        pid = machine.show(unit, "MainPID")
        text = machine.run("cat", f"/proc/{pid}/status")
        status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        told = {name: status[name].split()[0] for name in ("Seccomp", "NoNewPrivs", "CapBnd", "CapEff")}
        wanted = {"Seccomp": "2", "NoNewPrivs": "1", "CapBnd": "0" * 16, "CapEff": "0" * 16}
        check(told == wanted, f"{unit}: {told}")
        check(status["Uid"].split()[0] != "0", f"{unit} does not run as root")
        for place in ("/etc/aipull/try", "/usr/try", "/var/lib/try"):
            said = machine.ask("nsenter", f"--target={pid}", "--mount", "--root", "touch", place)
            check("Read-only file system" in said.stdout, f"{unit}: by root neither: {said.stdout.strip()}")
    rank = machine.ask("systemd-analyze", "security", "--no-pager", ORTHANC, PACS).stdout
    for line in rank.splitlines():
        if "Overall exposure" in line:
            say(f"     {line.strip()}")


def try_filter(machine: Machine) -> None:
    """A process inside the unit's own confinement."""
    script = Path("/opt/aipull/lib/try.py")
    script.write_text(UNPRIVILEGED_BUT_FORBIDDEN)
    for unit in (ORTHANC, PACS):
        machine.drop_in(unit, f"[Service]\nExecStartPre=/usr/bin/python3 {script}")
        machine.run("systemctl", "restart", unit)
        machine.drop_in(unit, "")
    done = machine.ask("/usr/bin/python3", str(script))
    check("nothing forbids it" in done.stdout, "outside of the units the same call is allowed")
    script.unlink()
    wait(ready, "both services are up and ready")


def try_too_little_memory(machine: Machine) -> None:
    """The limit is the kernel's: what is over it is killed, and comes back."""
    machine.drop_in(PACS, "[Service]\nMemoryHigh=infinity\nMemoryMax=24M")
    machine.ask("systemctl", "restart", PACS)
    before = restarts(machine, PACS)
    wait(lambda: restarts(machine, PACS) >= before + 2, "pacs_module is ended by 24 MB and started again")
    machine.drop_in(PACS, "")
    machine.run("systemctl", "restart", PACS)
    wait(ready, "with its own limit it runs")


def try_kills(machine: Machine) -> None:
    for unit in (ORTHANC, PACS, RABBITMQ):
        wait(ready, "all is up")
        before, pid = restarts(machine, unit), machine.show(unit, "MainPID")
        machine.run("kill", "-9", pid)
        if unit != RABBITMQ:
            wait(restarted(machine, unit, before), f"{unit} is started again after kill -9")
        else:  # Debian's unit restarts on failure
            wait(another_runs(machine, unit, pid), f"{unit} comes back as well")
    wait(ready, "all is up again")


def restarted(machine: Machine, unit: str, before: int) -> Callable[[], bool]:
    return lambda: restarts(machine, unit) == before + 1 and machine.active(unit)


def another_runs(machine: Machine, unit: str, pid: str) -> Callable[[], bool]:
    return lambda: machine.show(unit, "MainPID") not in (pid, "0")


def restarts(machine: Machine, unit: str) -> int:
    return int(machine.show(unit, "NRestarts") or 0)


def try_stop(machine: Machine) -> None:
    """As docs/deployment.md says it for another size of the RAM disk."""
    started = time.monotonic()
    machine.run("systemctl", "stop", PACS, ORTHANC, MOUNT)
    say(f"     it took {time.monotonic() - started:.1f} s")
    check(machine.show(PACS, "Result") == "success", "pacs_module stopped in order")
    check(machine.show(ORTHANC, "Result") == "success", f"and so did Orthanc: {machine.show(ORTHANC, 'Result')}")
    check(not machine.active(MOUNT), "the RAM disk is gone")
    ends = {
        unit: int(machine.show(unit, "InactiveEnterTimestampMonotonic")) for unit in (PACS, ORTHANC, MOUNT)
    }
    check(ends[PACS] <= ends[ORTHANC] <= ends[MOUNT], "pacs_module first, then Orthanc, then the RAM disk")
    machine.run("systemctl", "start", ORTHANC, PACS)
    wait(ready, "both services are up and ready")
    check(machine.active(MOUNT), "the RAM disk came with them")


def try_backup(machine: Machine) -> None:
    machine.run("systemctl", "start", "aipull-backup.service")
    archives = list(BACKUPS.glob("*.tar*"))
    check(len(archives) == 1, f"the backup's unit wrote {[path.name for path in archives]}")
    check(archives[0].stat().st_mode & 0o777 == 0o600, "for root alone")
    check(machine.active("aipull-backup.timer"), "the timer waits for the night")
    machine.run("pacs-module", "status")


def try_upgrade(machine: Machine, deb: Path) -> None:
    before = {unit: machine.show(unit, "MainPID") for unit in (ORTHANC, PACS)}
    kept = (ETC / "aipull.env").read_text()
    machine.run("dpkg", "--force-confold", "-i", str(deb))
    for unit, pid in before.items():
        check(machine.show(unit, "MainPID") not in (pid, "0"), f"{unit} runs with the new programs")
    check((ETC / "aipull.env").read_text() == kept, "the settings are left")
    wait(ready, "both services are up and ready")


def try_removal(machine: Machine, before: set[str]) -> None:
    machine.run("systemctl", "disable", "--now", BACKEND)
    machine.run("dpkg", "-r", "ai-pull-pipeline")
    for unit in (ORTHANC, PACS, MOUNT):
        check(not machine.active(unit), f"{unit} was stopped")
    check((STATE / "pacs" / "study_info.db").exists(), "the store is left")
    machine.run("dpkg", "-P", "ai-pull-pipeline")
    left = [name for name in everything() - before if not name.startswith(str(BACKUPS))]
    check(not left, f"nothing but backups is left: {sorted(left)[:5]}")
    listed = machine.ask("systemctl", "list-units", "--all", "--output=json", "*aipull*").stdout
    check(json.loads(listed) == [], f"systemd knows nothing of it any more: {listed.strip()}")


def a_night(machine: Machine, deb: Path, folder: Path, before: set[str]) -> None:
    with hospital(folder) as (pacs, _):
        machine.boot()
        try_install(machine, deb)
        fill_in()
        install_backend(machine)
        try_start(machine)
        first = send("try1", pacs)
        wait(lambda: computed(first), "the first day is computed")
        try_limits(machine)
        try_filter(machine)
        try_too_little_memory(machine)
        second = send("try2", pacs)
        try_kills(machine)
        wait(lambda: computed(second), "the second day is computed, each part was killed once")
        try_stop(machine)
        try_backup(machine)
        third = send("try3", pacs)
        machine.restart()
        wait(ready, "all comes back by itself")
        wait(lambda: all(computed(day) for day in (first, second, third)), "and all three days are computed")
        try_upgrade(machine, deb)
        check(computed(first), "the store is the same")
        fourth = send("try4", pacs)
        wait(lambda: computed(fourth), "the upgraded one computes")
        try_removal(machine, before)
        machine.off()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("deb", type=Path)
    deb = parser.parse_args().deb.resolve()
    check(not Path("/run/systemd/system").exists(), "nothing booted here yet")
    before = everything()
    folder = Path("/tmp/try")
    folder.mkdir()
    hosts = Path("/etc/hosts")
    hosts.write_text(hosts.read_text() + "\n127.0.0.1 aipull-test\n")
    machine = Machine(folder)
    try:
        a_night(machine, deb, folder, before)
    except SystemExit:
        if machine.process is not None and machine.process.poll() is None:
            print(
                machine.ask("journalctl", "--no-pager", "--lines=60", "--grep=^(?!.*DicomAssociation)").stdout
            )
            print(machine.ask("pacs-module", "status").stdout)
        raise
    finally:
        if machine.process is not None and machine.process.poll() is None:
            machine.off()
    say("1 passed, 0 failed")


if __name__ == "__main__":
    main()
