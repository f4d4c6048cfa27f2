"""
The RIS view through SQLAlchemy: SQLite, and PostgreSQL where it is installed.

Not proved here: Oracle, SQL Server and MySQL, whose servers are on no test machine; their drivers are extras.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pacs_module.adapters.ris_sql import RisColumns, RisSql
from pacs_module.domain.errors import ConfigurationError, PermanentError, RetriableError
from pacs_module.domain.pull.ris_orders import RisOrder
from stack.ports import free_ports
from tests.contract.ris_databases import postgresql

COLUMNS = RisColumns("acc_no", "pat_id", "reg_date", "part_code", "urgent")
ROWS = [
    ("A1", "P1", "2020-06-18", "1001", "急诊"),
    ("A2", "P1", "2020-06-18", "2002", None),
    ("A3", "P1", "2020-06-17", "3003", ""),
    (" A4 ", "P2", "2020-06-18", "胸部", ""),
]


@dataclass
class Database:
    url: str
    view: str
    day_format: str
    view_without_days: str = "orders"

    def ris(self, **changed: Any) -> RisSql:
        values = dict[str, Any](
            url=self.url, view=self.view, columns=COLUMNS, day_format=self.day_format, timeout=2.0
        )
        return RisSql(**{**values, **changed})


def fill(url: str, day_type: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                f"create table orders (acc_no text, pat_id text, reg_date {day_type}, part_code "
                "text, urgent text)"
            )
        )
        for row in ROWS:
            values = dict(zip(("a", "b", "c", "d", "e"), row, strict=True))
            day = "cast(:c as timestamp)" if day_type == "timestamp" else ":c"
            connection.execute(sa.text(f"insert into orders values (:a, :b, {day}, :d, :e)"), values)
        connection.execute(sa.text("create view v_orders as select * from orders"))
    engine.dispose()


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    with postgresql() as url:
        fill(url, "timestamp")
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "postgresql":
        return Database(request.getfixturevalue("postgresql_url"), "public.v_orders", "")
    url = f"sqlite:///{tmp_path / 'ris.db'}"
    fill(url, "text")
    return Database(url, "v_orders", "%Y-%m-%d")


@pytest.fixture
def ris(database: Database) -> Iterator[RisSql]:
    view = database.ris()
    yield view
    view.close()


def test_orders_by_number_and_by_patient_and_day(ris: RisSql) -> None:
    found = ris.orders_of("A1", "P1", "2020-06-18")
    assert sorted(found, key=lambda order: order.accession_number) == [
        RisOrder("A1", "P1", "2020-06-18", "1001", "急诊"),
        RisOrder("A2", "P1", "2020-06-18", "2002", ""),
    ]


def test_by_number_alone_whatever_the_day(ris: RisSql) -> None:
    assert ris.orders_of("A3", "", "2020-06-18") == [RisOrder("A3", "P1", "2020-06-17", "3003", "")]


def test_by_patient_and_day_alone(ris: RisSql) -> None:
    assert [order.accession_number for order in ris.orders_of("", "P2", "2020-06-18")] == ["A4"]


def test_nothing_known_and_nothing_asked(ris: RisSql) -> None:
    assert ris.orders_of("NOBODY", "NOBODY", "2020-06-18") == []
    assert ris.orders_of("", "", "") == []
    assert ris.orders_of("NOBODY", "NOBODY", "9999-12-31") == [], (
        "what some write for a day that they do not know"
    )


def test_values_are_never_part_of_the_statement(ris: RisSql) -> None:
    assert ris.orders_of("A1' or '1'='1", "P' or 1=1 --", "2020-06-18") == []


def test_a_view_with_fewer_columns(database: Database) -> None:
    view = database.ris(columns=replace(COLUMNS, patient_id="", day="", urgency=""))
    assert view.orders_of("A1", "P1", "2020-06-18") == [RisOrder("A1", "", "", "1001", "")]
    view.close()


def test_it_cannot_write(database: Database, ris: RisSql) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.?only"), ris._engine.connect() as connection:
        connection.execute(sa.text("delete from orders"))
    assert len(ris.orders_of("A1", "", "")) == 1


@pytest.mark.parametrize(
    "changed", [{"view": "no_such_view"}, {"columns": replace(COLUMNS, body_part="no_such_column")}]
)
def test_a_wrong_name_is_not_tried_for_ever_and_names_no_patient(
    database: Database, changed: dict[str, object]
) -> None:
    view = database.ris(**changed)
    with pytest.raises(PermanentError, match="no_such") as raised:
        view.orders_of("A1", "SECRET-PATIENT", "2020-06-18")
    assert "SECRET" not in str(raised.value)
    view.close()


def test_a_database_that_is_away_is_asked_again_later() -> None:
    view = RisSql(
        f"postgresql+psycopg://ris:hidden@127.0.0.1:{free_ports(1)[0]}/ris", "v", COLUMNS, timeout=1.0
    )
    with pytest.raises(RetriableError) as raised:
        view.orders_of("A1", "P1", "2020-06-18")
    assert "hidden" not in str(raised.value)
    view.close()


def test_a_statement_that_takes_too_long_is_ended(postgresql_url: str) -> None:
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("create or replace view slow as select *, pg_sleep(20)::text as pg_sleep from orders")
        )
    engine.dispose()
    view = RisSql(postgresql_url, "slow", replace(COLUMNS, body_part="pg_sleep"), timeout=0.5)
    with pytest.raises(RetriableError, match="timeout"):
        view.orders_of("A1", "", "")
    view.close()


@pytest.mark.parametrize("url", ["nonsense", "klingon://u:hidden@h/x", "oracle+nodriver://u:hidden@h/x"])
def test_a_url_that_cannot_be_used_stops_the_start_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"ris\.url") as raised:
        RisSql(url, "v", COLUMNS)
    assert "hidden" not in str(raised.value)
