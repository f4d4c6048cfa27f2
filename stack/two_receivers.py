"""The whole stack with a second receiving Orthanc beside the first, on the same machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stack.ports import free_ports
from stack.ram_disk import make_ram_disk, remove_noted
from stack.servers.orthanc import OrthancPorts, ReceivingOrthanc
from stack.settings_file import merged
from stack.whole import Stack


class SecondReceiver(ReceivingOrthanc):
    """With an AE title, a RAM disk, a journal and a hand-over folder of its own."""

    name = "receiving-orthanc-2"
    aet = "AIPULL2"


class TwoReceivers(Stack):
    """The whole stack, and one more receiving Orthanc."""

    second: SecondReceiver
    beside: Path

    def _assemble(self) -> None:
        super()._assemble()
        self.beside = self.run.path / "two"
        self.beside.mkdir(mode=0o700)
        disk = make_ram_disk(self.beside, self.options.ram_disk, self.options.ram_disk_bytes)
        links, named = self.receiver.links, "AIPULL_RECEIVER"
        self.receiver.links = replace(links, environment={**links.environment, named: "one"})
        other = replace(
            links, environment={**links.environment, named: "two"}, log_folder=self.beside / "site-logs"
        )
        http, dicom = free_ports(2)
        self.second = SecondReceiver(self.run, OrthancPorts(http, dicom), disk.path, other)
        self.second.journal = self.beside / "journal.db"
        receiver = {"name": "two", "url": self.second.url, "username": self.second.user}
        receiver |= {"password": self.second.password, "handover_folder": str(self.second.handover_folder)}
        self.pacs_module.overrides = merged(self.pacs_module.overrides, {"receiver": [receiver]})
        self._servers["second receiver"] = self.second

    def stop(self, gracefully: bool = True) -> None:
        """Stop all of it, and give the second RAM disk back."""
        super().stop(gracefully)
        remove_noted(self.beside)
