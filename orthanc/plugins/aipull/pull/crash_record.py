"""
What a start finds of the run before: did it end in order, and if not, whose doing was it? (K8)

The journal says before the first pull moves that this process lives, and takes it back when Orthanc ends in
order. A process that finds the former one still alive in there knows that it died.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from pacs_module.domain.json_messages.pull_failure import FailureKind, PullFailure
from pacs_module.domain.pull.crash_blame import Charge, Ending, Moving, by_others, charge
from pacs_module.shared.logs import ContractLog

from ..journal.charges import Charged, ChargeRows
from ..journal.journal import Journal, as_text
from ..journal.pulls import SUBMITTED, Pull, PullRows
from ..runtime.clock import now_ms
from ..server.last_associations import Associations

_ALIVE = "alive"
_DEATHS = "deaths"
_LAST = "last_death_at"
_UNEXPLAINED = "unexplained_deaths"
"""JSON: of each its time in epoch milliseconds, and who was connected (null: nobody knows)."""
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
        on_taken_up: Called once its end is journaled.
    """

    def __init__(
        self,
        journal: Journal,
        pulls: PullRows,
        log: ContractLog,
        associations: Associations = Associations(),  # noqa: B008 # frozen
        ending: Ending = Ending.UNKNOWN,
        on_taken_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._ending = ending
        self._associations = associations
        self._journal = journal
        self._pulls = pulls
        self._log = log
        self._charged = ChargeRows(journal)
        self._on_taken_up = on_taken_up

    def take_up(self) -> None:
        """
        Charge the death of the former process, if it died, and continue its pulls; once, before any pull
        moves, and before the pulls of a lost index begin anew: they moved when it died.
        """
        with self._journal.transaction():
            died = self._journal.meta(_ALIVE) == "1"
            moving = [pull for pull in self._pulls.unreported() if pull.job_state is SUBMITTED]
            self._journal.set_meta(_ALIVE, "1")
            if died and not moving:
                self._note_death_between()
            charges = self._charges(moving) if died and moving else {}
            for pull in moving:
                self._go_on(pull, charges.get(pull.request.pull_id))
        self._on_taken_up()

    def _charges(self, moving: list[Pull]) -> dict[str, Charge]:
        """Note that Orthanc died; what each pull that moved is charged with, by its id."""
        self._note(moving)
        others = by_others([who for _, who in self._unexplained()], self._associations.connected)
        charges = charge(self._moved(moving), others, self._ending)
        found = {one.pull_id: one for one in charges}
        if self._ending is not Ending.KILLED:
            for pull in moving:
                self._count(pull, found[pull.request.pull_id])
        return found

    def _note_death_between(self) -> None:
        """
        Nothing moved. Images of a pull that was put back a moment before may have come all the same: it is
        not charged, for nobody knows, and the death excuses it of nothing.
        """
        nobody = self._associations.connected == frozenset()
        sent_on = [] if nobody else self._pulls.may_still_come()
        self._note(sent_on)
        for pull in sent_on:
            self._pulls.again(pull.request.pull_id, suspect=True)
            if self._ending is not Ending.KILLED:
                known = self._charged.of(pull.request.study_uid)
                self._charged.note(pull.request.study_uid, Charged(known.deaths, known.seen + 1), now_ms())

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
        found = [(pull.request.pull_id, self._charged.of(pull.request.study_uid)) for pull in moving]
        return [Moving(pull_id, charged.deaths, charged.seen) for pull_id, charged in found]

    def _count(self, pull: Pull, charge: Charge) -> None:
        """For the next death; those from outside do not count."""
        study = pull.request.study_uid
        seen = self._charged.of(study).seen + 1
        self._charged.note(study, Charged(charge.deaths, seen), now_ms())

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
            self._pulls.again(pull_id, suspect=charged is not None)

    def _set_aside(self, pull: Pull, why: str) -> None:
        failure = PullFailure(FailureKind.POISON, words=why)
        self._pulls.ended(pull.request.pull_id, now_ms(), why, None, failure)
        self._charged.forget(pull.request.study_uid)  # a person who asks again has it tried again
        self._log.event(
            "pull_set_aside", f"a study is set aside: {why}; it is not pulled again by itself", level="ERROR",
            studyUID=pull.request.study_uid, pullID=pull.request.pull_id, pacs=pull.request.pacs,
        )  # fmt: skip
