"""The example of an edge gateway can be loaded as it stands, and has validation on."""

from __future__ import annotations

from pathlib import Path

from pacs_module.domain.image_validation.policy import read_policy
from pacs_module.domain.receive.image_origin import KnownSenders, Sender
from pacs_module.settings import load_settings
from pacs_module.shared.switches_file import DEFAULT_CONFIG, load_switches
from tests.fakes.served import settings_file

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "gateway"


def test_its_switches_have_validation_on() -> None:
    switches = load_switches(DEFAULT_CONFIG, EXAMPLE / "config.py")
    policy = read_policy(switches, KnownSenders())
    assert switches.validate
    assert policy.ports == {Sender("DR7", "10.1.2.4"): 104}
    assert "AccessionNumber" in policy.mandatory


def test_its_settings_follow_the_platform(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    example = (EXAMPLE / "pacs_module.toml").read_text(encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8") + example, encoding="utf-8")
    settings = load_settings(file)
    assert settings.parameters is not None
    assert settings.parameters.destinations == ("region",)
    assert settings.watched_folder is not None
    assert settings.alarms.limits.arrivals_per_second == 200
