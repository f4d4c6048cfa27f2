"""
Supervision, with small shell programs instead of servers. Not proved here: real servers, see
tests/integration.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stack.errors import StackError
from stack.identity import bearers, identity_of, is_alive, wait_until
from stack.processes import Process, Programme, find_program
from stack.run_files import pid_file, read_pids
from stack.run_folder import RunFolder, living_servers, stop_run

REPOSITORY = Path(__file__).resolve().parents[3]


def shell(script: str, **kwargs: Any) -> Programme:
    return Programme("sleeper", ["sh", "-c", script], **{"ready": lambda: True, **kwargs})


def test_it_is_ready_when_the_condition_holds(run_folder: RunFolder, tmp_path: Path) -> None:
    flag = tmp_path / "ready"
    process = Process(run_folder, shell(f"touch {flag}; exec sleep 60", ready=flag.exists))
    process.start()
    assert flag.exists()
    assert process.is_alive()


def test_the_pid_file_names_the_living_process(run_folder: RunFolder) -> None:
    process = Process(run_folder, shell("exec sleep 60"))
    process.start()
    assert read_pids(run_folder.path)["sleeper"].pid == process.pid
    assert living_servers(run_folder.path) == ["sleeper"]
    process.stop()
    assert not pid_file(run_folder.path, "sleeper").exists()


def test_one_that_ends_while_starting_shows_its_last_lines(run_folder: RunFolder) -> None:
    process = Process(run_folder, shell("echo no such key; exit 3", ready=lambda: False))
    with pytest.raises(StackError, match=r"sleeper ended while starting.*\n.*no such key"):
        process.start()


def test_one_that_never_gets_ready_is_told(run_folder: RunFolder) -> None:
    process = Process(
        run_folder, shell("echo still busy; exec sleep 60", ready=lambda: False, ready_within_s=0.3)
    )
    with pytest.raises(StackError, match=r"not ready within 0\.3 s"):
        process.start()


@pytest.mark.parametrize(("script", "signal_number"), [("kill -SEGV $$", signal.SIGSEGV), ("exit 3", None)])
def test_what_ended_it_is_told(
    run_folder: RunFolder, tmp_path: Path, script: str, signal_number: int | None
) -> None:
    go_on = tmp_path / "go on"
    process = Process(run_folder, shell(f"while [ ! -e '{go_on}' ]; do sleep 0.05; done; {script}"))
    process.start()
    assert process.killed_by is None
    go_on.touch()
    assert wait_until(lambda: not process.is_alive(), 20)
    assert process.killed_by == signal_number
    process.kill()
    assert process.killed_by is None


def test_a_program_that_is_missing_is_told_with_the_remedy() -> None:
    with pytest.raises(StackError, match="no-such-server is not installed; `make setup` installs it"):
        find_program("no-such-server")


def test_what_ignores_sigterm_is_killed_after_the_bound(run_folder: RunFolder, tmp_path: Path) -> None:
    flag = tmp_path / "deaf"
    deaf = shell(
        f"trap '' TERM; touch {flag}; while :; do sleep 0.1; done", stop_within_s=0.3, ready=flag.exists
    )
    process = Process(run_folder, deaf)
    process.start()
    process.stop()
    assert bearers(run_folder.mark) == []


def test_kill_ends_what_it_had_started_in_a_session_of_its_own(run_folder: RunFolder, tmp_path: Path) -> None:
    flag = tmp_path / "child"
    script = f"setsid sh -c 'echo $$ > {flag}.tmp; mv {flag}.tmp {flag}; exec sleep 60' & exec sleep 60"
    process = Process(run_folder, shell(script, ready=flag.exists))
    process.start()
    child = identity_of(int(flag.read_text()))
    assert child is not None
    process.kill()
    assert not is_alive(child)


def test_kill_and_start_gives_another_process(run_folder: RunFolder) -> None:
    process = Process(run_folder, shell("exec sleep 60"))
    process.start()
    first = process.pid
    process.kill()
    assert process.pid is None
    process.start()
    assert process.pid not in {first, None}


def test_one_of_two_processes_is_stopped_and_the_other_lives(run_folder: RunFolder) -> None:
    one = Process(run_folder, Programme("one", ["sleep", "60"], lambda: True))
    one_more = Process(run_folder, Programme("one-more", ["sleep", "60"], lambda: True))
    one.start()
    one_more.start()
    one.stop()
    assert one_more.is_alive()


def test_a_start_in_another_thread_can_be_broken_off(run_folder: RunFolder) -> None:
    def ready() -> bool:
        process.cancel()
        return False

    process = Process(run_folder, shell("exec sleep 60", ready=ready))
    begin = time.monotonic()
    with pytest.raises(StackError, match="broken off"):
        process.start()
    assert time.monotonic() - begin < 55  # the program would run for 60 s


def test_a_folder_in_which_a_run_lives_is_refused(run_folder: RunFolder) -> None:
    Process(run_folder, shell("exec sleep 60")).start()
    with pytest.raises(StackError, match=r"a run is alive in .* \(sleeper\); `make stop` ends it"):
        RunFolder(run_folder.path).open()


def test_a_pid_that_was_used_again_is_not_ours(run_folder: RunFolder) -> None:
    process = Process(run_folder, shell("exec sleep 60"))
    process.start()
    identity = read_pids(run_folder.path)["sleeper"]
    older = type(identity)(identity.pid, identity.started - 1, identity.boot)
    assert is_alive(identity)
    assert not is_alive(older)


PARENT = """
import sys, time
from pathlib import Path
from stack.processes import Process, Programme
from stack.run_folder import RunFolder

survive = sys.argv[2] == "survive"
run = RunFolder(Path(sys.argv[1]), survive=survive)
run.open()
script = "setsid sleep 60 & exec sleep 60"
Process(run, Programme("sleeper", ["sh", "-c", script], lambda: True)).start()
if sys.argv[3] == "leave":
    run.leave_running()
else:
    print("up", flush=True)
    time.sleep(60)
"""


def parent(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder), *words], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("survive", ["survive", "no"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives_a_parent_that_dies(tmp_path: Path, number: signal.Signals, survive: str) -> None:
    with parent(tmp_path, survive, "stay") as programme:
        assert programme.stdout is not None
        assert programme.stdout.readline() == "up\n"
        mark = (tmp_path / "pids" / "mark").read_text()
        assert wait_until(
            lambda: bool(bearers(mark)), 60
        )  # for a moment, inside execve, it shows no environment
        programme.send_signal(number)
        programme.wait()
        assert wait_until(lambda: not bearers(mark), 60)
        assert wait_until(
            lambda: not list((tmp_path / "pids").glob("*.pid")), 60
        )  # the guard has done its work


def test_what_was_left_running_is_ended_by_stop_run(tmp_path: Path) -> None:
    with parent(tmp_path, "survive", "leave") as programme:
        assert programme.wait() == 0
    mark = (tmp_path / "pids" / "mark").read_text()
    assert wait_until(lambda: len(bearers(mark)) == 2, 60)
    said: list[str] = []
    assert stop_run(tmp_path, said.append)
    assert bearers(mark) == []
    assert said[0].startswith("stopping sleeper (pid ")
    assert not stop_run(tmp_path)


def test_there_is_nothing_to_stop_in_a_folder_that_no_run_used(tmp_path: Path) -> None:
    assert not stop_run(tmp_path)
