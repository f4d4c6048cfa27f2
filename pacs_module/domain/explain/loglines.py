"""
The lines of ``orthanc-python.log`` and ``dcm_end.log``, letter by letter as people on site know them
(operator contract, section 2).

Only these functions make such lines; everything else that is worth saying goes to the JSON log beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..dicom.attributes import SeriesFacts
from ..dicom.text_repair import shown
from ..receive.completeness import Check
from ..study.message_state import IS_LOADING, MessageState

# --- orthanc-python.log, written by the plugins ---


def move(study_uid: str, pacs: str, seconds: float) -> str:
    """A C-MOVE has ended; seconds from its start to its end."""
    return f"move: {study_uid} from {pacs} takes: {seconds:.2f}"


def new_study(study_uid: str) -> str:
    """The first image of a study is here."""
    return f"new study: {study_uid}"


def stable_study(study_uid: str) -> str:
    """The study is taken to be received, by proof or by StableAge."""
    return f"stable study: {study_uid}"


def series_filtered(
    accession_number: str, patient_id: str, study_uid: str, series_uid: str, because: str
) -> str:
    """A series was dropped, with the attribute and the value that decided."""
    return f"{_name(accession_number)} {_name(patient_id)} {study_uid} {series_uid} filter because {because}"


def study_filtered(accession_number: str, patient_id: str, study_uid: str) -> str:
    """No series of the study is left."""
    return f"{_name(accession_number)} {_name(patient_id)} {study_uid} study is filtered out"


def thickest_series(study_uid: str, series_uid: str, instances: int) -> str:
    """
    The chosen series: the site says thickest for the one with the most instances, that is the thinnest
    slices.
    """
    return f"study {study_uid} thickest series is {series_uid}, instances num is {instances}"


def where_from(study_uid: str, ae_title: str, address: str) -> str:
    """Who sent the images."""
    return f"where study from {study_uid} {_name(ae_title)} {_name(address)}"


def completeness_check(check: Check) -> str:
    """One comparison of our copy with the PACS's."""
    if check.ok:
        return (
            f"completeness check success: {check.scope} {check.uid} in pacs is {check.expected},  we "
            f"have {check.received} too"
        )
    return (
        f"completeness check failed: {check.scope} {check.uid} in pacs is {check.expected},  we have "
        f"{check.received}"
    )


def reinform(study_uid: str, last: int, now: str, series_uid: str, instances: int) -> str:
    """
    Handed over again: more instances than last time; ``now`` as YYYYMMDDTHHMMSS in the hospital's time zone.
    """
    return f"reinform {study_uid} last is {last};now {now} {series_uid} is {instances}"


def notinform(study_uid: str) -> str:
    """Received again, nothing better came."""
    return f"notinform {study_uid} has no more instances this time"


def inform(message: Mapping[str, Any]) -> str:
    """The notification as it goes to pacs_module."""
    return f"inform pacs_module {dict(message)}"


# --- dcm_end.log, written by pacs_module ---


def find_list(date: str) -> str:
    """A find of one day (YYYY-MM-DD) begins."""
    return f"find {date} study list"


def find_query(query: Mapping[str, str]) -> str:
    """The query as it goes to the PACS, without its return keys."""
    return f"orthanc find query is {dict(query)}"


def found_list(date: str, count: int) -> str:
    """How many studies the PACS answered."""
    return f"find {date} study list from pacs is {count}"


def not_in_db(count: int) -> str:
    """How many of them are new to us."""
    return f"study not in local db is {count}"


def after_modality(count: int) -> str:
    """How many of the new ones have a wanted modality."""
    return f"study from pacs after modality filter left {count}"


def added(count: int) -> str:
    """How many were written as wanted."""
    return f"actually add new number: {count}"


def is_stable(patient_id: str, accession_number: str, study_uid: str, instances: int | None) -> str:
    """A study has stopped growing at the PACS (``None``: the PACS gives no counts)."""
    return (
        f"patientID {_name(patient_id)} accessionNumber {_name(accession_number)} studyuid {study_uid} "
        f"is stable: instances num: {instances}"
    )


def stable_found(count: int) -> str:
    """How many studies became stable in this find."""
    return f"num: stable study {count} finded"


def move_dates(dates: Sequence[str]) -> str:
    """A round of pulls begins; the study dates (YYYY-MM-DD) in it."""
    return f"move data in {list(dates)}"


def send_moves(count: int) -> str:
    """How many studies are pulled for the first time in this round."""
    return f"send move study. amount is {count}"


def continue_moves(count: int) -> str:
    """How many studies are pulled again (short, failed, or running when pacs_module restarted)."""
    return f"continue to pull study, amount={count}"


def move_success(moved: Sequence[tuple[str, str]]) -> str:
    """The pulls that ended well: study and PACS; an empty list when the pull failed."""
    return f"move success: {[list(pair) for pair in moved]}"


def received_notify(message: Mapping[str, Any]) -> str:
    """A notification of the plugins has arrived."""
    return f"after receive notify {dict(message)}"


def sent_to_rabbitmq(study_uid: str) -> str:
    """RabbitMQ has confirmed the message."""
    return f"send {study_uid} to rabbitmq success"


def worker_message(worker: str, message: Mapping[str, Any]) -> str:
    """A delivery worker has taken a message."""
    return f"send_to_backend {worker} get message {dict(message)}"


def upload_files(filepath: str, count: int) -> str:
    """How many files lie in the folder that is handed to the backend."""
    return f"upload_image_path file_path {filepath} has file number is {count}"


def upload_success(filepath: str) -> str:
    """The backend has accepted the folder."""
    return f"upload_image_path file_path ----{filepath}----success"


def calc_again(study_uid: str, message_state: MessageState) -> str:
    """A study that was handed over before has come again."""
    return (
        f"{study_uid} exists, last isloading is {IS_LOADING[message_state]}, we receive a new one, calc again"
    )


def manual_find_move(asked: Mapping[str, str]) -> str:
    """A person asked for a study."""
    return f"manual_find_move {dict(asked)}"


def manual_work(what: str, study_uid: str, by: str, why: str) -> str:
    """Somebody changed a study by hand *(added)*: redo, cancel, priority n, done."""
    return f"manual_work {what} {_one_line(study_uid)} by {_one_line(by)} because {_one_line(why)}"


def manual_pull(study_uid: str, study_date: str) -> str:
    """A study that a person asked for is on its way to the front of the queue."""
    return f"pull data manually. study_uid={study_uid}, study_date={study_date}"


MOVE_FAILED = "orthanc move failed!"


def _name(text: str) -> str:
    """A name or number in a line of words: empty stays visible as nothing, no line break can come of it."""
    return shown(text)


def facts_names(series: SeriesFacts) -> tuple[str, str]:
    """AccessionNumber and PatientID of a series' facts."""
    return series.text("AccessionNumber"), series.text("PatientID")


def _one_line(text: str) -> str:
    """What people write may hold line breaks; a line of the log is one event."""
    return " ".join(text.split())
