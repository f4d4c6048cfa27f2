"""The service is made whether its servers answer or not: it waits for them, and says so, once it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs_module.domain.errors import RetriableError
from stack.ports import free_ports
from tests.fakes.served import service_on, settings_file


def test_it_is_made_while_the_store_does_not_answer(tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    file = settings_file(tmp_path)
    away = f"mongodb://127.0.0.1:{nobody}/aipull?serverSelectionTimeoutMS=200"
    text = file.read_text(encoding="utf-8").replace(f"sqlite:///{tmp_path}/study.db", away)
    file.write_text(text, encoding="utf-8")
    with service_on(file) as (service, _), pytest.raises(RetriableError, match="MongoDB"):
        service.store.get("1.2.3")
