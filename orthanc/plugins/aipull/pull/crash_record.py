"""
What a start finds of the run before: did it end in order, and if not, whose doing was it? (K8)

The journal says before the first pull moves that this process lives, and takes it back when Orthanc ends in
order. A process that finds the former one still alive in there knows that it died.
"""

from __future__ import annotations

import json

from pacs_module.domain.pull.crash_blame import Charge, Ending, Moving, by_others, charge
from pacs_module.domain.wire.pull_failure import FailureKind, PullFailure
from pacs_module.shared.logs import ContractLog

from ..journal.journal import Journal, as_text
from ..journal.pulls import SUBMITTED, Pull, PullRows
from ..runtime.clock import now_ms
from ..server.last_associations import Associations

_ALIVE = "alive"
_DEATHS = "deaths"
_LAST = "last_death_at"
_UNEXPLAINED = "unexplained_deaths"
"""JSON: of each its time in epoch milliseconds, and who was connected (null: nobody knows)."""
_SEEN = "deaths_seen"
"""JSON: by pull that moved in a death that did not come from outside, in how many."""
_RECENTLY_MS = 15 * 60 * 1000
_MOST_UNEXPLAINED = 50


class CrashRecord:
    """
    Takes up the pulls that moved when the former process ended.

    Args:
        journal: Remembers who lives.
        pulls: Their rows.
        log: For events.
        associations: That the former process wrote into its log.
        ending: How it ended, where that was not in order.
    """

    def __init__(
        self,
        journal: Journal,
        pulls: PullRows,
        log: ContractLog,
        associations: Associations = Associations(),  # noqa: B008 # frozen
        ending: Ending = Ending.UNKNOWN,
    ) -> None:
        self._ending = ending
        self._associations = associations
        self._journal = journal
        self._pulls = pulls
        self._log = log

    def take_up(self) -> None:
        """
        Charge the death of the former process, if it died, and continue its pulls; once, before any pull
        moves.
        """
        with self._journal.transaction():
            died = self._journal.meta(_ALIVE) == "1"
            moving = [pull for pull in self._pulls.unreported() if pull.job_state is SUBMITTED]
            self._journal.set_meta(_ALIVE, "1")
            charges = self._charges(moving) if died else {}
            for pull in moving:
                self._go_on(pull, charges.get(pull.request.pull_id))

    def _charges(self, moving: list[Pull]) -> dict[str, Charge]:
        """Note that Orthanc died; what each pull that moved is charged with, by its id."""
        self._note(moving)
        others = by_others([who for _, who in self._unexplained()], self._associations.connected)
        charges = charge(self._moved(moving), others, self._ending)
        self._count_seen(moving)
        return {one.pull_id: one for one in charges}

    def ends(self) -> None:
        """Orthanc ends in order: whatever happens to this process now is nobody's doing."""
        self._journal.set_meta(_ALIVE, "0")

    def state(self) -> dict[str, int]:
        """
        For health: ``deaths`` since the journal was made, and when the last was found, in epoch milliseconds
        (0: never).
        """
        return {
            "deaths": int(self._journal.meta(_DEATHS, "0")),
            "lastDeathAt": int(self._journal.meta(_LAST, "0")),
        }

    def _note(self, moving: list[Pull]) -> None:
        self._journal.set_meta(_DEATHS, str(int(self._journal.meta(_DEATHS, "0")) + 1))
        self._journal.set_meta(_LAST, str(now_ms()))
        suspect = not moving and self._ending is not Ending.KILLED
        if suspect:
            self._remember_unexplained()
        self._log.event(
            "orthanc_died", f"Orthanc died; {self._who(moving)}", level="ERROR" if suspect else "WARNING",
            ending=self._ending.value, pulls=[pull.request.pull_id for pull in moving],
            studies=[pull.request.study_uid for pull in moving],
            lastAssociations=list(self._associations.last),
        )  # fmt: skip

    def _moved(self, moving: list[Pull]) -> list[Moving]:
        """The pulls that moved, with what is known of the deaths before."""
        seen = self._seen()
        ids = [(pull.request.pull_id, pull.deaths) for pull in moving]
        return [Moving(pull_id, deaths, seen.get(pull_id, 0)) for pull_id, deaths in ids]

    def _count_seen(self, moving: list[Pull]) -> None:
        """For the next death; those from outside do not count."""
        if self._ending is Ending.KILLED:
            return
        open_pulls = {pull.request.pull_id for pull in self._pulls.unreported()}
        kept = {pull_id: number for pull_id, number in self._seen().items() if pull_id in open_pulls}
        for pull in moving:
            kept[pull.request.pull_id] = kept.get(pull.request.pull_id, 0) + 1
        self._journal.set_meta(_SEEN, as_text(kept))

    def _seen(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._journal.meta(_SEEN, "{}"))
        return found

    def _who(self, moving: list[Pull]) -> str:
        if self._ending is Ending.KILLED:
            return "killed from outside: nothing is charged with it"
        if moving:
            return "the pulls that moved are suspects"
        return "nothing was pulled: what was pushed last is suspect"

    def _remember_unexplained(self) -> None:
        known = [*self._unexplained(), (now_ms(), self._associations.connected)][-_MOST_UNEXPLAINED:]
        told = [[at, None if who is None else sorted(who)] for at, who in known]
        self._journal.set_meta(_UNEXPLAINED, as_text(told))

    def _unexplained(self) -> list[tuple[int, frozenset[str] | None]]:
        """Deaths of late while nothing moved, oldest first."""
        since = now_ms() - _RECENTLY_MS
        told = json.loads(self._journal.meta(_UNEXPLAINED, "[]"))
        return [(at, None if who is None else frozenset(who)) for at, who in told if at > since]

    def _go_on(self, pull: Pull, charged: Charge | None) -> None:
        pull_id = pull.request.pull_id
        if charged is not None and charged.why:
            self._set_aside(pull, charged.why)
        elif pull.conclusion is not None:
            self._pulls.ended(pull_id, now_ms(), "", None)  # all that matters had come
        else:
            self._pulls.again(pull_id, charged.deaths if charged is not None else None)

    def _set_aside(self, pull: Pull, why: str) -> None:
        failure = PullFailure(FailureKind.POISON, words=why)
        self._pulls.ended(pull.request.pull_id, now_ms(), why, None, failure)
        self._log.event(
            "pull_set_aside", f"a study is set aside: {why}; it is not pulled again by itself", level="ERROR",
            studyUID=pull.request.study_uid, pullID=pull.request.pull_id, pacs=pull.request.pacs,
        )  # fmt: skip
