"""``[orthanc]``, ``[rabbitmq]``, ``[store]`` and ``[web]``: the servers around us, and our own."""

from __future__ import annotations

from pydantic import Field, SecretStr

from .section import Address, Seconds, Section


class OrthancSettings(Section):
    """The receiving Orthanc."""

    url: Address = "http://127.0.0.1:8042"
    username: str = ""
    password: SecretStr = SecretStr("")
    timeout_s: Seconds = 30.0
    find_timeout_s: Seconds = 120.0
    """Deadline of one C-FIND."""
    dicom_host: str = ""
    """Host name or address by which the PACS reach it: only told to people, when a PACS does not know us."""
    dicom_port: int = Field(default=0, ge=0, le=65535)
    """Its DICOM port as the PACS see it; 0: the one that it listens on."""
    concurrent_jobs: int = Field(default=4, ge=1)
    """Its ConcurrentJobs: C-MOVEs beyond that wait in its queue."""


class RabbitSettings(Section):
    """RabbitMQ."""

    url: SecretStr


class StoreSettings(Section):
    """``sqlite:///path`` (default, one machine), ``mongodb://...`` or ``memory:`` (tests)."""

    url: str = "sqlite:///study_info.db"


class WebSettings(Section):
    """Our own HTTP server. From loopback the debug API needs no key, from elsewhere it does."""

    host: str = "127.0.0.1"
    port: int = Field(default=7000, ge=1, le=65535)
    api_key: SecretStr = Field(min_length=8)
    max_body_mb: int = Field(default=8, ge=1, le=256)
    """The largest body of a request that is read, in MiB."""
    body_timeout_s: Seconds = 30.0
    """How long a body may take to arrive."""
    debug_asks_pacs: bool = True
    """Whether the debug API asks the PACS about what is not known here."""
    show_patient_names: bool = False
    """Show PatientName on the page of a study that the receiving Orthanc still has; each view is logged."""
