"""[rabbitmq] with certificates: what cannot be used is named, and no password with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.settings import load_settings
from tests.fakes.served import settings_file


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        ('url = "amqp://u:p@h/"\nca_file = "{ca}"', "amqps://"),
        ('url = "amqps://u:p@h/"\ncertificate = "{ca}"', "together"),
        ('url = "amqps://u:p@h/"\nca_file = "/nowhere.pem"', "file"),
    ],
)
def test_certificates_of_rabbitmq_that_cannot_be_used(tmp_path: Path, lines: str, allowed: str) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    file = settings_file(tmp_path)
    text = re.sub(
        r'(\[rabbitmq\]\n)url = "[^"]*"', lambda m: m[1] + lines.format(ca=authority), file.read_text()
    )
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(file)
    assert allowed in caught.value.allowed
    assert "u:p" not in str(caught.value)


def test_rabbitmq_is_reached_by_tls_with_certificates_of_both_sides(tmp_path: Path) -> None:
    for name in ("ca.pem", "own.pem", "own.key"):
        (tmp_path / name).touch()
    lines = f'url = "amqps://u:p@h/"\nca_file = "{tmp_path}/ca.pem"\n'
    lines += f'certificate = "{tmp_path}/own.pem"\nkey = "{tmp_path}/own.key"'
    file = settings_file(tmp_path)
    file.write_text(re.sub(r'(\[rabbitmq\]\n)url = "[^"]*"', lambda m: m[1] + lines, file.read_text()))
    address = load_settings(file).rabbitmq.address
    assert (address.ca_file, address.certificate) == (f"{tmp_path}/ca.pem", f"{tmp_path}/own.pem")
