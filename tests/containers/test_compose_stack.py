"""
The docker-compose stack in earnest: built, started, killed container by container, taken down and up again
(`make compose-test`).

Needs a Docker daemon, docker-compose and images that can be fetched, and takes minutes; CI has no daemon.
COMPOSE_FILE may add a file of the machine's own. Does not prove anything of a real PACS, nor of TLS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from demo.truth import Computed, PacsStudy
from demo.verdict import Expected
from tests.containers.composed import SERVICES, Composed, why_not
from tests.support import waiting

pytestmark = pytest.mark.timeout(2400)

UP_S = 300.0
DAY_S = 600.0
wait_for = partial(waiting.wait_for, every=1.0)


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """
    Started with all its profiles: the department sends its day, twelve wanted studies in less than a minute.
    """
    if reason := why_not():
        pytest.skip(reason)
    composed = Composed(tmp_path_factory.mktemp("composed"))
    try:
        composed.compose("up", "--build", "--detach")
        yield composed
    finally:
        composed.compose("down", "--volumes", "--timeout", "10", "--remove-orphans")


def test_a_day_is_computed_while_each_container_is_killed(composed: Composed) -> None:
    *ours, pacs = SERVICES
    for service in ours:
        killed_and_back(composed, service)
    wait_for(
        lambda: composed.inspect("department", "{{.State.Status}}") == "exited", DAY_S, "the day is sent"
    )
    assert composed.inspect("department", "{{.State.ExitCode}}") == "0", composed.compose(
        "logs", "department"
    )
    killed_and_back(composed, pacs)  # last: whoever sends to it then has failed
    expected = [
        one for days in (0, 1) for one in composed.plan("demo", 1, composed.today() - timedelta(days=days))
    ]
    assert sum(one.wanted and one.study_uid in composed.pacs() for one in expected) == 12
    wait_for(
        lambda: not faults(expected, composed.pacs(), composed.computed()),
        DAY_S,
        "every wanted study is computed",
    )
    wait_for(lambda: settled(composed), DAY_S, "the pipeline has written it down")


def test_what_the_operators_are_told_to_type(composed: Composed) -> None:
    study = wait_for(lambda: next(iter(composed.computed()), None), DAY_S, "something is computed")
    number = composed.pacs()[study.study_uid].accession_number
    asked = wait_for(
        lambda: composed.inside("pacs", "http", f":7000/api/v1/dcm/debug?AccessionNumber={number}")
    )
    assert [one["studyUID"] for one in json.loads(asked)["studies"]] == [study.study_uid]
    lines = composed.inside("orthanc", "cat", "orthanc-python.log").splitlines()
    assert any(line.startswith(f"move: {study.study_uid} from") for line in lines)
    assert "send_to_backend" in composed.inside("pacs", "cat", "dcm_end.log")
    assert "/ram" in composed.inside("orthanc", "df", "-h", "/ram")
    for service, folder in (("pacs", "/ram"), ("backend", "/ram"), ("backend", "/copies")):
        with pytest.raises(AssertionError, match="Read-only file system"):
            composed.inside(service, "touch", f"{folder}/mine")
    with pytest.raises(AssertionError, match="Permission denied"):
        composed.inside("pacs", "ls", "/ram/store")


def test_down_and_up_again_with_copies_without_names_and_the_archive(composed: Composed) -> None:
    wait_for(lambda: composed.healthy() and settled(composed), DAY_S, "the first day is done")
    before = [one.idempotency_key for one in composed.computed()]
    composed.compose("stop")
    assert composed.inspect("pacs", "{{.State.ExitCode}}") == "0", "it was stopped in order"
    composed.compose("down")
    composed.variables |= {
        "ANONYMISE_FOLDER": "/copies",
        "ANONYMISE_KEY": "a secret of the site",
        "ARCHIVE_FOLDER": "/archive",
    }
    composed.compose("up", "--detach")  # the department sends its first day again, image by image the same
    wait_for(composed.healthy, UP_S, "every container is healthy")
    on = composed.today()
    expected = composed.plan("small", 7, on)
    composed.send("small", 7, on)
    wanted = [one for one in expected if one.wanted]
    pacs = composed.pacs()
    images = sorted(
        sum(len(pacs[one.study_uid].series[uid].instances) for uid in one.series or ()) for one in wanted
    )

    def since() -> dict[str, Computed]:
        """The last result of each study: one that grew has two."""
        return {one.study_uid: one for one in composed.computed() if one.idempotency_key not in before}

    wait_for(
        lambda: sorted(len(one.instances) for one in since().values()) == images,
        DAY_S,
        "the second day, and no more",
    )
    assert not since().keys() & pacs.keys(), "the backend was told no UID of the hospital"
    wait_for(lambda: settled(composed), DAY_S, "the pipeline has written it down")
    wait_for(
        lambda: composed.inside("pacs", "find", "/archive", "-name", "*.dcm").count("\n") >= sum(images),
        DAY_S,
        "archived",
    )


def killed_and_back(composed: Composed, service: str) -> None:
    """
    Kill one container once all are healthy, and wait until Docker has started it and all are healthy again.
    """
    wait_for(composed.healthy, UP_S, "every container is healthy")
    composed.kill(service)
    wait_for(
        lambda: composed.inspect(service, "{{.RestartCount}}") == "1", UP_S, f"Docker starts {service} again"
    )
    wait_for(composed.healthy, UP_S, "every container is healthy again")


def settled(composed: Composed) -> bool:
    """Whether nothing is under way and nothing has failed."""
    states = composed.states()
    return states["completed"] > 0 and not any(
        states[name] for name in ("meta_only", "pull_data", "pull_data_end", "pull_failed", "dead_letter")
    )


def faults(expected: list[Expected], pacs: dict[str, PacsStudy], computed: list[Computed]) -> list[str]:
    """What is not as it should be, of the studies that are in the PACS."""
    last = {one.study_uid: one.instances for one in computed}
    found = []
    for one in expected:
        study = pacs.get(one.study_uid)
        if study is None:
            continue
        want = {
            uid
            for series in one.series or ()
            if series in study.series
            for uid in study.series[series].instances
        }
        if last.get(one.study_uid, frozenset()) != (want if one.wanted else frozenset()):
            found.append(f"{one.label}: {len(last.get(one.study_uid, ()))} of {len(want)} images computed")
    return found
