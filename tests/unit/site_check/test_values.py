"""What the value of each variable of .env may be."""

import pytest

from site_check.finding import Level
from site_check.values import CHECKS, SECRETS, check_values, size_of

GOOD = {
    "HOSPITAL_TIME_ZONE": ["Asia/Shanghai", "Europe/Berlin", "UTC"],
    "HOSPITAL_PACS_NAME": ["HOSPITAL-PACS", "pacs_2"],
    "HOSPITAL_PACS_AET": ["HOSPITALPACS", "A", "PACS 1", "SIXTEENLETTERS16"],
    "HOSPITAL_PACS_HOST": ["10.0.0.7", "pacs.hospital.example", "fd00::7", "pacs_1", "3pacs"],
    "AIPULL_SENDERS": ["CT1@10.1.2.3, PACSNODE2@fd00::7", "CT1", "CT 1@10.1.2.3,"],
    "ORTHANC_NAME": ["AI pull", "影像"],
    "ORTHANC_USER": ["ai.pull"],
    "HOSPITAL_PACS_PORT": ["104", "65535"],
    "HOSPITAL_PACS_SETTINGS": [',"count_by_image":true', ',"repair":"STUDY","series_level":false'],
    "MORE_PACS": [',{"name":"PACS-B"}', ',{"name":"B"},{"name":"C","count_by_image":true}'],
    "BACKEND_URL": ["http://backend:9000/compute", "https://ai.example/"],
    "BACKEND_WORKERS": ["1", "64"],
    "RAM_DISK_SIZE": ["8g", "512m", "4194304k", "4G"],
    "PACS_HTTP_BIND": ["127.0.0.1", "::1"],
    "DICOM_BIND": ["0.0.0.0", "192.168.1.4"],
    "CROSSDAY": ["0", "-1"],
    "MOVE_SYNC": ["true", "False"],
    "MONGO_CACHE_GB": ["1", "0.5"],
    "ANONYMISE_KEY": ["sixteenlettersor"],
}
BAD = {
    "HOSPITAL_TIME_ZONE": ["Beijing", "GMT+8", "Asia", "../etc/passwd", "/etc/localtime", "Asia/Shanghai "],
    "HOSPITAL_PACS_NAME": ["HOSPITAL PACS", "a" * 65, "PACS/1"],
    "HOSPITAL_PACS_AET": ["SEVENTEENLETTERS1", "A\\B", " A", "胸", 'A"B'],
    "HOSPITAL_PACS_HOST": [
        "http://pacs",
        "pacs:104",
        "10.1.2.3:104",
        "10.1.2.300",
        "10.1.2",
        "[fd00::7]",
        "a b",
        "-",
    ],
    "AIPULL_SENDERS": [
        "CT1@ct1",
        "CT1@10.1.2.3;CT2@10.1.2.4",
        "CT1:10.1.2.3",
        "@10.1.2.3",
        "SEVENTEENLETTERS1",
    ],
    "ORTHANC_NAME": ['AI "pull"', "a\\b", "a" * 65],
    "ORTHANC_USER": ["ai:pull", "ai pull"],
    "ORTHANC_AET_2": ["A" * 17],
    "DICOM_PORT_2": ["0"],
    "ORTHANC_HTTP_PORT": ["http"],
    "PACS_HTTP_PORT": ["-7000"],
    "ORTHANC_DICOM_TLS_CERTIFICATE": ["orthanc.pem"],
    "ORTHANC_DICOM_TLS_KEY": ["./orthanc.key"],
    "ORTHANC_DICOM_TLS_TRUSTED": ["trusted.pem"],
    "HOSPITAL_PACS_PORT": ["0", "65536", "104a", "-1", "1e3", "١٠٤", "9" * 5000],
    "HOSPITAL_PACS_SETTINGS": ['"count_by_image":true', ',"count_by_image":True', ",", "[" * 100_000],
    "MORE_PACS": ['{"name":"B"}', ',{"nmae":"B"}', ',"B"', ',{"name":"B C"}', ",7"],
    "BACKEND_URL": [
        "backend:9000",
        "ftp://backend/",
        "http://",
        "http://backend:99999/",
        "http://[::1/",
        "http://<backend>/",
        "http://a b/",
        "http://backend/#/compute",
    ],
    "BACKEND_WORKERS": ["0", "65", "two"],
    "RAM_DISK_SIZE": ["8", "8gb", "0g", "4.5g", "g", "50%"],
    "COPIES_SIZE": ["1"],
    "PACS_HTTP_BIND": ["localhost", "0"],
    "DICOM_BIND": ["all"],
    "DICOM_PORT": ["dicom"],
    "ORTHANC_AET": ["A" * 17],
    "CROSSDAY": ["1", "yes"],
    "MOVE_SYNC": ["ja"],
    "ARCHIVE_KEEP_DAYS": ["0", "30d"],
    "PRIVACY_KEEP_DAYS": ["0", "a year"],
    "PRIVACY_KEEP_LOG_DAYS": ["-1", "30d"],
    "AIPULL_LOG_KEY_FILE": ["pseudonym.key"],
    "LOG_WITHOUT_IDENTIFIERS": ["maybe"],
    "MONGO_CACHE_GB": ["0.1", "1g"],
    "HANDOVER_SEEN_AS": ["store_image"],
    "ANONYMISE_FOLDER": ["copies"],
    "ANONYMISE_KEY": ["short"],
    "ARCHIVE_FOLDER": ["archive"],
    "ORTHANC_MEMORY": ["6", "6GB"],
    "PACS_MEMORY": ["lots"],
    "MONGO_MEMORY": ["2 g"],
    "RABBITMQ_MEMORY": ["0"],
    "BACKEND_MEMORY": ["-1g"],
    "ORTHANC_STORE_FROM_ALL": ["False", "0"],
    "ORTHANC_CHECK_MODALITY_HOST": ["yes"],
    "ORTHANC_CHECK_CALLED_AET": ["on"],
    "ORTHANC_DICOM_TLS": ["1"],
    "HOSPITAL_PACS_TLS": ["TRUE"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in GOOD.items() for value in values]
)
def test_what_is_allowed(name: str, value: str) -> None:
    assert CHECKS[name](value) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name} {value[:20]}")
        for name, values in BAD.items()
        for value in values
    ],
)
def test_what_is_not_allowed_is_told_with_the_value_and_what_is(name: str, value: str) -> None:
    found = [finding for finding in check_values({name: value}) if finding.level == Level.ERROR]
    assert [(finding.name, finding.value) for finding in found if finding.name == name] == [(name, value)]
    assert found[0].words


def test_every_check_has_a_bad_example() -> None:
    assert set(BAD) == set(CHECKS)


@pytest.mark.parametrize(
    "value",
    [
        "changeme",
        "        ",
        "short1",
        "with-minus-and-more",
        "p@ssword/and:more",
        "password12345678",
        "a" * 30,
    ],
)
def test_a_secret_that_is_weak_or_breaks_an_address_is_refused_and_never_shown(value: str) -> None:
    for name in SECRETS:
        (found,) = check_values({name: value})
        assert (found.level, found.name) == (Level.ERROR, name)
        assert value not in found.value + found.words


def test_each_secret_is_its_own() -> None:
    same = "4f0c2a9b7d6e1f8a3b5c"
    (found,) = check_values({"AIPULL_API_KEY": same, "BACKEND_KEY": same})
    assert (found.name, "AIPULL_API_KEY" in found.words, same in found.words) == ("BACKEND_KEY", True, False)


def test_values_that_depend_on_each_other() -> None:
    names = [finding.name for finding in check_values({"ANONYMISE_FOLDER": "/copies"})]
    assert names == ["ANONYMISE_KEY"]
    (found,) = check_values({"HOSPITAL_PACS_AET": "AIPULL"})
    assert found.name == "ORTHANC_AET"
    (told,) = check_values({"PACS_HTTP_BIND": "0.0.0.0"})
    assert told.level == Level.WARNING


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOSPITAL_PACS_PORT", "80"),
        ("HOSPITAL_PACS_PORT", "2575"),
        ("HOSPITAL_TIME_ZONE", "UTC"),
        ("HOSPITAL_TIME_ZONE", "Etc/GMT+8"),
        ("HOSPITAL_TIME_ZONE", "EST"),
    ],
)
def test_what_is_hardly_meant_is_a_warning(name: str, value: str) -> None:
    (found,) = check_values({name: value})
    assert (found.level, found.name, found.value) == (Level.WARNING, name, value)


def test_a_place_left_from_a_manual_is_no_value() -> None:
    (found,) = check_values({"HOSPITAL_PACS_AET": "<AE title>"})
    assert (found.level, found.value) == (Level.ERROR, "<AE title>")


def test_each_pacs_has_a_name_and_each_receiver_an_ae_title_of_its_own() -> None:
    same = {"HOSPITAL_PACS_NAME": "A", "MORE_PACS": ',{"name":"B"},{"name":"A"}'}
    assert [(found.name, found.value) for found in check_values(same)] == [("MORE_PACS", "A")]
    assert [found.name for found in check_values({"ORTHANC_AET_2": "AIPULL"})] == ["ORTHANC_AET_2"]


def test_tls_needs_its_files() -> None:
    names = {found.name for found in check_values({"ORTHANC_DICOM_TLS": "true"})}
    assert names == {f"ORTHANC_DICOM_TLS_{name}" for name in ("CERTIFICATE", "KEY", "TRUSTED")}


def test_sizes_are_bytes() -> None:
    assert [size_of(text) for text in ("8g", "512m", "3k", "8", "8 g")] == [
        8 << 30,
        512 << 20,
        3 << 10,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"RAM_DISK_SIZE": "8g", "ORTHANC_MEMORY": "10g"}, set()),
        ({"RAM_DISK_SIZE": "8g", "ORTHANC_MEMORY": "8g"}, {"ORTHANC_MEMORY"}),
        ({"ANONYMISE_FOLDER": "/copies", "ANONYMISE_KEY": "k" * 16, "COPIES_SIZE": "2g"}, {"PACS_MEMORY"}),
        ({"COPIES_SIZE": "2g"}, set()),  # nothing is copied
        ({"MONGO_CACHE_GB": "1.5"}, {"MONGO_MEMORY"}),
        ({"MONGO_CACHE_GB": "1.5", "MONGO_MEMORY": "3g"}, set()),
    ],
)
def test_what_is_kept_in_memory_fits_into_the_limit(values: dict[str, str], wrong: set[str]) -> None:
    assert {found.name for found in check_values(values) if found.level is Level.ERROR} == wrong
