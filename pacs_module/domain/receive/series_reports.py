"""The report on every series of a study: verdict, images, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..json_messages.messages import PullRequest, SeriesOutcome, SeriesReport
from ..rules.choice import Choice
from ..rules.read_attributes import kept
from ..rules.verdict import Verdict
from .completeness import Expectations
from .decision import FAILED, MISSING_RULE, NOTHING_NEW, RECEIVED, SHORT_OUTCOME, UNREADABLE, Decision
from .judged import Judged


def series_reports(
    counts: Mapping[str, int],
    judged: Mapping[str, Judged],
    request: PullRequest | None,
    expected: Expectations,
    decision: Decision | None = None,
    set_aside: Mapping[str, str] | None = None,
) -> tuple[SeriesReport, ...]:
    """
    A report for every series: those here, those dropped at find and those that were announced and did not
    come.

    Args:
        counts: Images here by SeriesInstanceUID.
        judged: The series with their verdicts.
        request: The pull.
        expected: What the PACS announced.
        decision: What became of the study; None: nothing was decided yet.
        set_aside: Series of which all images were left out, with the reason.
    """
    at_find, aside = (request.filtered if request else {}), set_aside or {}
    uids = sorted({*counts, *judged, *at_find, *expected.series, *expected.uncounted, *aside})
    reports = []
    for uid in uids:
        report = _report(uid, counts.get(uid, 0), judged.get(uid), at_find.get(uid), expected.series.get(uid))
        outcome, why = _outcome(report, decision, aside.get(uid, ""))
        reports.append(replace(report, outcome=outcome, outcome_why=why))
    return tuple(reports)


def with_headers(reports: Sequence[SeriesReport], judged: Mapping[str, Judged]) -> tuple[SeriesReport, ...]:
    """The reports with what each series was judged by, for whoever records it."""
    return tuple(
        replace(
            report,
            attributes=kept(judged[report.series_uid].facts.attributes),
            instances=judged[report.series_uid].facts.instances,
        )
        if report.series_uid in judged
        else report
        for report in reports
    )


def with_late_series(
    concluded: Sequence[SeriesReport], now: Sequence[SeriesReport]
) -> tuple[SeriesReport, ...]:
    """
    The reports of a study that was concluded while images still came, with the true verdict on what came
    since.

    Args:
        concluded: As they were.
        now: Of what is here now.
    """
    before = {report.series_uid: report for report in concluded}
    reports = [_late(before.get(report.series_uid), report) for report in now]
    absent = before.keys() - {report.series_uid for report in now}
    return (*reports, *(before[uid] for uid in sorted(absent)))


def _late(old: SeriesReport | None, report: SeriesReport) -> SeriesReport:
    """One report as it was, with what is here now; the true one of a series that came since."""
    if old is not None and old.rule != MISSING_RULE:
        received = max(report.received, old.received)
        return replace(old, received=received, in_pacs=report.in_pacs or old.in_pacs)
    if report.outcome:
        return report
    return replace(report, outcome=SeriesOutcome.KEPT_BACK, outcome_why="it came after the choice")


def _outcome(report: SeriesReport, decision: Decision | None, set_aside: str) -> tuple[str, str]:
    """What became of a series, and why."""
    if set_aside and not report.received:
        return SeriesOutcome.SET_ASIDE, set_aside
    if report.rule == MISSING_RULE:
        return SeriesOutcome.MISSING, report.because
    if not report.taken:
        return SeriesOutcome.FILTERED, report.because
    if decision is None or decision.outcome in (SHORT_OUTCOME, FAILED):
        return "", ""
    if decision.choice is None:  # held back whole
        return SeriesOutcome.KEPT_BACK, decision.why
    return _outcome_of_choice(report.series_uid, decision, decision.choice)


def _outcome_of_choice(series_uid: str, decision: Decision, choice: Choice) -> tuple[str, str]:
    chosen = any(one.series_uid == series_uid for one in choice.series)
    if chosen and decision.outcome == RECEIVED:
        return SeriesOutcome.HANDED_OVER, choice.why
    if series_uid in decision.before:
        return SeriesOutcome.HANDED_OVER, f"before, and nothing new since: {decision.why}"
    nothing_new = decision.why if decision.outcome == NOTHING_NEW else ""
    return SeriesOutcome.KEPT_BACK, decision.kept_back.get(series_uid, nothing_new)


def _report(
    uid: str, received: int, judged: Judged | None, at_find: Verdict | None, in_pacs: int | None
) -> SeriesReport:
    if judged is None:
        return _report_unjudged(uid, received, at_find, in_pacs)
    verdict = judged.verdict
    return SeriesReport(
        series_uid=uid,
        taken=verdict.taken,
        rule=verdict.rule,
        because=verdict.because,
        received=received,
        in_pacs=in_pacs,
        modality=judged.facts.modality,
        series_description=judged.facts.text("SeriesDescription"),
        verdict=verdict,
        stage="find" if judged.at_find else "reception",
    )


def _report_unjudged(uid: str, received: int, at_find: Verdict | None, in_pacs: int | None) -> SeriesReport:
    """Of a series that the find dropped, whose images cannot be read, or that did not come."""
    if at_find is not None:
        verdict, stage = at_find, "find"
    elif received:
        verdict, stage = UNREADABLE, "reception"
    else:
        verdict, stage = Verdict(False, MISSING_RULE, "", "no image came"), ""
    because = verdict.because
    return SeriesReport(uid, False, verdict.rule, because, received, in_pacs, verdict=verdict, stage=stage)
