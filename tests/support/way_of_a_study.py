"""
``docs/way-of-a-study.md``, made from the crash points' registry and from where the code reaches them.

    python -m tests.support.way_of_a_study      # writes the page (``make docs``)
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pacs_module.shared import crash_points

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "way-of-a-study.md"
CODE = ("pacs_module", "orthanc/plugins")
REACH = "reach"
"""The function that the code calls at a crash point."""
BEGIN, END = "<!-- crash points: made by `make docs` -->", "<!-- end of crash points -->"


@dataclass(frozen=True)
class Station:
    """A part of the way: its heading, who works there, its crash points with what a kill means."""

    name: str
    who: str
    places: dict[str, str]


WAY = (
    Station("Find", "Here pacs_module asks the PACS, through the receiving Orthanc or by itself", {
        "found": "the new study's document is written; the next find sees the study as known",
        "followed": "the document says which series to pull ahead: the next start pulls it",
        "stable": "nothing was written since: the next find compares the counts again",
    }),
    Station("Pull",
            "Here pacs_module decides; the plugins keep the pull in their journal and send the C-MOVE themselves", {
        "claimed": (
            "the claim ends with the process; another one, or the next start, takes the study up at "
            "once"
        ),
        "pull_asked": (
            "the document says `pull_data`, the plugins know nothing: asked after `pull.watch_s`, and "
            "asked for again"
        ),
        "pull_journaled": "the journal has the pull as new; it is moved after the next start",
        "submitted": "the journal says that it moves: a death is charged to it, and it is moved again",
        "moving": "as above; images that came before are there already and count once",
    }),
    Station("Receive", "The plugins read Orthanc's change log, judge, count and choose", {
        "received": "the change number is journaled after what it caused: the batch is read again",
        "filtered": "nothing is concluded yet: images and series are judged again from what lies in Orthanc",
        "exporting": "half a folder has a name that begins with `.tmp-`; it is removed and made anew",
        "exported": "the folder stands, the journal does not know it: removed, and made anew",
        "journaled": (
            "hand-over, notification and report are one transaction: the notification is still owed "
            "and is sent"
        ),
        "doomed": "the images to delete are journaled: they are deleted at the next start",
        "deleted": "the images are gone, their row is open: deleting them again is no error",
    }),
    Station("Hand over", "The plugins notify; pacs_module writes state and message at once", {
        "notifying": "the notification is owed still and is sent at the next start",
        "notified": (
            "pacs_module has it, the journal does not know that: sent again, known already by its "
            "`handoverID`"
        ),
        "outbox_written": "state and outgoing message are one write: the notification comes again and changes nothing",
    }),
    Station("Deliver", "Here pacs_module publishes, delivers and writes the result down", {
        "to_copy": "the hand-over is held; the copy without names is made at the next start",
        "copying": "half a copy is nobody's: it is removed and made anew",
        "copied": "the copy stands, its message is not owed yet: the copy is found whole and taken",
        "published": (
            "RabbitMQ has it, the document does not say so: published again under the same id, one is "
            "dropped"
        ),
        "consumed": "the message was not acknowledged: RabbitMQ gives it to another worker",
        "posted": "the backend has the request, nobody noted it: sent again with the same Idempotency-Key",
        "result_in": "the result is written: what the backend posts again is `known already`",
        "to_archive": "the archive is made at the next start",
        "archiving": "half an archive is nobody's: it is removed and made anew",
        "archived": "the archive stands, the document does not say so: it is found whole and noted",
    }),
    Station("Upload",
            "Only where there are destinations: pacs_module routes, sends, and asks whether all is there", {
        "cached": (
            "the copy in the offline cache stands, the document does not say so: it is found whole and "
            "noted"
        ),
        "routed": "the uploads are written with the decision: they are sent at the next start",
        "to_upload": (
            "the document says `uploading`: the claim ends with the process, and another worker takes "
            "it up"
        ),
        "uploading": "some images are there: the destination is asked which, and only the others are sent",
        "uploaded": "everything was sent, nobody asked yet: the next worker asks",
        "upload_verified": "the document says `verified`; what is not needed any more is removed at the next look",
    }),
    Station("Remove", "With `[privacy] keep_days` a study goes when its age is over; a patient by `pacs-module forget`", {
        "studies_removed": "each batch of studies is one transaction: the next run takes the rest",
        "part_removed": "the night is not noted as done: the next run does all parts again, and finds the rest",
        "patient_at_plugins": "the store still has his studies: the same command finds the rest by them",
        "patient_in_files": "the store still has his studies: the same command finds the rest by them",
        "patient_noted": "a find passes him by already; the same command removes him from the store",
        "patient_removed": "the store knows him no more; the same command cuts his bytes out of its file",
    }),
    Station("Results back",
            "Only with `[results]`: what the backend sends back is judged, kept and owed to its destinations", {
        "result_restored": "nothing is kept and the backend has no answer: it posts again",
        "result_kept": "the files are kept, no study knows them: the backend posts again; they are removed later",
        "result_taken": "the document has it: what the backend posts again is `known already`",
    }),
)  # fmt: skip


def meanings() -> dict[str, str]:
    """What a kill at each crash point means, by its name."""
    return {place: means for station in WAY for place, means in station.places.items()}


def where() -> dict[str, list[str]]:
    """By name of crash point the files, below the repository's root, that reach it."""
    names = set(crash_points.PLACES + crash_points.STEPS)
    found: dict[str, list[str]] = {}
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for name in _reached(path, names):
                found.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    return found


def _reached(path: Path, names: set[str]) -> Iterator[str]:
    """The crash points that a file reaches: ``reach("found")``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != REACH:
            continue
        name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if name in names:
            yield str(name)


def table() -> str:
    """The stations and their crash points in Markdown."""
    files, lines = where(), []
    for station in WAY:
        lines += [f"## {station.name}", "", f"{station.who}.", ""]
        lines += ["| crash point | file | killed there |", "|---|---|---|"]
        for place, means in station.places.items():
            at = ", ".join(f"[{_short(file)}](../{file})" for file in files.get(place, []))
            lines.append(f"| `{place}` | {at} | {means} |")
        lines.append("")
    return "\n".join(lines)


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-2:])


def page() -> str:
    """The whole page: what stands there, with the table made anew."""
    text = PAGE.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{PAGE} lacks the lines {BEGIN!r} and {END!r}")
    return re.sub(
        f"{re.escape(BEGIN)}.*{re.escape(END)}",
        lambda _: f"{BEGIN}\n\n{table()}\n{END}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
