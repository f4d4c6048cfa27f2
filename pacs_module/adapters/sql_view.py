"""
A read-only view of a hospital's database, by SQLAlchemy: what the views of orders and of reports have in
common.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from ..domain.errors import ConfigurationError, PermanentError, RetriableError, about

_NO_SUCH = ("no such table", "no such column")  # SQLite calls these operational errors
_READ_ONLY = {"sqlite": "PRAGMA query_only = ON", "mysql": "SET SESSION TRANSACTION READ ONLY"}


def read_only_engine(url: str, timeout: float, key: str = "ris.url") -> Engine:
    """
    Prepare connections; nothing is opened yet.

    Args:
        url: SQLAlchemy's.
        timeout: For connecting and for a query, in seconds.
        key: The setting that has the URL.

    Raises:
        ConfigurationError: A URL that cannot be read, or a driver that is not installed.
    """
    try:
        parsed = make_url(url)
        engine = create_engine(
            parsed,
            pool_pre_ping=True,
            pool_timeout=timeout,
            pool_recycle=1800,
            hide_parameters=True,
            connect_args=_timeouts(parsed, timeout),
            execution_options={"postgresql_readonly": True},
        )
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        driver = url.split(":", maxsplit=1)[0]
        raise ConfigurationError(
            key, f"{driver}://...", f"an SQLAlchemy URL with an installed driver ({error})"
        ) from error
    event.listen(engine, "connect", lambda connection, _: _prepare(engine, connection, timeout))
    return engine


def _prepare(engine: Engine, connection: Any, timeout: float) -> None:
    """Read-only, and for Oracle the only way to bound a query."""
    if engine.dialect.driver == "oracledb":
        connection.call_timeout = int(timeout * 1000)
    statement = _READ_ONLY.get(engine.dialect.name)
    if statement:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()


def _timeouts(url: URL, timeout: float) -> dict[str, Any]:
    """Each driver calls them otherwise."""
    return _by_driver(timeout).get(url.get_driver_name(), {})


def _by_driver(timeout: float) -> dict[str, dict[str, Any]]:
    seconds = max(1, round(timeout))
    postgres = {"connect_timeout": seconds, "options": f"-c statement_timeout={int(timeout * 1000)}"}
    return {
        "sqlite": {"timeout": timeout},
        "pysqlite": {"timeout": timeout},
        "psycopg": postgres,
        "psycopg2": postgres,
        "pymysql": {"connect_timeout": seconds, "read_timeout": seconds, "write_timeout": seconds},
        "pymssql": {"login_timeout": seconds, "timeout": seconds},
        "pyodbc": {"timeout": seconds},
        "oracledb": {"tcp_connect_timeout": timeout},
    }


@contextmanager
def translated() -> Iterator[None]:
    """Our errors for the database's; statements and their values stay out of them."""
    with about("RIS database"), _in_our_words():
        yield


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError) as error:
        said = str(error.orig)
        kind = PermanentError if any(words in said for words in _NO_SUCH) else RetriableError
        raise kind(f"the RIS database: {type(error.orig).__name__}", said) from None
    except DBAPIError as error:
        # A view, a column or a right that is missing is the same in an hour; a lost connection is not.
        kind = RetriableError if error.connection_invalidated else PermanentError
        raise kind("the RIS view cannot be read", str(error.orig)) from None
    except SQLAlchemyError as error:
        raise RetriableError(f"the RIS database: {type(error).__name__}") from None
