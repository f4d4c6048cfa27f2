"""
What the core needs from the world.

Each port has at least one adapter in ``pacs_module/adapters`` and one contract suite in ``tests/contract``
that every adapter runs through.

Adapters raise :class:`~pacs_module.domain.errors.RetriableError` or
:class:`~pacs_module.domain.errors.PermanentError` and nothing else.
"""

from .delivery import Backend, Delivery, Queue, QueueConsumer
from .folders import Archive, Archived, Copied, CopyMaker, FileCheck
from .hospital import PacsFinder, Ris
from .judged_headers import DaySize, HeaderRecords, StoredRecord
from .leases import Lease, Leases, Memo
from .ledger import Ledger, Platform, Recipient, ReportView, Taking
from .lists import StudyLists
from .plugins import PluginLog, PluginMemory, PluginRecordsKept, Puller, ReceivedImages
from .rules import SiteRules
from .runtime import Clock, EventLog
from .store import AnyOf, AtLeast, AtMost, Exists, Identity, Order, StudyStore, Where
from .upload import UploadCache, Uploader, UploadSource

__all__ = [
    "AnyOf",
    "Archive",
    "Archived",
    "AtLeast",
    "AtMost",
    "Backend",
    "Clock",
    "Copied",
    "CopyMaker",
    "DaySize",
    "Delivery",
    "EventLog",
    "Exists",
    "FileCheck",
    "HeaderRecords",
    "Identity",
    "Lease",
    "Leases",
    "Ledger",
    "Memo",
    "Order",
    "PacsFinder",
    "Platform",
    "PluginLog",
    "PluginMemory",
    "PluginRecordsKept",
    "Puller",
    "Queue",
    "QueueConsumer",
    "ReceivedImages",
    "Recipient",
    "ReportView",
    "Ris",
    "SiteRules",
    "StoredRecord",
    "StudyLists",
    "StudyStore",
    "Taking",
    "UploadCache",
    "UploadSource",
    "Uploader",
    "Where",
]
