"""
For all tests: what happens when a server's program is missing, and servers that several tests share.

A test marked ``server`` needs Debian's packages or a programme of the venv. On a desk it skips with the
reason; with CI=true it fails, because a missing server must not look like success.
``@pytest.mark.server("rabbitmq")`` names what it needs; without names: everything.
"""

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.rabbitmq import RabbitmqNode, RabbitmqPorts
from stack.servers.secantusdb import PROGRAM as SECANTUSDB
from stack.servers.secantusdb import SecantusDb

_HERE = Path(__file__).parent
_NEEDED = {
    "chromium": ["/usr/bin/chromium"],
    "orthanc": ["/usr/sbin/Orthanc"],
    "orthanc-python": ["/usr/sbin/Orthanc", "/usr/share/orthanc/plugins/libOrthancPython.so"],
    "dcmtk": ["/usr/bin/echoscu", "/usr/bin/storescu", "/usr/bin/movescu"],
    "moto": ["/" if find_spec("moto") else "the Python package moto"],
    "orthanc-dicomweb": ["/usr/sbin/Orthanc", "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
    "sshd": ["/usr/sbin/sshd", "/usr/bin/ssh-keygen"],
    "vsftpd": ["/usr/sbin/vsftpd"],
    "prometheus": ["/usr/bin/prometheus", "/usr/bin/promtool"],
    "rabbitmq": ["/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/bin/epmd"],
    "secantusdb": [str(SECANTUSDB)],
}
_LONGEST = (
    "long/pull/test_three_pacs.py",
    "long/recover/test_k14_records.py",
    "long/receive/test_plugins_restart.py",
    "long/receive/test_k03_k13_series_and_ends.py",
    "long/find/test_k12_cut_lists.py",
    "long/results/test_results_to_pacs.py",
    "long/recover/test_k14_mongodb.py",
    "long/pull/test_k04_move_paths.py",
    "long/whole/test_demo_ends.py",
    "long/receive/test_k08_poison_orthanc.py",
    "long/whole/test_whole_run.py",
    "e2e/test_log_contract.py",
    "e2e/test_pages_in_browser.py",
    "unit/web/test_pages.py",
    "unit/web/test_web.py",
    "integration/hospital_sim/test_sim_pacs_dcmtk.py",
    "contract/store/test_store_contract.py",
    "contract/store/test_lists_contract.py",
    "integration/operate/test_k08_web_bodies.py",
    "integration/hospital_sim/test_sim_pacs_move.py",
    "matrix/test_find_matrix.py",
    "integration/receive/test_k01_identity.py",
    "contract/upload/test_upload_contract.py",
    "integration/probe/test_probe_habits.py",
    "integration/find/test_follow_the_scan.py",
    "integration/hospital_sim/test_department.py",
    "integration/find/test_k02_answers_that_lie.py",
    "integration/receive/test_plugins_reception.py",
    "integration/pull/test_k04_move_status.py",
    "unit/use_cases/find/test_k12_lists_that_leave_out.py",
    "unit/use_cases/find/test_k12_any_pacs.py",
    "unit/web/request_guard/test_access.py",
    "unit/web/test_web_reconcile.py",
    "unit/use_cases/pull/test_k04_paths_are_blamed.py",
    "unit/web/test_openapi.py",
    "unit/adapters/files/test_k08_foreign_files.py",
    "unit/use_cases/results/test_results.py",
)
"""
The files that take longest, the longest first: one that a worker begins last would keep the others waiting.
"""
_BY_NAME = ("chromium", "prometheus", "secantusdb", "moto", "orthanc-dicomweb", "sshd", "vsftpd")
_SERVERS = tuple(name for name in _NEEDED if name not in _BY_NAME)


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C and so would every process that a test starts, to be
    # interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def missing_programs(names: tuple[str, ...]) -> list[str]:
    """The files that the named servers lack; all servers when none is named."""
    wanted = [file for name in names or _SERVERS for file in _NEEDED[name]]
    return sorted({file for file in wanted if not Path(file).exists()})


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the workers take them in this order (``--no-loadscope-reorder``)."""
    places = {str(_HERE / file): place for place, file in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(str(item.path), len(places)))


def pytest_make_parametrize_id(val: object) -> str | None:
    """A lone surrogate in a test's name cannot be told to the other processes of a parallel run."""
    return ascii(val) if isinstance(val, str) and not val.isprintable() else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Nor can it in what a test has written."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode("utf-8")) for name, text in report.sections
    ]
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("server"):
        missing = missing_programs(marker.args)
        if missing:
            reason = f"needs {', '.join(missing)}; `make setup-dev` installs it"
            if in_ci():
                pytest.fail(f"{reason} (CI=true: not skipped)", pytrace=False)
            pytest.skip(reason)


@pytest.fixture
def run_folder(tmp_path: Path) -> Iterator[RunFolder]:
    """An open run folder; what is started in it ends with the test."""
    with RunFolder(tmp_path / "run") as run:
        yield run


@pytest.fixture(scope="session")
def rabbitmq_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitmqNode]:
    """
    One private RabbitMQ node for the whole session: use queue names of your own, and neither kill nor stop
    it.

    A test that asks for it must be marked ``server``.
    """
    folder = tmp_path_factory.mktemp("rabbitmq")
    with RunFolder(folder / "run") as run:
        node = RabbitmqNode(run, RabbitmqPorts(*free_ports(3)))
        node.start()
        yield node
        node.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def secantusdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusDb]:
    """
    One MongoDB-compatible server, not MongoDB itself, for the whole session: use a database of your own, and
    do not kill it.

    A test that asks for it must be marked ``server``.
    """
    folder = tmp_path_factory.mktemp("secantusdb")
    with RunFolder(folder / "run") as run:
        server = SecantusDb(run, free_ports(1)[0])
        server.start()
        yield server
    shutil.rmtree(folder, ignore_errors=True)
