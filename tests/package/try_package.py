"""
The Debian package from installation to purge, in a root folder of its own without a network:

    scripts/deb.sh && NO_NETWORK=1 scripts/platform.sh debian12 .venv/bin/python -m tests.package.try_package
    DEB

Installs it, starts what its units say, brings a day through, upgrades, backs up, loses the disk, restores,
removes and purges. Changes the machine that it runs on: never outside of such a root.

Does not prove what systemd does with the units (systemd-analyze verify: tests/unit/one_box).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from hospital_sim.sending.scu import Pacs
from stack.run_folder import RunFolder
from stack.servers.backend import Backend
from stack.servers.orthanc import HOSPITAL_AET, HOSPITAL_NAME, HospitalPacs, OrthancPorts
from tests.chaos.rig.small_day import Day, small_day
from tests.package.unit_files import mount, start

ZONE = "Asia/Shanghai"
ETC, STATE, LOGS, BACKUPS = (Path(f"/{name}/aipull") for name in ("etc", "var/lib", "var/log", "var/backups"))
ORTHANC, PACS = "aipull-orthanc.service", "aipull-pacs.service"
LONG_S = 180.0
PLACES = (ETC, STATE, LOGS, Path("/opt/aipull"))


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)


def check(holds: bool, what: str) -> None:
    """A step that must hold."""
    say(f"{'ok  ' if holds else 'NOT '} {what}")
    if not holds:
        sys.exit(1)


def run(*words: str, status: int = 0) -> str:
    """A command; what it printed."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != status:
        print(done.stdout)
    check(done.returncode == status, f"{' '.join(words)[:90]} ends with {status}")
    return done.stdout


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONG_S
    while not condition():
        if time.monotonic() > deadline:
            check(False, what)
        time.sleep(0.5)
    check(True, what)


def secrets() -> dict[str, str]:
    lines = (ETC / "secrets.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


class Services:
    """The two services of the package, and the mount that they need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def up(self) -> None:
        units = self.folder / "generated"
        shutil.rmtree(units, ignore_errors=True)
        units.mkdir()
        run("/usr/lib/systemd/system-generators/aipull-generator", str(units), str(units), str(units))
        if not (STATE / "ram").is_mount():
            mount(units / "var-lib-aipull-ram.mount")
        for name in (ORTHANC, PACS):
            self.running[name] = start(name, self.log(name))
        wait(self.ready, "both services are up and ready")

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def ready(self) -> bool:
        for name, process in self.running.items():
            if process.poll() is not None:
                print(self.log(name).read_text()[-3000:])
                check(False, f"{name} runs")
        with suppress(requests.RequestException):
            return requests.get("http://127.0.0.1:7000/health/ready", timeout=5).status_code == 200
        return False

    def down(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()
        shutil.rmtree("/run/aipull", ignore_errors=True)  # as systemd does with a RuntimeDirectory


@contextmanager
def hospital(folder: Path) -> Iterator[tuple[HospitalPacs, Callable[[], Backend]]]:
    """A PACS; and the backend, whose keys are known after the installation."""
    with RunFolder(folder / "run") as held:
        pacs = HospitalPacs(held, OrthancPorts(http=18043, dicom=14243), receiver_port=4242)
        pacs.start()
        backends: list[Backend] = []

        def backend() -> Backend:
            known = secrets()
            made = Backend(held, 19000, ("http://127.0.0.1:7000", known["AIPULL_API_KEY"]))
            made.key = known["BACKEND_KEY"]
            made.start()
            backends.append(made)
            return made

        try:
            yield pacs, backend
        finally:
            for made in backends:
                made.kill()
            pacs.kill()


def states(day: Day) -> dict[str, str]:
    """The state of each wanted study; empty where it is not known."""
    found = {}
    for study in day.wanted:
        params = {"StudyInstanceUID": study.study_uid, "askPACS": "false"}
        headers = {"X-API-Key": secrets()["AIPULL_API_KEY"]}
        answer = requests.get("http://127.0.0.1:7000/api/v1/dcm/debug", params, headers=headers, timeout=30)
        known = answer.json().get("studies") or [{}]
        found[study.study_uid] = str(known[0].get("state", ""))
    return found


def computed(day: Day) -> bool:
    with suppress(requests.RequestException):
        return set(states(day).values()) == {"completed"}
    return False


def send(name: str, pacs: HospitalPacs) -> Day:
    day = small_day(name, ZONE)
    day.send(Pacs("127.0.0.1", pacs.ports.dicom, pacs.aet))
    return day


def fill_in() -> None:
    """What an administrator writes."""
    given = {
        "HOSPITAL_TIME_ZONE": ZONE, "HOSPITAL_PACS_NAME": HOSPITAL_NAME, "HOSPITAL_PACS_AET": HOSPITAL_AET,
        "HOSPITAL_PACS_HOST": "127.0.0.1", "HOSPITAL_PACS_PORT": "14243",
        "BACKEND_URL": "http://127.0.0.1:19000/compute", "RAM_DISK_SIZE": "512m",
    }  # fmt: skip
    text = (ETC / "aipull.env").read_text()
    for name, value in given.items():
        text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    (ETC / "aipull.env").write_text(text)
    switches = ETC / "site" / "site_config.py"
    switches.write_text(switches.read_text() + 'KERNEL_PREFERRED = ["B30f"]\nSTABLE_AGE = 5\n')


def install(deb: Path) -> None:
    run("dpkg", "--force-confold", "--force-confmiss", "-i", str(deb))


def try_install(deb: Path) -> None:
    install(deb)
    modes = {name: oct((ETC / name).stat().st_mode & 0o777) for name in ("secrets.env", "pacs_module.toml")}
    check(modes == {"secrets.env": "0o600", "pacs_module.toml": "0o640"}, f"secrets are private: {modes}")
    for program in ("orthanc", "pacs"):
        said = run("/opt/aipull/venv/bin/python", "-BP", "-m", "one_box", program, status=78)
        lines = [line for line in said.splitlines() if line]
        check(
            len(lines) >= 6 and "HOSPITAL_TIME_ZONE" in said,
            f"{program}: each missing value in a line of its own",
        )


def try_logs(services: Services) -> None:
    if shutil.which("logrotate") is None:
        say("--   logrotate is not installed here")
        return
    run("logrotate", "--force", "--state", str(services.folder / "logrotate"), "/etc/logrotate.d/aipull")
    wait((LOGS / "dcm_end.jsonl").exists, "after logrotate the log goes on under its name")


def try_lost_disk(services: Services, deb: Path, archive: str, days: list[Day]) -> None:
    services.down()
    run("umount", str(STATE / "ram"))
    for place in (STATE, ETC, LOGS):
        shutil.rmtree(place)
    say("     the disk is lost: nothing is left of settings, store, journal and logs")
    install(deb)
    run("pacs-module", "restore", archive)
    run("/opt/aipull/bin/aipull-rabbitmq-user")
    services.up()
    wait(lambda: all(computed(day) for day in days), "all is computed, also what came after the backup")
    wait(
        lambda: subprocess.run(["pacs-module", "audit"], capture_output=True, check=False).returncode == 0,
        "pacs-module audit says equal",
    )


def try_removal(services: Services, before: set[str]) -> None:
    services.down()
    run("umount", str(STATE / "ram"))
    run("dpkg", "-r", "ai-pull-pipeline")
    check(not Path("/opt/aipull").exists() and not Path("/usr/bin/pacs-module").exists(), "programs are gone")
    kept = [
        STATE / "pacs" / "study_info.db",
        STATE / "orthanc" / "journal.db",
        ETC / "secrets.env",
        ETC / "aipull.env",
    ]
    check(all(path.exists() for path in kept), "store, journal, settings and secrets are left")
    run("dpkg", "-P", "ai-pull-pipeline")
    left = everything() - before
    check(
        not [name for name in left if not name.startswith(str(BACKUPS))],
        f"nothing but backups is left: {sorted(left)[:5]}",
    )


def everything() -> set[str]:
    """Every path of this root that has to do with us, and every user."""
    found = run("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-path", "/srv", "-prune", "-o",
                "-path", "/tmp",
                "-prune", "-o", "-iname", "*aipull*", "-print", "-o", "-iname", "*ai-pull-pipeline*",
                "-print")  # fmt: skip
    users = {
        f"user {line.split(':')[0]}"
        for line in Path("/etc/passwd").read_text().splitlines()
        if "aipull" in line
    }
    return set(found.split()) | users


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("deb", type=Path)
    deb = parser.parse_args().deb
    check(not any(place.exists() for place in PLACES), "nothing of ours is here yet")
    before = everything()
    folder = Path("/tmp/try")
    folder.mkdir()
    run("rabbitmq-server", "-detached")
    asked = ["rabbitmqctl", "await_startup"]
    wait(lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0, "RabbitMQ is up")
    services = Services(folder)
    with hospital(folder) as (pacs, backend):
        try_install(deb)
        fill_in()
        run("/opt/aipull/bin/aipull-rabbitmq-user")
        backend()
        services.up()
        first = send("try1", pacs)
        wait(lambda: computed(first), "the first day is computed")
        print(run("pacs-module", "status"))
        kept = (ETC / "aipull.env").read_text()
        install(deb)  # over it, with everything running
        check((ETC / "aipull.env").read_text() == kept, "an upgrade leaves the settings")
        services.down()
        services.up()
        check(computed(first), "after the upgrade the store is the same")
        archive = run("pacs-module", "backup", "--to", str(BACKUPS)).split(": ")[0].strip()
        second = send("try2", pacs)
        wait(lambda: computed(second), "the second day is computed")
        try_logs(services)
        try_lost_disk(services, deb, archive, [first, second])
        try_removal(services, before)
    run("rabbitmqctl", "stop")
    say("1 passed, 0 failed")


if __name__ == "__main__":
    main()
