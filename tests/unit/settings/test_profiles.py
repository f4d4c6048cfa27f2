"""
Profiles: written by the probe, read with the settings; the site's own value wins.

Does not prove that the pipeline heeds the settings; the tests of their users do.
"""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.probe import Finding, Place, Recommendation, Verdict
from pacs_module.settings import PacsSettings, load_settings
from pacs_module.settings.profiles import Profile, tell_profiles, write_profile
from tests.fakes.served import settings_file

NO_BACKSLASH = Finding("modalities", Verdict.YES, 'CT\\PR and "quotes"\x7f', "asked", "胸", "list")


def profile(finder: str = "orthanc", **settings: Any) -> Profile:
    made = [
        Recommendation(key, Place.PACS, value, "because")
        for key, value in {"finder": finder, **settings}.items()
    ]
    made.append(Recommendation("Timeout", Place.ORTHANC, 600, "because"))
    return Profile(
        "A", "10.0.0.1", 104, "GEPACS", "AIPULL", "2026-11-20T08:00:00+00:00", (NO_BACKSLASH,), tuple(made)
    )


def pacs_of(folder: Path, more: str = "") -> PacsSettings:
    file = settings_file(folder)
    file.write_text(
        file.read_text(encoding="utf-8").replace('name = "A"', f'name = "A"\n{more}'), encoding="utf-8"
    )
    return load_settings(file).pacs[0]


def test_without_a_profile_nothing_changes(tmp_path: Path) -> None:
    assert pacs_of(tmp_path) == PacsSettings(name="A")


def test_a_profile_beside_the_settings_fills_what_the_site_has_not_set(tmp_path: Path) -> None:
    file = tmp_path / "profiles" / "A.toml"
    write_profile(file, profile(caps=(100,), recent_min=60, use_series=True, parallel_pulls=2))
    pacs = pacs_of(tmp_path, "parallel_pulls = 1\nuse_series = false")
    assert (pacs.caps, pacs.recent_min) == ((100,), 60)
    assert (pacs.parallel_pulls, pacs.use_series) == (1, False)
    assert pacs.profile == file


def test_a_named_profile_is_used_and_must_be_there(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    with pytest.raises(ConfigurationError, match=r"mine\.toml"):
        pacs_of(tmp_path, f'profile = "{file}"')
    write_profile(file, profile(caps=(200,)))
    assert pacs_of(tmp_path, f'profile = "{file}"').caps == (200,)


def test_the_finder_pynetdicom_brings_its_address_along_and_orthanc_does_not(tmp_path: Path) -> None:
    file = tmp_path / "profiles" / "A.toml"
    write_profile(file, profile("pynetdicom"))
    pacs = pacs_of(tmp_path)
    assert (pacs.finder, pacs.host, pacs.ae_title, pacs.calling_ae_title) == (
        "pynetdicom",
        "10.0.0.1",
        "GEPACS",
        "AIPULL",
    )
    write_profile(file, profile("orthanc"))
    assert pacs_of(tmp_path).host == ""


def test_only_settings_of_the_pacs_are_taken_and_all_is_readable(tmp_path: Path) -> None:
    file = tmp_path / "A.toml"
    write_profile(file, profile(caps=()))
    read = tomllib.loads(file.read_text(encoding="utf-8"))
    assert read["settings"] == {"finder": "orthanc", "caps": []}
    assert read["advice"]["Timeout"] == "600: because"
    assert read["finding"][0]["words"] == NO_BACKSLASH.words


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[settings]\ncaps = [0]", "caps"),
        ("[settings]\nno_such = 1", "no_such"),
        ("[settings]\nname = 'B'", "settings"),
        ("settings = 3", "settings"),
        ("[settings", "TOML"),
    ],
)
def test_a_bad_profile_stops_the_start_with_file_and_key(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "profiles" / "A.toml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        pacs_of(tmp_path)
    assert str(file) in str(caught.value)
    assert named in str(caught.value)


def test_the_log_says_which_profile_was_used_and_what_holds_now(tmp_path: Path) -> None:
    class Log:
        said: list[tuple[str, dict[str, object]]] = []  # noqa: RUF012

        def line(self, text: str) -> None: ...

        def event(self, key: str, words: str, level: str = "INFO", **values: object) -> None:
            self.said.append((words, values))

    file = tmp_path / "profiles" / "A.toml"
    write_profile(file, profile(caps=(100,), parallel_pulls=2))
    pacs_of(tmp_path, "parallel_pulls = 1")
    tell_profiles(load_settings(tmp_path / "settings.toml"), Log())
    settings = {"finder": "orthanc", "caps": (100,), "parallel_pulls": 1}
    assert Log.said == [("profile used", {"pacs": "A", "file": str(file), "settings": settings})]


OTHER_VALUES: dict[str, Any] = {
    "repair": "IMAGE",
    "finder": "pynetdicom",
    "use_series": True,
    "find_deadline_s": 7.5,
}
"""Values of the traits that are neither a switch, a number nor a list."""
OTHER_LISTS: dict[str, Any] = {
    "caps": (130,),
    "ignores": ("AccessionNumber",),
    "senders": ("GATEWAY", "10.0.0.9"),
}


def other_value(name: str, default: object) -> Any:
    """A value of a trait that is not its default."""
    if name in OTHER_VALUES | OTHER_LISTS:
        return (OTHER_VALUES | OTHER_LISTS)[name]
    return not default if isinstance(default, bool) else 17.0


@pytest.mark.parametrize("trait", [trait.name for trait in fields(PacsTraits)])
def test_every_trait_is_a_setting_and_has_a_place_in_the_profile(tmp_path: Path, trait: str) -> None:
    value = other_value(trait, getattr(PacsTraits(), trait))
    assert getattr(pacs_of(tmp_path).traits, trait) == getattr(PacsTraits(), trait), "the same default"
    write_profile(tmp_path / "profiles" / "A.toml", profile(**{trait: value}))
    assert getattr(pacs_of(tmp_path).traits, trait) == value


@pytest.mark.parametrize("key", ["accessionNumber", "Accession Number", "", "*"])
def test_what_is_no_keyword_cannot_be_ignored(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigurationError, match="ignores"):
        pacs_of(tmp_path, f'ignores = ["{key}"]')


def test_a_profile_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("a file, no folder", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="can be written"):
        write_profile(tmp_path / "profiles" / "A.toml", profile())
