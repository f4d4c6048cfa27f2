"""Settings of pacs_module whose PACS is a simulated one, asked without Orthanc."""

from pathlib import Path

from hospital_sim.pacs import SimPacs
from stack.settings_file import as_toml

NOBODY = "127.0.0.1:1"


def sim_settings(folder: Path, pacs: SimPacs, **orthanc: str) -> Path:
    """A settings file in the folder; the PACS is named SIM, ``orthanc`` is our own where a test has one."""
    values = {
        "time_zone": "Asia/Shanghai",
        "pacs": [
            {
                "name": "SIM",
                "finder": "pynetdicom",
                "host": pacs.host,
                "port": pacs.port,
                "ae_title": pacs.ae_title,
            }
        ],
        "orthanc": orthanc or {"username": "aipull", "password": "a-secret-word"},
        "web": {"api_key": "correct-horse-battery"},
        "rabbitmq": {"url": f"amqp://user:a-secret-word@{NOBODY}/%2F"},
        "backend": {"url": f"http://{NOBODY}/compute", "key": "a-secret-word"},
    }
    file = folder / "settings.toml"
    file.write_text(as_toml(values), encoding="utf-8")
    return file
