"""
What the loops of a whole service have to do with one another.

Does not prove how their steps behave: none of them runs here.
"""

from __future__ import annotations

from pathlib import Path

from pacs_module.domain.explain.outages import ServerFault
from pacs_module.service.loop import Role
from tests.fakes.served import service_on, settings_file


def test_one_loop_that_meets_a_server_again_wakes_the_others_that_wait_for_it(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        loops = service.loops
        for name, server in (
            ("publish", "RabbitMQ"),
            ("WORKER-1", "RabbitMQ"),
            ("claims", "store"),
            ("pull A", ""),
        ):
            loops[name].fault, loops[name].failures = ServerFault(server, "away", 0), 1
        loops["publish"].step = lambda: False
        loops["publish"]._one_step()
        woken = {name for name, loop in loops.items() if loop._thread._woken.is_set()}
        assert woken == {"WORKER-1"}


def test_loops_are_woken_by_what_they_are_for_not_by_their_names(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        service.wake(Role.PULL, Role.PUBLISH)
        woken = {name for name, loop in service.loops.items() if loop._thread._woken.is_set()}
        assert woken == {"pull A", "publish"}
        by_role = {role: {name for name, loop in service.loops.items() if loop.role is role} for role in Role}
        assert by_role[Role.FIND] == {"find A"}
        assert by_role[Role.DELIVER] == {name for name in service.loops if name.startswith("WORKER-")}
        assert {"records", "claims", "watch"} <= by_role[Role.UPKEEP]
