"""Wiring of the alarms: what is looked at, and by which channels they are told."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from ..adapters.files.report_folder import ReportFolder
from ..adapters.http.webhook import Webhook
from ..adapters.mail import Mail, MailServer
from ..adapters.queue.rabbitmq import RabbitQueue
from ..domain.alarm import checks
from ..domain.alarm.alarm import Alarm
from ..domain.alarm.checks import TREND_MS
from ..domain.errors import PermanentError, PipelineError
from ..domain.report_exchange.entry import EntryKind, EntryState
from ..domain.study.lifecycle import State
from ..domain.study.study import UPLOAD_STUCK
from ..settings.alarms import AlarmSettings, MailSettings, WebhookSettings
from ..use_cases.operate.tell_alarms import Send, TellAlarms
from .outages import stuck, waits_for
from .service import Service

ALARMS = "alarms"
ALARMS_S = 30.0
"""How often it is looked, in seconds."""
_SLOW_EVERY = 10
"""Looks that read many studies are made every so many steps."""


def tell_alarms(service: Service) -> TellAlarms:
    """The step of the service's loop."""
    told = service.settings.alarms
    return TellAlarms(
        look=Looks(service),
        channels=_channels(told),
        leases=service.leases,
        clock=service.clock,
        local=service.clock.local,
        log=service.log,
        hold_ms=int(told.hold_s * 1000),
        quiet=tuple(quiet.hours for quiet in told.quiet),
    )


def _channels(told: AlarmSettings) -> dict[str, Send]:
    channels: dict[str, Send] = {}
    page_url = told.page_url or ""
    if told.webhook is not None:
        channels["webhook"] = _webhook(told.webhook, told.site, page_url)
    if told.mail is not None:
        channels["mail"] = Mail(_server(told.mail), told.mail.sender, told.mail.to, told.site, page_url)
    return channels


def _webhook(hook: WebhookSettings, site: str, page_url: str) -> Webhook:
    return Webhook(hook.url, hook.key.get_secret_value(), site, page_url, str(hook.ca_file or ""))


def _server(mail: MailSettings) -> MailServer:
    password = mail.password.get_secret_value()
    return MailServer(mail.host, mail.port, mail.security, mail.username, password, str(mail.ca_file or ""))


class Looks:
    """What is wrong now, of everything that is looked at."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._queue = RabbitQueue(service.settings.rabbitmq.address)
        self._reports = ReportFolder(service.settings.reconcile_folder, service.settings.ages.reports)
        self._waiting: deque[tuple[int, int]] = deque()
        """When it was looked, and how many studies waited to be pulled."""
        self._step = 0
        self._of_studies: list[Alarm] = []

    def __call__(self) -> list[Alarm]:
        """All alarms that there are now; those of studies as of the last time that the store answered."""
        service, now = self._service, self._service.clock.now()
        limits = service.settings.alarms.limits
        self._ask_store(now)
        capped = [name for name, loop in service.find_loops.items() if loop.capped]
        return [
            *checks.away(waits_for(service), now, limits),
            *checks.stuck(stuck(service)),
            *checks.capped(capped),
            *checks.ram_disk(service.ram_disk.is_full()),
            *checks.dead_letters(self._dead_letters()),
            *checks.backlog(self._waiting, now, limits),
            *self._arriving(limits),
            *self._at_home(),
            *self._of_studies,
        ]

    def _arriving(self, limits: checks.Limits) -> list[Alarm]:
        """Of what the plugins tell about validation; while they are away that is the alarm."""
        try:
            told = self._service.quarantine.plugins.validation()
        except PipelineError:
            return []
        return [
            *checks.invalid_images(told), *checks.quarantine_full(told), *checks.arrivals(told, limits),
        ]  # fmt: skip

    def _at_home(self) -> list[Alarm]:
        """Our own SCP, our clock, and the disk on which uploads wait."""
        watches, made = self._service.watches, self._service.destinations
        waits = made.route.waits_for_room if made is not None else {}
        found = checks.uploads_wait(len(waits), next(iter(waits.values()), ""))
        if watches is None:
            return found
        return [*checks.silent_scp(watches.scp.silent), *checks.wrong_clock(watches.clock.wrong), *found]

    def _ask_store(self, now: int) -> None:
        """How many studies wait and, at every few steps, what is wrong with studies of today."""
        with contextlib.suppress(PipelineError):  # the loops that wait for the store tell its outage
            waiting = self._service.store.counts_by_state().get(State.META_ONLY.value, 0)
            self._remember_waiting(now, waiting)
            if self._step % _SLOW_EVERY == 0:
                self._of_studies = list(self._slow(now))
        self._step += 1

    def _slow(self, now: int) -> Iterator[Alarm]:
        service, limits = self._service, self._service.settings.alarms.limits
        local = datetime.fromtimestamp(now / 1000, service.settings.zone)
        today = service.store.of_day(local.date())
        yesterday = service.store.of_day(local.date() - timedelta(days=1))
        yield from checks.late_results([*today, *yesterday], now, limits)
        yield from checks.completeness(today, limits)
        rows = service.store.lists.rows_of_days(checks.days_to_compare(local, limits))
        yield from checks.silent_devices(rows, local, limits)
        yield from self._reconciled()
        if service.destinations is not None:
            yield from checks.stuck_uploads(service.store.count_due(UPLOAD_STUCK))
        ledger = service.exchange.ledger
        refused = sum(ledger.counts(kind).get(EntryState.REFUSED, 0) for kind in EntryKind)
        yield from checks.refused_entries(refused)

    def _reconciled(self) -> list[Alarm]:
        days = self._reports.days()
        try:
            report = self._reports.read(days[-1]) if days else None
        except PermanentError:  # the page tells of it, and the next night writes another
            return []
        number = report.get("missing") if report is not None else None
        return checks.missing(number, days[-1].isoformat()) if isinstance(number, int) else []

    def _dead_letters(self) -> int:
        try:
            return self._queue.dead_depth()
        except PipelineError:
            return 0  # RabbitMQ is away: that is the alarm

    def _remember_waiting(self, now: int, number: int) -> None:
        self._waiting.append((now, number))
        while self._waiting[0][0] < now - 2 * TREND_MS:
            self._waiting.popleft()
