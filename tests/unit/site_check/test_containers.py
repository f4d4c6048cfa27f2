"""What a program on the host could use, and a container cannot."""

import os
from pathlib import Path

import pytest

from site_check.containers import PACS_USER, check_containers
from site_check.finding import Level


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docker" / "site" / "tls").mkdir(parents=True)
    (tmp_path / "docker" / "site" / "tls" / "orthanc.pem").write_text("")
    (tmp_path / "backups").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOSPITAL_PACS_HOST", "localhost"),
        ("HOSPITAL_PACS_HOST", "127.0.0.1"),
        ("BACKEND_URL", "http://[::1]:9000/compute"),
        ("ARCHIVE_FOLDER", "/data/ai"),
        ("ARCHIVE_FOLDER", "/archives"),
        ("ANONYMISE_FOLDER", "/mnt/copies"),
        ("DICOM_PORT", "80"),
        ("DICOM_PORT_2", "4242"),
        ("TLS_FOLDER", "./certificates"),
        ("ORTHANC_DICOM_TLS_CERTIFICATE", "/root/orthanc.pem"),
        ("ORTHANC_DICOM_TLS_KEY", "/etc/aipull/tls/orthanc.key"),
        ("BACKUP_VOLUME", "./nowhere"),
    ],
)
def test_it_is_told_with_its_value(root: Path, name: str, value: str) -> None:
    (found,) = check_containers(root, {name: value})
    assert (found.level, found.name, found.value) == (Level.ERROR, name, value)
    assert found.words


def test_what_the_stack_mounts_and_reaches_is_allowed(root: Path) -> None:
    values = {
        "HOSPITAL_PACS_HOST": "pacs.hospital.example", "BACKEND_URL": "http://10.1.2.9:9000/compute",
        "ARCHIVE_FOLDER": "/archive/2026", "ANONYMISE_FOLDER": "/copies", "DICOM_PORT": "104", "DICOM_PORT_2": "105",
        "ORTHANC_DICOM_TLS_CERTIFICATE": "/etc/aipull/tls/orthanc.pem", "BACKUP_VOLUME": "backups",
    }  # fmt: skip
    assert check_containers(root, values) == []


def test_what_is_refused_for_its_own_sake_is_not_told_twice(root: Path) -> None:
    assert check_containers(root, {"BACKEND_URL": "http://[::1/", "ARCHIVE_FOLDER": "archive"}) == []


def test_a_folder_of_the_host_belongs_to_the_user_of_the_container(root: Path) -> None:
    (found,) = check_containers(root, {"BACKUP_VOLUME": "./backups"})
    assert (found.level, str(PACS_USER) in found.words) == (Level.WARNING, True)
    if os.geteuid() == 0:
        os.chown(root / "backups", PACS_USER, -1)
        assert check_containers(root, {"BACKUP_VOLUME": "./backups"}) == []
