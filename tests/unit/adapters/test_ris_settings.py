"""The sections [ris] and [[pacs]] finder of the settings, and what is built out of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import ConfigurationError, PermanentError, Unreachable
from pacs_module.domain.pull.ris_orders import RisPolicy
from pacs_module.service.finders import finder_by_pacs
from pacs_module.settings import Settings, load_settings
from stack.ports import free_ports

BASE = """
time_zone = "Asia/Shanghai"
web = {{ api_key = "correct-horse-battery" }}
rabbitmq = {{ url = "amqp://x" }}
backend = {{ url = "http://x", key = "k" }}
{pacs}
{ris}
"""
ORTHANC = '[[pacs]]\nname = "A"\n'
RIS = """
[ris]
url = "sqlite:///ris.db"
view = "RIS.V_ORDERS"
tolerant = true
emergency = ["急诊"]
[ris.columns]
accession_number = "ACC"
urgency = "URGENT"
[ris.body_parts]
"1001" = "CHEST"
"""


def load(folder: Path, pacs: str = ORTHANC, ris: str = "") -> Settings:
    file = folder / "settings.toml"
    file.write_text(BASE.format(pacs=pacs, ris=ris), encoding="utf-8")
    return load_settings(file, {})


def test_the_ris_is_off_by_default(tmp_path: Path) -> None:
    assert load(tmp_path).ris is None


def test_the_section_gives_view_columns_and_policy(tmp_path: Path) -> None:
    ris = load(tmp_path, ris=RIS).ris
    assert ris is not None
    assert ris.policy == RisPolicy({"1001": "CHEST"}, ("急诊",), (), True)
    assert (ris.columns.accession_number, ris.columns.body_part, ris.columns.urgency) == (
        "ACC",
        "body_part",
        "URGENT",
    )


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('view = "v; drop table x"', "ris.view"),
        ("wait_s = -1", "ris.wait_s"),
        ("tolerrant = true", "ris.tolerrant"),
    ],
)
def test_a_bad_value_names_its_key(tmp_path: Path, line: str, key: str) -> None:
    section = f'[ris]\nurl = "sqlite://"\n{line}\n' + ("" if line.startswith("view") else 'view = "v"\n')
    with pytest.raises(ConfigurationError, match=key):
        load(tmp_path, ris=section)


def test_a_pacs_that_is_asked_directly_needs_host_and_ae_title(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="host and ae_title"):
        load(tmp_path, ORTHANC + 'finder = "pynetdicom"\n')


def test_each_pacs_is_asked_by_its_own_finder(tmp_path: Path) -> None:
    direct = (
        '[[pacs]]\nname = "B"\nfinder = "pynetdicom"\nhost = "127.0.0.1"\nport = '
        f'{free_ports(1)[0]}\nae_title = "B"\n'
    )
    settings = load(tmp_path, ORTHANC + direct)

    class Orthanc:
        def find(
            self, pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            return [{"StudyInstanceUID": pacs}]

    finder = finder_by_pacs(settings.pacs, lambda _: Orthanc(), 1.0)
    assert finder.find("A", "STUDY", {}) == [{"StudyInstanceUID": "A"}]
    with pytest.raises(Unreachable, match="B at 127"):
        finder.find("B", "STUDY", {})
    with pytest.raises(PermanentError, match="'C'"):
        finder.find("C", "STUDY", {})
