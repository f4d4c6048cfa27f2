"""
The sentences of the code that people read on pages, as message ids: the words stay, each value becomes a
placeholder in braces.

Collected from the syntax tree of the modules that say why something is as it is, so that a new sentence needs
no list: the test of the catalogues asks for its translation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAY_WHY = (
    "orthanc/plugins/aipull/receive",
    "orthanc/plugins/aipull/pull/c_move.py",
    "pacs_module/adapters/dicom/find_scu.py",
    "pacs_module/adapters/dicom/orthanc_finder.py",
    "pacs_module/adapters/report_exchange/mllp.py",
    "pacs_module/adapters/report_exchange/platform.py",
    "pacs_module/adapters/http/backend.py",
    "pacs_module/adapters/http/images.py",
    "pacs_module/adapters/http/plugins.py",
    "pacs_module/adapters/queue/rabbitmq.py",
    "pacs_module/domain/deliver/anonymised.py",
    "pacs_module/domain/rehearse/rule_history.py",
    "pacs_module/domain/rehearse/rehearse.py",
    "pacs_module/domain/errors.py",
    "pacs_module/domain/explain/outages.py",
    "pacs_module/domain/explain/series_story.py",
    "pacs_module/domain/explain/story.py",
    "pacs_module/domain/explain/timeline.py",
    "pacs_module/domain/find",
    "pacs_module/domain/growing_study",
    "pacs_module/domain/probe",
    "pacs_module/domain/pull",
    "pacs_module/domain/receive",
    "pacs_module/domain/reconcile/compare.py",
    "pacs_module/domain/reconcile/counts.py",
    "pacs_module/domain/series_agreement/agreement.py",
    "pacs_module/domain/rules/choice.py",
    "pacs_module/domain/rules/filters.py",
    "pacs_module/domain/rules/reasons.py",
    "pacs_module/domain/study/growth_checks.py",
    "pacs_module/domain/results/judge_result_object.py",
    "pacs_module/domain/upload",
    "pacs_module/service/outages.py",
    "pacs_module/shared/http.py",
    "pacs_module/use_cases/deliver",
    "pacs_module/use_cases/find",
    "pacs_module/use_cases/operate/manual_pull.py",
    "pacs_module/use_cases/operate/manual_work.py",
    "pacs_module/use_cases/probe",
    "pacs_module/use_cases/pull",
    "pacs_module/use_cases/receive",
    "pacs_module/use_cases/reconcile/repair.py",
    "pacs_module/use_cases/recover/adopt.py",
    "pacs_module/use_cases/recover/free_claims.py",
    "pacs_module/use_cases/recover/retry_path_failures.py",
    "pacs_module/use_cases/rehearse/pull_newly_taken.py",
    "pacs_module/use_cases/results/render.py",
    "pacs_module/use_cases/show/reconciliation.py",
    "pacs_module/use_cases/results/take.py",
    "pacs_module/use_cases/upload",
    "pacs_module/adapters/upload",
    "pacs_module/web/request_guard/guard.py",
    "pacs_module/web/pages",
    "pacs_module/web/page_support",
)
"""Modules and folders whose sentences come onto a page."""
_NOT_FOR_PAGES = frozenset(
    {
        "event",
        "debug",
        "line",
        "ConfigurationError",
        "MessageError",
        "PermanentError",
        "StateTable",
        "find_refused",
    }
)
"""Calls whose words go to a log, or to whoever asked, in English."""
NOT_SHOWN = frozenset(
    {
        'attachment; filename="quality-{value}-{value2}.{kind}"',
        "private, max-age={PICTURE_S}",
        "{name}.toml",
        "{template}.html",
        "{hex}.dcm",
        "{kind}.dcm",
        "{value}.dcm",
        "Destinations beside the backend: queues, states, reasons",
        "a hand-over is not sent to destinations",
        "a result object is refused",
        "could not verify whether the PACS cut the list",
        "a message of the queue is no notification",
        "a part is asked once more",
        "a person dealt with an upload",
        "a study could not be asked after",
        "ae title not recogni",
        "badly formed message",
        "cannot allocate memory",
        "cannot write to file",
        "error in the network protocol",
        "finite state machine",
        "job was canceled",
        "not enough memory",
        "number of associations",
        "reset by peer",
        "too many associations",
        "too many open files",
        "answers that are none are dropped",
        "answers that do not match what was asked are dropped",
        "are its files needed",
        "association request rejected",
        "be given up",
        "be queued again",
        "circuit of a destination is closed",
        "circuit of a destination is open",
        "claimed by it",
        "documents are never deleted",
        "does the destination have it",
        "filter lines not in orthanc-python.log",
        "host is unreachable",
        "host not found",
        "killed orthanc twice",
        "key.{key}",
        "key.{keyword}",
        "learned {pacs}",
        "local limit exceeded",
        "may images still come",
        "match.{keyword}",
        "match.{keyword}*",
        "model.{name}",
        "move destination unknown",
        "name or service not known",
        "network is down",
        "network is unreachable",
        "no acceptable presentation",
        "no answer to",
        "no data available",
        "no presentation context",
        "no route to host",
        "no space left",
        "no valid presentation context",
        "not supported by the remote scp",
        "plugins not reached, will be asked again",
        "result list capped",
        "tcp initialization error",
        "the PACS is spared",
        "the PACS is spared no more",
        "the PACS does not tell its series now: what was to be pulled ahead waits",
        "the files of a hand-over are gone before its result; the study is pulled again",
        "the offline cache is full: hand-overs stay in the hand-over folder",
        "the plugins' journal and hand-over folder are where they belong again",
        "the plugins' journal or hand-over folder is not where it belongs",
        "the series that was to be pulled ahead has another count now",
        "the store was away",
        "unable to resolve",
        "unknown move destination",
        "where its images are",
        "who moves it on",
        "without a blame a pull is charged",
        "a free port of this machine ({strerror})",
        "pacs_module worker {name}",
        "{queue}.installation",
    }
)
"""Words of the log, and words by which an error of somebody else is recognized."""
_OF_THE_API = frozenset({"summary", "description"})
_PATTERN = re.compile(r"[|\\\n]|^http|^SELECT|^Bearer")
"""No sentence: a regular expression, an address, a statement."""
_WORDS = re.compile(r"[A-Za-z]{2,}[,;:]? [a-z]{2,}|[a-z]{3,} ?$|^ ?[a-z]{3,}|[a-z]{3,} \{|\} [a-z]{3,}")


def sentences() -> set[str]:
    """Their message ids."""
    return {found for file in _files() for found in _of(file)}


def _files() -> Iterator[Path]:
    for name in SAY_WHY:
        path = ROOT / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _of(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    apart = _apart(tree)
    for node in ast.walk(tree):
        if id(node) in apart:
            continue
        if isinstance(node, ast.JoinedStr):
            yield from _sentence(message_id(node), least=1)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _sentence(node.value, least=3)


def _apart(tree: ast.Module) -> set[int]:
    """Docstrings, words of logs, and the parts of an f-string, which is taken as a whole."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            found |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
            found |= {id(one) for part in node.values for one in _shape(part)}
        elif isinstance(node, ast.Call) and _name(node.func) in _NOT_FOR_PAGES:
            found |= {id(part) for part in ast.walk(node)}
        elif isinstance(node, ast.keyword) and node.arg in _OF_THE_API:
            found.add(id(node.value))
    return found


def _shape(part: ast.expr) -> Iterator[ast.AST]:
    """The format of a value: ``.2f``."""
    if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
        yield from ast.walk(part.format_spec)


def _sentence(text: str, least: int) -> Iterator[str]:
    """The text where it is one: it has words; without a value at least so many."""
    words = re.sub(r"\s+", " ", re.sub(r"\{\w+\}", " {} ", text))
    plain = [word for word in words.split() if word.strip(",;:.()").isalpha()]
    if len(plain) >= least and _WORDS.search(words) and text not in NOT_SHOWN and not _PATTERN.search(text):
        yield text


def message_id(node: ast.JoinedStr) -> str:
    """``f"{pacs} has {found.count} instances"`` as ``{pacs} has {count} instances``."""
    names: list[str] = []
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            names.append(_place(part.value, names))
            parts.append("{" + names[-1] + "}")
        elif isinstance(part, ast.Constant):
            parts.append(str(part.value))
    return "".join(parts)


def _place(value: ast.expr, taken: list[str]) -> str:
    """The name of a value: that of the variable or attribute; numbered where there is none, or another such."""
    name = _name(value) or "value"
    number = 2
    while name in taken:
        name, number = f"{name.rstrip('0123456789')}{number}", number + 1
    return name


def _name(value: ast.expr) -> str:
    if isinstance(value, ast.Attribute):
        return value.attr
    return value.id if isinstance(value, ast.Name) else ""
