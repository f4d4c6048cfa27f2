"""The variables of /etc/aipull/aipull.env as the two processes want them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from one_box.places import Places
from site_check.finding import Finding, Level, error
from site_check.values import check_values

MANDATORY = (
    "HOSPITAL_TIME_ZONE", "HOSPITAL_PACS_NAME", "HOSPITAL_PACS_AET", "HOSPITAL_PACS_HOST",
    "HOSPITAL_PACS_PORT",
    "BACKEND_URL", "RAM_DISK_SIZE", "ORTHANC_PASSWORD", "AIPULL_API_KEY", "BACKEND_KEY", "RABBITMQ_PASSWORD",
)  # fmt: skip
PASSED_ON = ("AIPULL_", "ORTHANC_", "PACS_MODULE_")
"""A variable with such a name goes to both processes as it is: whatever has no line below."""


def problems(values: Mapping[str, str]) -> list[Finding]:
    """All that stands against a start: what is missing, and what cannot be used."""
    missing = [error(name, "", "must be set") for name in MANDATORY if not values.get(name)]
    return missing + [found for found in check_values(values) if found.level is Level.ERROR]


def orthanc_environment(values: Mapping[str, str], places: Places) -> dict[str, str]:
    """What Orthanc and the plugins read (``orthanc/config/orthanc.json``)."""
    handover = places.ram_disk / "handover"
    ours = {
        "ORTHANC_NAME": values.get("ORTHANC_NAME") or "AIPULL",
        "ORTHANC_AET": values.get("ORTHANC_AET") or "AIPULL",
        "ORTHANC_DICOM_PORT": values.get("DICOM_PORT") or "4242",
        "ORTHANC_HTTP_PORT": values.get("ORTHANC_HTTP_PORT") or "8042",
        "ORTHANC_PYTHON_SCRIPT": str(places.prefix / "orthanc" / "plugins" / "pull_plugin.py"),
        "ORTHANC_STORE": str(places.ram_disk),
        "ORTHANC_USER": values.get("ORTHANC_USER") or "aipull",
        "ORTHANC_PASSWORD": values["ORTHANC_PASSWORD"],
        **{name: values[name] for name in MANDATORY if name.startswith("HOSPITAL_PACS_")},
        "AIPULL_TIME_ZONE": values["HOSPITAL_TIME_ZONE"],
        "AIPULL_JOURNAL": str(places.journal),
        "AIPULL_HANDOVER_FOLDER": str(handover),
        "AIPULL_HANDOVER_SEEN_AS": values.get("HANDOVER_SEEN_AS") or str(handover),
        "AIPULL_PACS_MODULE_URL": f"http://127.0.0.1:{_port_of_pacs(values)}",
        "AIPULL_API_KEY": values["AIPULL_API_KEY"],
        "AIPULL_LOG_FOLDER": str(places.logs),
        "SITE_CONFIG": str(places.configuration / "site" / "site_config.py"),
        "PYTHONEXECUTABLE": str(places.python),
        # LANG: without it the embedded Python is ASCII. TCP_NODELAY: without it each C-STORE waits some 50
        # ms.
        "LANG": "C.UTF-8",
        "TCP_NODELAY": "1",
    }
    return {**ours, **_passed_on(values)}


def pacs_environment(values: Mapping[str, str], places: Places) -> dict[str, str]:
    """What ``pacs-module`` reads; an empty variable counts as not set."""
    password = quote(values["RABBITMQ_PASSWORD"], safe="")
    ours = {
        "PACS_MODULE_TIME_ZONE": values["HOSPITAL_TIME_ZONE"],
        "PACS_MODULE_CROSSDAY": values.get("CROSSDAY") or "0",
        "PACS_MODULE_MOVE_SYNC": values.get("MOVE_SYNC") or "true",
        "PACS_MODULE_LOG_FOLDER": str(places.logs),
        "PACS_MODULE_SITE_CONFIG": str(places.configuration / "site" / "site_config.py"),
        "PACS_MODULE_SETTINGS": str(places.configuration / "pacs_module.toml"),
        "PACS_MODULE_PACS": _pacs_of(values),
        "PACS_MODULE_ORTHANC__URL": f"http://127.0.0.1:{values.get('ORTHANC_HTTP_PORT') or '8042'}",
        "PACS_MODULE_ORTHANC__USERNAME": values.get("ORTHANC_USER") or "aipull",
        "PACS_MODULE_ORTHANC__PASSWORD": values["ORTHANC_PASSWORD"],
        "PACS_MODULE_WEB__HOST": values.get("PACS_HTTP_BIND") or "127.0.0.1",
        "PACS_MODULE_WEB__PORT": _port_of_pacs(values),
        "PACS_MODULE_WEB__API_KEY": values["AIPULL_API_KEY"],
        "PACS_MODULE_WEB__CONSOLE_FILE": str(places.console),
        "PACS_MODULE_STORE__URL": values.get("STORE_URL") or f"sqlite:///{places.store}",
        "PACS_MODULE_RABBITMQ__URL": values.get("RABBITMQ_URL")
        or f"amqp://aipull:{password}@127.0.0.1:5672/%2F",
        "PACS_MODULE_BACKEND__URL": values["BACKEND_URL"],
        "PACS_MODULE_BACKEND__KEY": values["BACKEND_KEY"],
        "PACS_MODULE_BACKEND__WORKERS": values.get("BACKEND_WORKERS") or "2",
        "PACS_MODULE_HANDOVER_FOLDER": values.get("HANDOVER_SEEN_AS") or str(places.ram_disk / "handover"),
        "PACS_MODULE_ANONYMISE__FOLDER": values.get("ANONYMISE_FOLDER", ""),
        "PACS_MODULE_ANONYMISE__KEY": values.get("ANONYMISE_KEY", ""),
        "PACS_MODULE_ARCHIVE__FOLDER": values.get("ARCHIVE_FOLDER", ""),
        "PACS_MODULE_ARCHIVE__KEEP_DAYS": values.get("ARCHIVE_KEEP_DAYS", ""),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    return {**ours, **_passed_on(values)}


def _pacs_of(values: Mapping[str, str]) -> str:
    """JSON, put together as docker-compose.yml does; the pieces were checked as JSON before."""
    first = f'{{"name":"{values["HOSPITAL_PACS_NAME"]}"{values.get("HOSPITAL_PACS_SETTINGS", "")}}}'
    return f"[{first}{values.get('MORE_PACS', '')}]"


def _port_of_pacs(values: Mapping[str, str]) -> str:
    return values.get("PACS_HTTP_PORT") or "7000"


def _passed_on(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value and name.startswith(PASSED_ON)}
