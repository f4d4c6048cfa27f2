"""The study store that a URL names."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from ...domain.errors import ConfigurationError
from ...ports import StudyStore
from .memory import MemoryStore
from .mongo import MongoStore
from .sqlite import SqliteStore

ALLOWED = (
    "sqlite:////absolute/path.db, sqlite:///relative/path.db, mongodb://host/database, "
    "mongodb://a,b,c/database?replicaSet=rs0, mongodb+srv://... or memory:"
)
DEFAULT_DATABASE = "aipull"


def open_store(url: str) -> StudyStore:
    """
    Open the store of the setting ``[store] url``.

    A MongoDB that is not up yet is no error here: the first call will say so, as RetriableError.

    Raises:
        ConfigurationError: No store goes by such a URL.
        PermanentError: The file cannot be used.
    """
    scheme = url.partition(":")[0]
    if url in ("memory:", "memory://"):
        return MemoryStore()
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return SqliteStore(unquote(url.removeprefix("sqlite:///")))
    if scheme in ("mongodb", "mongodb+srv"):
        return MongoStore(url, unquote(urlsplit(url).path.strip("/")) or DEFAULT_DATABASE)
    raise ConfigurationError(
        "store.url", f"{scheme}:...", ALLOWED
    )  # not the whole of it: a password may stand in it
