"""Where an installation has its programs, configuration, data and logs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Below ``root`` ("/" but in tests), with the programs in ``prefix``."""

    prefix: Path = Path(__file__).resolve().parents[1]
    root: Path = Path("/")

    @property
    def configuration(self) -> Path:
        """Everything that the site writes."""
        return self.root / "etc" / "aipull"

    @property
    def settings(self) -> Path:
        """The variables, as in the .env of docker-compose."""
        return self.configuration / "aipull.env"

    @property
    def secrets(self) -> Path:
        """The variables that only root and systemd read."""
        return self.configuration / "secrets.env"

    @property
    def state(self) -> Path:
        """On disk: what must outlive the RAM disk."""
        return self.root / "var" / "lib" / "aipull"

    @property
    def ram_disk(self) -> Path:
        """Mount point of the tmpfs with store, index and hand-over folder."""
        return self.state / "ram"

    @property
    def copies(self) -> Path:
        """Mount point of the tmpfs for copies without names, when they are switched on."""
        return self.state / "copies"

    @property
    def journal(self) -> Path:
        """The plugins' journal."""
        return self.state / "orthanc" / "journal.db"

    @property
    def store(self) -> Path:
        """The study store, unless STORE_URL names another one."""
        return self.state / "pacs" / "study_info.db"

    @property
    def backups(self) -> Path:
        """What ``pacs-module backup`` writes."""
        return self.root / "var" / "backups" / "aipull"

    @property
    def logs(self) -> Path:
        """orthanc-python.log, dcm_end.log and what lies beside them."""
        return self.root / "var" / "log" / "aipull"

    @property
    def console(self) -> Path:
        """
        Where pacs_module writes a key for the commands of this machine; the folder is systemd's
        RuntimeDirectory.
        """
        return self.root / "run" / "aipull" / "console"

    @property
    def python(self) -> Path:
        """Of the venv with the locked packages."""
        return self.prefix / "venv" / "bin" / "python"
