"""
The whole life of a study in any order: hypothesis drives finds, growth, pulls, reports, notifications,
deliveries, results and people, repeats messages, sends them late and lets calls to the plugins get lost; time
passes in between.

At every step: no exception, no state and no change of state outside the life cycle's table, and nothing stuck
- a study that is not settled has a due time, and a hand-over without a result is owed, in RabbitMQ or due to
be published again. At the end everything that can be driven is driven, and the study must come to rest. Over
the memory store; tests/long/recover/test_life_in_stores.py has the others.

Proves nothing of threads (tests/contract has them) nor of a PACS or an Orthanc that behaves as none of the
fakes does.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pacs_module.adapters.queue.memory import MemoryConsumer
from pacs_module.adapters.stores.memory import MemoryStore
from pacs_module.domain.errors import NoRoom, PipelineError, Refused, RetriableError, TooLarge, Unreachable
from pacs_module.domain.explain.story import story
from pacs_module.domain.json_messages.messages import PullReport, PullRequest
from pacs_module.domain.study.history import Note
from pacs_module.domain.study.lifecycle import BY_HAND, TABLE, Event, State
from pacs_module.domain.study.study import PUBLISH, PULL, WATCH, Study
from pacs_module.ports import StudyStore
from pacs_module.use_cases.operate.manual_work import Who
from tests.fakes.pipeline import THICK, UID, Pipeline, answer
from tests.fakes.world import DAY

SETTLED = (State.COMPLETED, State.UNSUPPORTED_SERIES, State.PULL_FAILED, State.DEAD_LETTER, *BY_HAND)
OUTCOMES = ("received", "short", "failed", "nothing_new", "filtered")


class Plugins:
    """
    What the plugins owe for each pull: a notification where there is one, then the report; in order, and as
    often as asked.
    """

    def __init__(self, world: Pipeline) -> None:
        self.world = world
        self.ended: dict[str, tuple[str, dict[str, Any] | None]] = {}

    def end(self, request: PullRequest, outcome: str) -> None:
        if request.pull_id in self.ended:
            return
        handed_over = self.world.study().handovers != []
        if outcome == "nothing_new" and (request.forced or not handed_over):
            outcome = "received"
        if outcome == "short" and request.final:
            outcome = "received"
        message = {"received": self.world.message, "filtered": self.world.filtered_message}.get(outcome)
        self.ended[request.pull_id] = (outcome, message(request) if message else None)
        self.world.plugins.reports[request.pull_id] = PullReport(
            "R", request.pull_id, UID, outcome, received=90
        )

    def notify(self, request: PullRequest) -> None:
        message = self.ended[request.pull_id][1]
        if message is not None:
            self.world.accept(message)

    def report(self, request: PullRequest) -> None:
        report = self.world.plugins.reports[request.pull_id]
        assert isinstance(report, PullReport)
        self.world.ends.accept_report(report)


class Life(RuleBasedStateMachine):
    """One study at one PACS."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Pipeline(store=self.made_store())
        self.told = Plugins(self.world)
        self.count = 100

    def made_store(self) -> StudyStore:
        return MemoryStore()

    def clean_up(self) -> None:
        """Nothing to remove."""

    @initialize(pushed=st.booleans())
    def appears(self, pushed: bool) -> None:
        if pushed:
            self.world.accept(self.world.message(None))
        self.world.pacs.studies["A"] = [answer(count=self.count)]
        self.find()

    # --- the PACS and people ---

    @rule()
    def find(self) -> None:
        self.world.find("A", DAY)

    @rule(more=st.integers(1, 50))
    def grow(self, more: int) -> None:
        self.count += more
        self.world.pacs.studies["A"] = [answer(count=self.count)]

    @rule(series=st.booleans())
    def ask_by_hand(self, series: bool) -> None:
        asked = {"StudyInstanceUID": UID, **({"SeriesInstanceUID": THICK} if series else {})}
        self.world.manual(asked, "manual: a doctor")

    @rule(
        what=st.sampled_from(["redo", "cancel", "done", "priority"]), priority=st.sampled_from([0, 1, 2, 4])
    )
    def work_by_hand(self, what: str, priority: int) -> None:
        who = Who("manual: a doctor", "because")
        if what == "priority":
            self.world.work.prioritise(UID, priority, who)
        else:
            getattr(self.world.work, what)(UID, who)

    @rule(seconds=st.sampled_from([1, 15, 40, 300, 700]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.pass_seconds(seconds)

    @rule(seen=st.booleans())
    def pacs_goes_or_comes(self, seen: bool) -> None:
        (self.world.unreachable.discard if seen else self.world.unreachable.add)("A")

    @rule(pulls=st.booleans(), found_again=st.booleans())
    def is_gone_from_the_pacs_for_a_while(self, pulls: bool, found_again: bool) -> None:
        self.world.pacs.studies["A"] = []
        for _ in range(4):
            self.world.clock.pass_seconds(120)
            self.find()
        if pulls:
            self.pull(None)
        self.world.pacs.studies["A"] = [answer(count=self.count)]
        if found_again:
            self.find()

    # --- pulls ---

    @rule(
        error=st.sampled_from(
            [None, Unreachable("gone"), NoRoom("full"), TooLarge("huge"), Refused("Orthanc", 404, "no")]
        )
    )
    def pull(self, error: PipelineError | None) -> None:
        self.world.plugins.refuse = lambda request: error
        self.world.pull()
        self.world.plugins.refuse = lambda request: None

    @rule()
    def watch(self) -> None:
        self.world.pull.watch()

    @precondition(lambda self: self.world.plugins.asked)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def plugins_end_a_pull(self, data: st.DataObject, outcome: str) -> None:
        self.told.end(data.draw(st.sampled_from(self.world.plugins.asked)), outcome)

    @precondition(lambda self: self.told.ended)
    @rule(data=st.data(), what=st.sampled_from(["notify", "report", "both", "report first"]))
    def plugins_tell(self, data: st.DataObject, what: str) -> None:
        ended = [request for request in self.world.plugins.asked if request.pull_id in self.told.ended]
        request = data.draw(st.sampled_from(ended))
        steps = {
            "notify": [self.told.notify],
            "report": [self.told.report],
            "both": [self.told.notify, self.told.report],
        }
        for step in steps.get(what, [self.told.report, self.told.notify]):
            step(request)

    @rule(instances=st.integers(1, 300))
    def images_come_unasked(self, instances: int) -> None:
        self.world.accept(self.world.message(None, instances))

    # --- delivery ---

    @rule()
    def publish(self) -> None:
        self.world.publish()

    @rule(
        error=st.sampled_from(
            [None, None, Unreachable("down"), RetriableError("500"), Refused("the backend", 422, "no")]
        ),
        result=st.sampled_from(["completed", "unsupported_series", "failed", ""]),
        files=st.sampled_from([True, True, False]),
    )
    def deliver(self, error: PipelineError | None, result: str, files: bool) -> None:
        world = self.world
        world.backend.error = error
        if not files:
            world.files.counts = {item.filepath: 0 for item in world.study().handovers}
        world.consumer.meanwhile = lambda: result and world.result(result)
        world.deliver(0)
        world.files.counts, world.consumer.meanwhile, world.backend.error = {}, lambda: None, None

    @precondition(lambda self: self.world.study().handovers)
    @rule(data=st.data(), state=st.sampled_from(["completed", "unsupported_series", "failed"]))
    def a_result_comes_at_any_time(self, data: st.DataObject, state: str) -> None:
        item = data.draw(st.sampled_from(self.world.study().handovers))
        self.world.result(state, item.handover_id)

    @rule()
    def rabbitmq_loses_everything(self) -> None:
        lost = MemoryConsumer(self.world.queue)
        while (delivery := lost.take(0)) is not None:
            lost.done(delivery)

    @rule()
    def release(self) -> None:
        self.world.release()

    # --- what must hold ---

    @invariant()
    def nothing_is_stuck(self) -> None:
        study = self.world.store.get(UID)
        if study is None:
            return
        assert study.state is not None, "a wanted study has a state"
        for entry in study.history:
            if entry.from_state != entry.to_state:
                assert TABLE[State(entry.from_state)][Event(entry.event)] is State(entry.to_state), entry
            assert not entry.tells(Note.IMPOSSIBLE), entry
        assert [entry.to_state for entry in study.history][-1] == study.state.value
        assert stuck(study) == ""
        assert story(study, self.world.clock.now())["next"]["what"]
        assert study.attempts >= 0
        assert not [what for what, _ in self.world.log.events if what == "pull not possible"]

    def teardown(self) -> None:
        """Everybody does what they owe; then the study rests."""
        world = self.world
        try:
            if world.store.get(UID) is not None:
                self._comes_to_rest()
        finally:
            world.store.close()
            self.clean_up()

    def _comes_to_rest(self) -> None:
        world = self.world
        world.unreachable.clear()
        for _ in range(300):
            if at_rest(world.study()):
                break
            self._everybody_works()
        assert at_rest(world.study()), story(world.study(), world.clock.now())["next"]

    def _everybody_works(self) -> None:
        world = self.world
        world.clock.pass_seconds(60)
        self.find()
        world.pull()
        for request in world.plugins.asked:
            self.told.end(request, "received")
            self.told.notify(request)
            self.told.report(request)
        world.pull.watch()
        world.publish()
        while world.queue.depth():
            self.deliver(None, "completed", True)
        if any(item.open for item in world.study().handovers):
            world.clock.pass_seconds(600)


def stuck(study: Study) -> str:
    """Why nothing would ever happen to the study again; empty when something will."""
    if study.state is State.META_ONLY and PULL not in study.due:
        return "meta_only without a pull that is due"
    if study.state is State.PULL_DATA and WATCH not in study.due:
        return "pull_data and nobody asks after it"
    if study.pull is not None and study.pull.status == "asked" and WATCH not in study.due:
        return "a running pull that nobody asks after"
    if any(item.open for item in study.handovers) and PUBLISH not in study.due:
        return "a hand-over without a result that is never published again"
    if study.state is State.PULL_DATA_END and not any(item.open for item in study.handovers):
        return "pull_data_end and no result to come"
    return ""


def at_rest(study: Study) -> bool:
    """Settled, and nothing open."""
    return study.state in SETTLED and not any(item.open for item in study.handovers)


def as_often(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )


TestLife = Life.TestCase
TestLife.settings = as_often(30)
