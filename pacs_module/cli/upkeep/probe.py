"""``pacs-module probe``: what can this PACS do, and which settings does it need?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as Words

from ...domain.errors import ConfigurationError
from ...domain.probe import Finding, Recommendation, Verdict
from ...service.finders import peer_of
from ...settings import SETTINGS_FILE, PacsSettings, Settings, load_settings
from ...settings.profiles import PROFILES, Profile, write_profile
from ...use_cases.probe.probe_pacs import MOST_QUERIES, Probed, ProbePacs
from ...use_cases.probe.questions.client import MoveTest

if TYPE_CHECKING:  # pynetdicom takes a while to import, and the other commands need none of it
    from ...adapters.dicom.find_scu import Peer

_STYLES = {Verdict.YES: "green", Verdict.NO: "red", Verdict.PARTLY: "yellow", Verdict.NOT_TOLD: "dim"}
_WIDTH = 150
_MODEL = "model."


@dataclass(frozen=True)
class _Target:
    """Whom to ask, and where things lie; ``settings`` None: all came from the command line."""

    name: str
    peer: Peer
    today: date
    folder: Path
    settings: Settings | None


def probe(
    pacs: Annotated[str, typer.Argument(help="Name of the PACS in the settings.")] = "",
    host: Annotated[str, typer.Option(help="Host of the PACS; over the settings.")] = "",
    port: Annotated[
        int, typer.Option(help="DICOM port of the PACS; 0: as in the settings, else 104.", min=0, max=65535)
    ] = 0,
    aet: Annotated[str, typer.Option(help="AE title of the PACS.")] = "",
    calling_aet: Annotated[str, typer.Option(help="Our AE title, as the PACS knows it.")] = "",
    day: Annotated[
        str, typer.Option("--date", help="A busy day, YYYY-MM-DD; default: the probe looks for one.")
    ] = "",
    queries: Annotated[int, typer.Option(help="At most so many queries.", min=10, max=1000)] = MOST_QUERIES,
    pause: Annotated[float, typer.Option(help="Seconds between two queries.", min=0)] = 0.2,
    timeout: Annotated[float, typer.Option(help="Seconds that one query may take.", min=0.1)] = 60.0,
    move: Annotated[bool, typer.Option("--move", help="Move one small series to us, too.")] = False,
    listen: Annotated[
        int,
        typer.Option(
            help="Port to receive it at, where the PACS sends for our AE title; 0: Orthanc takes it."
        ),
    ] = 0,
    write: Annotated[bool, typer.Option("--write/--no-write", help="Write the profile.")] = True,
    profile: Annotated[
        Path | None, typer.Option(help=f"The profile; default: {PROFILES}/NAME.toml beside the settings.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", "-s", envvar=SETTINGS_FILE, help="TOML file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """
    Ask one PACS what it can do, gently, and write what the pipeline should know of it.

    Examples: [bold]pacs-module probe HOSPITAL-PACS[/bold] · [bold]pacs-module probe --host 192.168.1.150
    --port 104 --aet GEPACS --calling-aet AIPULL --date 2026-11-20[/bold]
    """
    from ...adapters.dicom.find_scu import Peer

    target = _target(pacs, settings, Peer(host, port, aet, calling_aet))
    asking = _asking(target, queries, pause, timeout)
    with _move_test(target, move, listen) as test:
        probed = asking(target.today, _day(day), test)
    where = None
    if write and _found_studies(probed):
        where = profile or target.folder / f"{target.name}.toml"
        write_profile(where, _profile(target, probed))
    if as_json:
        typer.echo(json.dumps(_as_json(target, probed, where), ensure_ascii=False, indent=1))
    else:
        _print(Console(width=_WIDTH, highlight=False), target, probed, where)
    if probed.findings["echo"].verdict is Verdict.NO:
        raise typer.Exit(1)


def _found_studies(probed: Probed) -> bool:
    """Whether the PACS showed studies; a profile of one that did not would say nothing true of it."""
    content = probed.findings.get("content")
    return content is not None and content.verdict is not Verdict.NO


def _asking(target: _Target, queries: int, pause: float, timeout: float) -> ProbePacs:
    """The probe of this target, which says on standard error what it asks."""
    from ...adapters.dicom.probe import DicomProbe

    said = Console(stderr=True)
    who = f"asking {target.peer} as {target.peer.calling_ae_title}"
    _line(said, f"{who}: at most {queries} queries, {pause:g} s apart")
    return ProbePacs(
        asker=DicomProbe(target.peer, timeout),
        pause=lambda: time.sleep(pause),
        now=time.monotonic,
        most_queries=queries,
        say=lambda text: _line(said, f"  {text}", "dim"),
    )


def _target(name: str, file: Path | None, given: Peer) -> _Target:
    if not name and not (given.host and given.ae_title):
        raise ConfigurationError("PACS", name, "a name from the settings, or --host and --aet")
    settings = load_settings(file) if name else None
    known = _known(settings, name) if settings else PacsSettings(name="PACS")
    peer = _given_or_known(given, known)
    if not (peer.host and peer.ae_title):
        needed = "with host, port and ae_title in the settings (or --host, --port, --aet)"
        raise ConfigurationError("PACS", name, needed)
    today = datetime.now(settings.zone if settings else None).date()
    return _Target(name or peer.ae_title, peer, today, (file.parent if file else Path()) / PROFILES, settings)


def _known(settings: Settings, name: str) -> PacsSettings:
    for pacs in settings.pacs:
        if pacs.name == name:
            return pacs
    raise ConfigurationError("PACS", name, f"one of {', '.join(pacs.name for pacs in settings.pacs)}")


def _given_or_known(given: Peer, known: PacsSettings) -> Peer:
    """Options of the command line win over the settings."""
    return replace(
        given,
        host=given.host or known.host,
        port=given.port or known.port,
        ae_title=given.ae_title or known.ae_title,
        calling_ae_title=given.calling_ae_title or known.calling_ae_title,
        tls=peer_of(known).tls,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ConfigurationError("--date", text, "a date, YYYY-MM-DD") from None


@contextmanager
def _move_test(target: _Target, move: bool, listen: int) -> Iterator[MoveTest | None]:
    from ...adapters.dicom.probe import OrthancReceiver, Receiver

    destination = target.peer.calling_ae_title
    if not move:
        yield None
    elif listen:
        with Receiver(destination, listen) as receiver:
            senders = partial(receiver.senders_beside, target.peer)
            yield MoveTest(destination, lambda series: receiver.received(), lambda series: senders())
    elif target.settings:
        orthanc = target.settings.orthanc
        password = orthanc.password.get_secret_value()
        receiving = OrthancReceiver(orthanc.url, orthanc.username, password, orthanc.timeout_s)
        yield MoveTest(destination, receiving.received)
    else:
        needed = "together with --listen PORT, or with settings that name the receiving Orthanc"
        raise ConfigurationError("--move", "", needed)


def _profile(target: _Target, probed: Probed) -> Profile:
    return Profile(
        name=target.name,
        host=target.peer.host,
        port=target.peer.port,
        ae_title=target.peer.ae_title,
        calling_ae_title=target.peer.calling_ae_title,
        probed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        findings=tuple(probed.findings.values()),
        recommendations=probed.recommendations,
    )


def _as_json(target: _Target, probed: Probed, where: Path | None) -> dict[str, Any]:
    return {
        "pacs": target.name,
        "host": target.peer.host,
        "port": target.peer.port,
        "aeTitle": target.peer.ae_title,
        "callingAeTitle": target.peer.calling_ae_title,
        "day": probed.day.isoformat() if probed.day else None,
        "queries": probed.queries,
        "mostQueries": probed.most_queries,
        "seconds": round(probed.seconds, 1),
        "findings": [asdict(finding) for finding in probed.findings.values()],
        "recommendations": [asdict(each) for each in probed.recommendations],
        "profile": str(where) if where else None,
    }


def _line(where: Console, text: str, style: str = "") -> None:
    where.print(Words(text, style), soft_wrap=True)


def _print(console: Console, target: _Target, probed: Probed, where: Path | None) -> None:
    day = probed.day.isoformat() if probed.day else "none"
    _line(console, f"{target.name}: {target.peer} as {target.peer.calling_ae_title}; asked about {day}")
    _line(console, f"{probed.queries} queries of at most {probed.most_queries}, {probed.seconds:.1f} s")
    console.print(_findings_table(list(probed.findings.values())))
    console.print(_recommendations_table(probed.recommendations))
    _line(console, f"profile: {where} ({_TAKEN})" if where else "no profile written")


_TAKEN = "the pipeline takes the [[pacs]] settings from it that the site did not set itself"


def _findings_table(findings: Sequence[Finding]) -> Table:
    table = Table("", "what", "finding", "asked", "came", title="what it can do", title_justify="left")
    models = [each for each in findings if each.key.startswith(_MODEL)]
    for finding in findings:
        if finding in models:
            continue
        table.add_row(*_finding_row(finding))
        if finding.key == "echo" and models:
            table.add_row(*_models_row(models))
    return table


def _models_row(models: Sequence[Finding]) -> tuple[Words, ...]:
    """All presentation contexts in one row."""
    accepted = [model.key.removeprefix(_MODEL) for model in models if model.value]
    refused = [model.key.removeprefix(_MODEL) for model in models if not model.value]
    words = f"accepted: {', '.join(accepted) or 'none'}"
    words += f"; not: {', '.join(refused)}" if refused else ""
    verdict = _models_verdict(bool(accepted), bool(refused))
    cells = ("models", words, "presentation contexts", f"{len(models)} offered")
    return (Words(str(verdict), _STYLES[verdict]), *map(Words, cells))


def _models_verdict(accepted: bool, refused: bool) -> Verdict:
    if not accepted:
        return Verdict.NO
    return Verdict.PARTLY if refused else Verdict.YES


def _finding_row(finding: Finding) -> tuple[Words, ...]:
    style = _STYLES[finding.verdict]
    cells = (finding.key, finding.words, finding.asked, finding.came)
    return (Words(str(finding.verdict), style), *(Words(cell) for cell in cells))


def _recommendations_table(recommendations: Sequence[Recommendation]) -> Table:
    table = Table("setting", "where", "recommended", "because", title="recommended", title_justify="left")
    for each in recommendations:
        table.add_row(*_recommendation_row(each))
    return table


def _recommendation_row(each: Recommendation) -> tuple[Words, ...]:
    value = Words("as it is", "dim") if each.value is None else Words(_shown(each.value), "bold")
    return Words(each.setting), Words(str(each.place)), value, Words(each.why)


def _shown(value: object) -> str:
    return json.dumps(value) if not isinstance(value, str) else value
