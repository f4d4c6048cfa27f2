"""
The debug API for the eye: one page, made on the server, nothing loaded from anywhere, no script.

Whatever a PACS, a backend or a person wrote comes through :func:`_e`; markup is made here only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from .page_support.headers import ISOLATED
from .page_support.page_style import STYLE

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    **ISOLATED,
}
"""No script runs even if a value should get past the escaping; patients' data stay in no cache."""

NAMES = ("AccessionNumber", "StudyInstanceUID", "PatientID", "SeriesInstanceUID")
_TONES = {
    None: "quiet",
    "unsupported_series": "quiet",
    "cancelled": "quiet",
    "completed": "good",
    "done_by_hand": "good",
    "pull_failed": "bad",
    "dead_letter": "bad",
    "unpullable": "bad",
}


def story_page(answer: Mapping[str, Any], asked: Mapping[str, str], zone: ZoneInfo) -> str:
    """The page of an answer of the debug API; times in the hospital's zone."""
    studies: Sequence[Mapping[str, Any]] = answer.get("studies", ())
    parts = [_search(asked)]
    if "detail" in answer:
        parts.append(f'<section class="card"><h1>Not known here</h1><p>{_e(answer["detail"])}</p></section>')
        parts.append(_elsewhere(answer.get("pacs")))
    if len(studies) > 1:
        parts.append(_several(studies, zone))
    parts += [_story(study, zone, opened=len(studies) == 1) for study in studies]
    return _document(_title(studies), "".join(parts))


def _title(studies: Sequence[Mapping[str, Any]]) -> str:
    if len(studies) != 1:
        return "Where is it?"
    return _e(studies[0].get("accessionNumber") or studies[0]["studyUID"])


def message_page(title: str, words: str, asked: Mapping[str, str]) -> str:
    """A page that says one thing, under the search."""
    return _document(
        _e(title), f'{_search(asked)}<section class="card"><h1>{_e(title)}</h1><p>{_e(words)}</p></section>'
    )


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _search(asked: Mapping[str, str]) -> str:
    fields = "".join(
        f'<label>{name}<input name="{name}" value="{_e(asked.get(name, ""))}" spellcheck="false"></label>'
        for name in NAMES
    )
    query = urlencode({name: value for name, value in asked.items() if value})
    raw = f'<a href="?{_e(query)}&amp;format=json">JSON</a>' if query else ""
    return f'<form method="get" action="debug" class="search">{fields}<button>Look</button>{raw}</form>'


# --- one study ---


def _story(study: Mapping[str, Any], zone: ZoneInfo, opened: bool) -> str:
    body = _body(study, zone)
    uid = _e(study["studyUID"])
    if opened:
        return f'<article id="{uid}">{body}</article>'
    state = study.get("state") or "not wanted"
    label = _e(f"{study.get('accessionNumber', '')} {study.get('studyDate', '')} {state}")
    return f'<details class="card" id="{uid}"><summary>{label} <code>{uid}</code></summary>{body}</details>'


def _body(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    parts = (
        _head(study, zone),
        _way(study["stages"]),
        _next(study, zone),
        _series(study),
        _pulls(study, zone),
        _handovers(study, zone),
        _uploads(study, zone),
        _results(study, zone),
        _timeline(study, zone),
    )
    return "".join(parts)


def _head(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    state = study.get("state")
    tone = _TONES.get(state, "busy")
    facts = _facts_list(study)
    since = f" since {_time(study['since'], zone)}" if study.get("since") else ""
    return (
        f'<section class="card"><h1><span class="state {tone}">{_e(state or "not wanted")}</span>{since}</h1>'
        f'<p class="why">{_e(study.get("why", ""))}</p><dl>{facts}</dl>'
        f'<p class="uid"><code>{_e(study["studyUID"])}</code></p></section>'
    )


def _facts_list(study: Mapping[str, Any]) -> str:
    told = ((name, value) for name, value in _facts(study) if value)
    return "".join(f"<div><dt>{name}</dt><dd>{_e(value)}</dd></div>" for name, value in told)


def _facts(study: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    date = f"{study.get('studyDate', '')} {_clock(study.get('studyTime', ''))}".strip()
    return (
        ("accession", study.get("accessionNumber")),
        ("patient", study.get("patientID")),
        ("date", date),
        ("modality", " ".join(study.get("modality", ()))),
        ("description", _plain(study["description"])),
        ("at", _copies(study.get("pacs", {}))),
    )


def _copies(copies: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ({_count(copy.get('count'))})" for name, copy in copies.items())


def _way(stages: Mapping[str, Any]) -> str:
    def step(name: str) -> str:
        tone = "done" if name in stages["done"] else "now" if name == stages["now"] else "ahead"
        return f'<li class="{tone}">{_e(name)}</li>'

    return f'<ol class="way">{"".join(step(name) for name in stages["all"])}</ol>'


def _next(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    step = study["next"]
    waits = "".join(f"<p>{_e(words)}</p>" for words in step.get("waitsFor", ()))
    return (
        '<section class="card next"><h2>What happens '
        f"next</h2><p>{_e(step['what'])}{_when(step, zone)}</p>{waits}</section>"
    )


def _series(study: Mapping[str, Any]) -> str:
    heads = ("series", "modality", "description", "what became of it", "ours / PACS", "because", "judged at")
    return _table("Series", heads, [_series_row(uid, one) for uid, one in study.get("series", {}).items()])


def _series_row(uid: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"<code>{_e(uid)}</code>",
        _e(one.get("modality", "")),
        _text(one["description"]),
        _standing(one["standing"]),
        f"{_count(one.get('received'))} / {_count(one.get('inPacs'))}",
        _e(one["reason"]),
        _e(one.get("stage", "")),
    )


def _pulls(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    newest = [study["pull"]] if study.get("pull") else []
    pulls = {pull["request"]["pullID"]: pull for pull in (*study.get("pulls", ()), *newest)}
    heads = ("asked", "attempt", "from", "outcome", "received / expected", "completeness", "s", "job")
    return _table("Pulls", heads, [_pull_row(pull, zone) for pull in pulls.values()])


def _pull_row(pull: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    request, seconds = pull["request"], pull.get("moveSeconds")
    return (
        _time(pull["askedAt"], zone),
        _e(pull["attempt"]),
        _e(f"{request['pacs']}, {request.get('level', '')}"),
        _e(pull.get("outcome") or pull.get("status", "")),
        f"{_count(pull.get('received'))} / {_count(request.get('expected'))}",
        _e(pull.get("completeness", "")),
        "" if seconds is None else f"{seconds:.2f}",
        f"<code>{_e(pull.get('jobID', ''))}</code>",
    )


def _handovers(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    heads = ("handed over", "images", "completeness", "stands", "tries to deliver", "result", "folder")
    return _table("Hand-overs", heads, [_handover_row(item, zone) for item in study.get("handovers", ())])


def _uploads(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    uploads = study.get("uploads", ())
    if not uploads:
        return ""
    heads = ("destination", "state", "because", "why", "images", "tries to upload")
    return _table("Destinations", heads, [_upload_row(item, zone) for item in uploads])


def _upload_row(item: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return (
        _e(item["destination"]),
        _e(item["state"]),
        _e(item.get("because", "")),
        _e(item.get("reason", "")),
        _e(item.get("files") or ""),
        "<br>".join(_try(one, zone) for one in item.get("tries", ())),
    )


def _results(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    heads = ("came", "how", "modality", "objects", "series")
    rows = [_result_row(one, zone) for one in study.get("results", ())]
    refused = [
        (_time(one["at"], zone), "refused", "", _e(one["why"]), f"<code>{_e(one['sopUID'])}</code>")
        for one in study.get("refusedResults", ())
    ]
    return _table("Results as DICOM objects", heads, [*rows, *refused])


def _result_row(one: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return (
        _time(one["receivedAt"], zone),
        _e(one["by"]),
        _e(one["modality"]),
        _e(len(one.get("objects", ()))),
        f"<code>{_e(one['seriesUID'])}</code>",
    )


def _handover_row(item: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return (
        f"{_time(item['receivedAt'], zone)}<br><code>{_e(item['handoverID'])}</code>",
        _e(item["numberReceived"]),
        _e(item.get("completeness", "")),
        _e(item.get("messageState", "")),
        "<br>".join(_try(one, zone) for one in item.get("tries", ())),
        _result(item),
        f"<code>{_e(item['filepath'])}</code>",
    )


def _try(one: Mapping[str, Any], zone: ZoneInfo) -> str:
    words = f"<span class=quiet>{_e(one.get('words', ''))}</span>"
    return f"{_time(one['at'], zone)} {_e(one['outcome'])} {words}"


def _result(item: Mapping[str, Any]) -> str:
    result = _e(item.get("result", ""))
    if item.get("resultMessage"):
        result += f"<br>{_e(item['resultMessage'])}"
    values = ", ".join(f"{name} {value}" for name, value in item.get("resultValues", {}).items())
    return f"{result}<br>{_e(values)}"


def _timeline(study: Mapping[str, Any], zone: ZoneInfo) -> str:
    rows = [
        (
            _time(one["at"], zone),
            f'<span class="kind {_e(one["kind"])}">{_e(one["kind"])}</span>',
            _e(one["what"]),
            _e(one.get("detail", "")),
            _e(one.get("by", "")),
        )
        for one in study.get("timeline", ())
    ]
    return _table("Everything that happened", ("when", "", "what", "why, with which values", "by"), rows)


# --- several, none ---


def _several(studies: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    heads = ("study", "accession", "patient", "date", "modality", "state", "next")
    return _table(f"{len(studies)} studies", heads, [_study_row(study, zone) for study in studies])


def _study_row(study: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    uid = study["studyUID"]
    return (
        f'<a href="?{_e(urlencode({"StudyInstanceUID": uid}))}"><code>{_e(uid)}</code></a>',
        _e(study.get("accessionNumber", "")),
        _e(study.get("patientID", "")),
        _e(study.get("studyDate", "")),
        _e(" ".join(study.get("modality", ()))),
        _e(study.get("state") or "not wanted"),
        _e(study["next"]["what"]) + _when(study["next"], zone),
    )


def _elsewhere(by_pacs: Mapping[str, Any] | None) -> str:
    parts = []
    for pacs, told in (by_pacs or {}).items():
        words = told.get("error") or ("" if told["studies"] else "has no such study")
        said = f"<p>{_e(words)}</p>" if words else ""
        studies = "".join(map(_there, told["studies"]))
        parts.append(f'<section class="card"><h2>{_e(pacs)}</h2>{said}{studies}</section>')
    return "".join(parts)


def _there(study: Mapping[str, Any]) -> str:
    heads = ("series", "modality", "description", "instances", "verdict", "because")
    table = _table("", heads, [_there_row(one) for one in study["series"]])
    count = "no count told" if study["instances"] is None else f"{study['instances']} instances"
    named = f"{study['studyDate']} {' '.join(study['modality'])} {study['studyDescription']}, {count}"
    return f"<h3>{_e(study['would'])}</h3><p>{_e(named)} <code>{_e(study['studyUID'])}</code></p>{table}"


def _there_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"<code>{_e(one['seriesUID'])}</code>",
        _e(one["modality"]),
        _e(one["seriesDescription"]),
        _count(one["instances"]),
        _verdict(bool(one["taken"])),
        _e(one["because"]),
    )


# --- pieces ---


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are markup already; nothing without rows."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f"<th>{_e(name)}</th>" for name in heads)
    caption = f"<h2>{_e(title)}</h2>" if title else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<section class="card">{caption}<div class="wide">{table}</div></section>'


def _when(step: Mapping[str, Any], zone: ZoneInfo) -> str:
    return (
        f" <strong>{_time(step['at'], zone)}</strong> (in {_e(step['inSeconds'])} s)"
        if step.get("at")
        else ""
    )


def _verdict(taken: bool) -> str:
    return '<span class="good">taken</span>' if taken else '<span class="bad">filtered</span>'


_STANDINGS = {"handed over": "good", "taken": "good", "kept back": "quiet"}


def _standing(words: str) -> str:
    return f'<span class="{_STANDINGS.get(words, "bad")}">{_e(words)}</span>'


def _text(told: Mapping[str, str]) -> str:
    """A text of the PACS; where it arrived damaged, how it arrived."""
    if "raw" not in told:
        return _e(told["text"])
    return (
        f'{_e(told["text"])} <span class="quiet" title="{_e(told["bytes"])}">arrived as '
        f"{_e(told['raw'])}</span>"
    )


def _plain(told: Mapping[str, str]) -> str:
    return told["text"] if "raw" not in told else f"{told['text']} (arrived as {told['raw']})"


def _count(value: object) -> str:
    return "–" if value is None else _e(value)


def _clock(text: str) -> str:
    return f"{text[:2]}:{text[2:4]}:{text[4:6]}" if len(text) == len("HHMMSS") else text


def _time(text: str, zone: ZoneInfo) -> str:
    """An instant of the document (ISO 8601, UTC) on the hospital's clock; whatever it is when it is none."""
    try:
        local = datetime.fromisoformat(text).astimezone(zone)
    except ValueError:
        return _e(text)
    return f'<time datetime="{_e(text)}">{local:%Y-%m-%d %H:%M:%S}</time>'


def _e(value: object) -> str:
    return escape(str(value).encode("utf-8", "backslashreplace").decode("utf-8"), quote=True)
