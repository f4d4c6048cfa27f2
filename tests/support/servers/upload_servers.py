"""
Servers that destinations are tried against: moto's S3, Debian's OpenSSH, vsftpd, Orthanc with DICOMweb, dcmtk's storescp.

Each tells what it has in a way that shares nothing with ours: by its files, or by its own REST API.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import signal
import subprocess
from pathlib import Path

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stack.ports import LOOPBACK, free_ports
from stack.probing import accepts_tcp
from tests.support.waiting import wait_for

SSHD, VSFTPD = Path("/usr/sbin/sshd"), Path("/usr/sbin/vsftpd")
DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
BUCKET = "region"


class Program:
    """A server in a process of its own, ended with its children."""

    def __init__(self, command: list[str], port: int, folder: Path, **environment: str) -> None:
        self.command, self.port = command, port
        self._log = folder / "server.log"
        self._environment = {**os.environ, **environment}
        self.start()

    def start(self) -> None:
        """Start it, again as well; returns when it listens."""
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                env=self._environment,
            )  # fmt: skip
        what = f"{self.command[0]} to listen"
        wait_for(lambda: accepts_tcp(self.port) or self.process.poll() is not None, what=what)
        assert self.process.poll() is None, self._log.read_text(errors="replace")

    def stop(self) -> None:
        """Kill -9, and all that it has started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class S3Server:
    """moto's, in memory and in a thread of this process; any key will do."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer  # with it comes much that other tests need not wait for

        self.server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
        self.server.start()
        self.host, self.port = self.server.get_host_and_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        requests.post(f"{self.url}/moto-api/reset", timeout=20)
        assert requests.put(f"{self.url}/{BUCKET}", timeout=20).ok

    def stop(self) -> None:
        self.server.stop()


class SftpServer:
    """Debian's sshd with its internal SFTP server, keys made for this test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "files"
        self.folder.mkdir(parents=True)
        self.key = folder / "client"
        host = folder / "host"
        for key in (host, self.key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        self.host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        (self.port,) = free_ports(1)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        settings = {
            "Port": self.port, "ListenAddress": LOOPBACK, "HostKey": host, "AuthorizedKeysFile": f"{self.key}.pub",
            "PidFile": "none", "StrictModes": "no", "UsePAM": "no", "PermitRootLogin": "yes",
            "Subsystem": "sftp internal-sftp",
        }  # fmt: skip
        file = folder / "sshd_config"
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self.program = Program([str(SSHD), "-D", "-e", "-f", str(file)], self.port, folder)

    @property
    def username(self) -> str:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name

    def stop(self) -> None:
        self.program.stop()


class FtpServer:
    """Debian's vsftpd; whoever comes may write. ``tls``: only encrypted."""

    def __init__(self, folder: Path, tls: bool = False) -> None:
        self.folder = folder / "files"
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)
        (self.port,) = free_ports(1)
        settings = {
            "listen": "YES", "listen_address": LOOPBACK, "listen_port": self.port, "background": "NO",
            "anonymous_enable": "YES", "no_anon_password": "YES", "anon_root": self.folder, "write_enable": "YES",
            "anon_upload_enable": "YES", "anon_mkdir_write_enable": "YES", "anon_other_write_enable": "YES",
            "anon_world_readable_only": "NO", "anon_umask": "022", "allow_writeable_chroot": "YES",
            "run_as_launching_user": "YES", "local_enable": "NO", "seccomp_sandbox": "NO", "pasv_address": LOOPBACK,
        }  # fmt: skip
        self.ca_file = ""
        if tls:
            self.ca_file = str(certificate(folder))
            settings |= {
                "ssl_enable": "YES", "allow_anon_ssl": "YES", "force_anon_logins_ssl": "YES", "force_anon_data_ssl": "YES",
                "rsa_cert_file": self.ca_file, "rsa_private_key_file": folder / "key.pem", "ssl_ciphers": "HIGH",
            }  # fmt: skip
        file = folder / "vsftpd.conf"
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self.program = Program([str(VSFTPD), str(file)], self.port, folder)

    def stop(self) -> None:
        self.program.stop()


class DicomWebServer:
    """Debian's Orthanc with its DICOMweb plugin: STOW-RS, and C-STORE with find and storage commitment."""

    def __init__(self, folder: Path, commit_port: int = 0) -> None:
        self.http, self.dicom = free_ports(2)
        self.aet = "REGION"
        known = {"us": ["AIPULL", LOOPBACK, commit_port or 1]}
        settings = {
            "Name": "region", "StorageDirectory": str(folder / "store"), "IndexDirectory": str(folder / "store"),
            "HttpPort": self.http, "DicomPort": self.dicom, "DicomAet": self.aet, "AuthenticationEnabled": False,
            "RemoteAccessAllowed": False, "Plugins": [str(DICOMWEB)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "DicomModalities": known, "DicomAlwaysAllowFind": True, "DicomCheckModalityHost": False,
            "OverwriteInstances": False, "DicomAlwaysAllowStore": True,
        }  # fmt: skip
        file = folder / "orthanc.json"
        file.write_text(json.dumps(settings))
        self.program = Program(["/usr/sbin/Orthanc", str(file)], self.http, folder, TCP_NODELAY="1")
        wait_for(lambda: accepts_tcp(self.dicom), what="Orthanc's DICOM port")

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http}"

    def images(self) -> dict[str, bytes]:
        """What it gives out, by SOPInstanceUID, without file meta information."""
        found = {}
        for one in requests.get(f"{self.url}/instances", timeout=20).json():
            tags = requests.get(f"{self.url}/instances/{one}/simplified-tags", timeout=20).json()
            raw = requests.get(f"{self.url}/instances/{one}/file", timeout=20).content
            found[tags["SOPInstanceUID"]] = raw[144 + int.from_bytes(raw[140:144], "little") :]
        return found

    def remove(self, sop_uid: str) -> None:
        for one in requests.get(f"{self.url}/instances", timeout=20).json():
            tags = requests.get(f"{self.url}/instances/{one}/simplified-tags", timeout=20).json()
            if tags["SOPInstanceUID"] == sop_uid:
                assert requests.delete(f"{self.url}/instances/{one}", timeout=20).ok

    def stop(self) -> None:
        self.program.stop()


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority; its key lies beside it in key.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    file = folder / "cert.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file
