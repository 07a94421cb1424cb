"""An sshd of its own on loopback, for git: private by key."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STARTING = 30


class Missing(Exception):
    """A program that is not installed."""


@dataclass(frozen=True, slots=True)
class Sshd:
    port: int
    command: str  # for GIT_SSH_COMMAND, with the key
    without_key: str

    def url(self, path: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


@contextmanager
def sshd(directory: Path) -> Iterator[Sshd]:
    program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if not (program and shutil.which("ssh")):
        raise Missing("openssh-server")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # it wants this one as root
    for key in ("host", "user"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / key)]
        subprocess.run(words, check=True)
    port = _free_port()
    (directory / "known").write_text(f"[127.0.0.1]:{port} {(directory / 'host.pub').read_text()}")
    (directory / "conf").write_text(f"""\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host
AuthorizedKeysFile {directory}/user.pub
PidFile {directory}/pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
""")
    log = directory / "log"
    process = subprocess.Popen([program, "-D", "-f", str(directory / "conf"), "-E", str(log)])
    try:
        until = time.monotonic() + STARTING
        while not _listens(port):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.02)
        base = f"ssh -F /dev/null -o BatchMode=yes -o IdentityAgent=none -o UserKnownHostsFile={directory}/known"
        yield Sshd(
            port,
            f"{base} -o IdentitiesOnly=yes -i {directory}/user",
            f"{base} -o IdentitiesOnly=yes -o IdentityFile=none",
        )
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
