"""Apply other rules while both processes run, go back, and say which are in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...domain.errors import ConfigurationError, PermanentError, PipelineError
from ...domain.instants import iso
from ...domain.rehearse.changes import between, changed, plain, read_change
from ...domain.rehearse.rule_history import RulesEntry, to_undo, undone
from ...domain.rules.read_switches import COMPANIONS, parse_switches
from ...domain.rules.site_file import with_block, without_block
from ...domain.rules.switches import NAMES, Switches
from ...ports import Clock, EventLog, Puller, SiteRules

VERSION = "RULES_VERSION"


@dataclass(frozen=True)
class RulesShown:
    """
    The rules in force.

    Args:
        version: In this process.
        number: RULES_VERSION of it.
        file: The site's file; empty: none.
        in_file: Version of what stands in the file: another one than ``version`` after an edit by hand that
            waits for a restart.
        plugins: Version in force in Orthanc; empty where it does not answer, or is an older one.
        differences: Each switch that differs from its default: both values.
        wrong: Why the file cannot be read; empty where it can.
    """

    version: str
    number: int
    file: str
    in_file: str = ""
    plugins: str = ""
    differences: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    wrong: str = ""


@dataclass
class ManageRules:
    """
    Changes the rules in the site's file; both processes notice it within a second or two.

    Args:
        site: The file and its history.
        in_force: The switches of this process.
        clock: For the history.
        log: Gets who applied what.
        puller: Says which rules the plugins have; None: they are not asked.
        on_applied: There is something new in the file.
    """

    site: SiteRules
    in_force: Callable[[], Switches]
    clock: Clock
    log: EventLog
    puller: Puller | None = None
    on_applied: Callable[[], object] = lambda: None

    def show(self) -> RulesShown:
        """What is in force, here and in the plugins."""
        now = self.in_force()
        in_file, wrong = self._in_file()
        return RulesShown(
            now.version,
            now.rules_version,
            self.site.where(),
            in_file,
            self._of_plugins(),
            _differences(now),
            wrong,
        )

    def _in_file(self) -> tuple[str, str]:
        """The version of what the site's file has, and what is wrong with the file."""
        if not self.site.where():
            return "", ""
        try:
            return self.site.switches_of(self.site.read()).version, ""
        except ConfigurationError as error:
            return "", str(error)

    def apply(self, changes: Sequence[str], by: str, why: str) -> RulesEntry:
        """
        Write changed rules into the site's file.

        Args:
            changes: As ``KEYWORDS+=THX``.
            by: Who.
            why: Why, for whoever reads the history.

        Raises:
            ConfigurationError: A change cannot be used, nothing changes, nobody says who and why, or the file
            cannot be written.
        """
        _check_who(by, why)
        with self.site.locked():
            text = self.site.read()
            now, history = self.site.switches_of(text), self.site.history()
            number = _next(now, history)
            then = replace(changed(now, [read_change(one) for one in changes]), rules_version=number)
            if not between(replace(now, rules_version=number), then):
                raise ConfigurationError("changes", list(changes), "a change of what is in the site's file")
            return self._write(text, now, then, RulesEntry(number, "", "", by, why, tuple(changes)))

    def undo(self, by: str, why: str) -> RulesEntry:
        """
        Go back to the rules before the newest change that stands.

        Raises:
            ConfigurationError: There is none, or as in :meth:`apply`.
        """
        _check_who(by, why)
        with self.site.locked():
            text, history = self.site.read(), self.site.history()
            last = to_undo(history)
            if last is None:
                raise ConfigurationError("undo", len(history), "a change that was applied and not taken back")
            base, now = self.site.switches_of(without_block(text)), self.site.switches_of(text)
            _check_none_lacks(last, now, history)
            number = _next(now, history)
            then = _over(base, {**last.before, VERSION: number})
            entry = RulesEntry(number, "", "", by, why, undone(last), last.number)
            return self._write(text, now, then, entry)

    def history(self) -> list[RulesEntry]:
        """What was applied, newest first."""
        return list(reversed(self.site.history()))

    def _write(self, text: str, now: Switches, then: Switches, entry: RulesEntry) -> RulesEntry:
        own = without_block(text)
        base = self.site.switches_of(own)
        before, values = _applied(base, now), _applied(base, then)
        at = iso(self.clock.now())
        headline = f"{entry.number}, {at} by {entry.by}: {entry.why}"
        written = with_block(own, {**values, VERSION: entry.number}, headline)
        if self.site.switches_of(written) != then:
            raise PermanentError("what was written does not say what was meant; the file stays as it is")
        entry = replace(entry, version=then.version, at=at, before=before, values=values)
        self.site.remember(entry)
        self.site.write(written)
        self._tell(entry)
        self.on_applied()
        return entry

    def _tell(self, entry: RulesEntry) -> None:
        self.log.event(
            "rules_applied",
            "rules are applied",
            version=entry.version,
            by=entry.by,
            why=entry.why,
            changes=list(entry.changes),
            undoes=entry.undoes,
        )

    def _of_plugins(self) -> str:
        if self.puller is None:
            return ""
        try:
            return str(self.puller.room().get("rules") or "")
        except PipelineError:
            return ""


def _check_who(by: str, why: str) -> None:
    for key, text in (("by", by), ("why", why)):
        if not text.strip():
            raise ConfigurationError(key, text, "who changes the rules and why: others will read it")


def _check_none_lacks(last: RulesEntry, now: Switches, history: Sequence[RulesEntry]) -> None:
    """A change whose line is damaged would be taken back with this one, without a word."""
    known = {entry.number for entry in history}
    since = range(last.number, max(now.rules_version, *known) + 1)
    lacking = [number for number in since if number not in known]
    if lacking:
        allowed = (
            "a history without gaps: the line of that change cannot be read; apply what you want instead"
        )
        raise ConfigurationError("undo", lacking[0], allowed)


def _next(now: Switches, history: Sequence[RulesEntry]) -> int:
    return max([now.rules_version, *(entry.number for entry in history)]) + 1


def _applied(base: Switches, then: Switches) -> dict[str, Any]:
    """
    What has to stand in the block. KEYWORDS alone would empty the lists beside them (``with_companions``), so
    that those are written, too.
    """
    values = {name: value for name, value in between(base, then).items() if name != VERSION}
    if "KEYWORDS" in values:
        values.update({name: plain(getattr(then, name.lower())) for name in COMPANIONS})
    return values


def _over(base: Switches, values: Mapping[str, object]) -> Switches:
    everything = {name: plain(getattr(base, name.lower())) for name in NAMES}
    return parse_switches({**everything, **values})


def _differences(now: Switches) -> dict[str, dict[str, object]]:
    """Each switch that differs from its default, with both values."""
    default, differences = Switches(), {}
    for name in NAMES:
        usual, here = getattr(default, name.lower()), getattr(now, name.lower())
        if name != VERSION and usual != here:
            differences[name] = {"default": plain(usual), "inForce": plain(here)}
    return differences
