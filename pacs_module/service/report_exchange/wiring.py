"""Wiring of what is exchanged beside images: reports and quality records (E7, E8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from ...adapters.report_exchange.ledger import ledger_of
from ...adapters.report_exchange.mllp import MllpClient, MllpServer
from ...adapters.report_exchange.platform import HttpPlatform
from ...adapters.report_exchange.ris_reports import to_fhir, to_folder, to_mllp
from ...domain.errors import ConfigurationError
from ...domain.report_exchange.entry import EntryKind, Taken
from ...domain.report_exchange.report import Report
from ...ports import Clock, EventLog, Ledger, Recipient, ReportView, StudyStore
from ...settings import Settings
from ...settings.ris import ReportViewSettings, RisDeliverySettings
from ...settings.section import retry_policy
from ...settings.servers import PlatformSettings
from ...use_cases.recover.lease_holder import LeaseHolder
from ...use_cases.report_exchange.compare_reports import CompareReports
from ...use_cases.report_exchange.send_entries import SendEntries
from ...use_cases.report_exchange.take_entries import TakeEntries

NO_END = 2**31
"""Tries: what waits is sent until it is taken."""


@dataclass
class Exchange:
    """
    Reports and quality records of one process.

    ``senders`` has a step for each kind that has somebody to send to; ``compare`` is None without a platform.
    """

    ledger: Ledger
    take: TakeEntries
    today: Callable[[], date]
    keep: timedelta
    senders: dict[EntryKind, SendEntries] = field(default_factory=dict)
    compare: CompareReports | None = None
    listener: Listener | None = None

    def take_report(self, report: Report, source: str) -> Taken:
        """Keep a report."""
        return self.take(report.content(source))

    def purge(self) -> bool:
        """Drop what was sent long ago."""
        before = (self.today() - self.keep).isoformat()
        for kind in EntryKind:
            self.ledger.purge(kind, before)
        return False


@dataclass
class Listener:
    """The step that keeps the MLLP server listening; ``make`` makes one that does not listen yet."""

    make: Callable[[], MllpServer]
    server: MllpServer | None = None

    def __call__(self) -> bool:
        """Start it if it does not listen."""
        if self.server is None:
            server = self.make()
            server.start()
            self.server = server
        return False

    def stop(self) -> None:
        """Close its connections."""
        if self.server is not None:
            self.server.stop()
            self.server = None


def exchange_of(
    settings: Settings,
    store: StudyStore,
    leases: LeaseHolder,
    clock: Clock,
    today: Callable[[], date],
    log: EventLog,
) -> Exchange:
    """
    Wire it; nothing is opened yet.

    Raises:
        ConfigurationError: The view's URL cannot be used.
    """
    ledger = ledger_of(store)
    take = TakeEntries(ledger, clock, log)
    exchange = Exchange(ledger, take, today, timedelta(days=settings.ages.ledger))
    new = partial(SendEntries, ledger=ledger, leases=leases, clock=clock, log=log)
    if settings.platform is not None:
        told = settings.platform
        platform, policy = _platform(told), retry_policy(NO_END, told.first_pause_s, told.longest_pause_s)
        for kind in (EntryKind.REPORT, EntryKind.QUALITY):
            exchange.senders[kind] = new(kind, platform, policy=policy, batch=told.batch)
        send = exchange.senders[EntryKind.REPORT]
        view = _view(settings.reports.view)
        exchange.compare = CompareReports(ledger, take, send, platform, view, leases, today, clock, log)
    if settings.reports.to_ris is not None:
        ris = settings.reports.to_ris
        policy = retry_policy(NO_END, ris.first_pause_s, ris.longest_pause_s)
        kind = EntryKind.CENTRE_REPORT
        exchange.senders[kind] = new(kind, _ris(ris), policy=policy, batch=1)
    if settings.reports.mllp is not None:
        mllp = settings.reports.mllp
        make = partial(MllpServer, mllp.host, mllp.port, mllp.allowed, exchange.take_report, log)
        exchange.listener = Listener(make)
    return exchange


def _platform(told: PlatformSettings) -> HttpPlatform:
    return HttpPlatform(
        told.url, told.hospital, told.key.get_secret_value(), str(told.ca_file or ""), told.timeout_s
    )


def _view(told: ReportViewSettings | None) -> ReportView | None:
    if told is None:
        return None
    # Here: SQLAlchemy makes a good part of a start, and only a site with such a view needs it.
    from ...adapters.report_exchange.report_view import ReportColumns, SqlReportView

    columns = ReportColumns(**told.columns.model_dump())
    return SqlReportView(
        told.url.get_secret_value(), told.view, columns, told.statuses, told.day_format, told.timeout_s
    )


def _ris(told: RisDeliverySettings) -> Recipient:
    authorities = str(told.ca_file or "")
    if told.kind == "folder" and told.folder is not None:
        return to_folder(told.folder, told.form)
    if told.kind == "mllp":
        return to_mllp(MllpClient(told.host, told.port, authorities, told.timeout_s))
    if told.url is not None:
        return to_fhir(told.url, told.key.get_secret_value(), authorities, told.timeout_s)
    raise ConfigurationError("reports.to_ris.kind", told.kind, "folder, mllp or fhir")
