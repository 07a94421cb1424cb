"""Podman with storage and settings of its own. It has no daemon."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines import Engine, Missing, needed
from engines.dockerd import mounts_under
from engines.images import archives

_SETTINGS = """\
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]
netns = "host"
init_path = "/usr/bin/catatonit"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "DIRECTORY/tmp"
[network]
network_config_dir = "DIRECTORY/net"
"""
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "DIRECTORY/graph"
runroot = "DIRECTORY/run"
"""


@contextmanager
def podman() -> Iterator[Engine]:
    """Prepare Podman, with the images. Raises Missing."""
    needed("podman", "runc", "catatonit", "busybox")
    directory = Path(tempfile.mkdtemp(prefix="podman-"))
    for name, text in {"containers.conf": _SETTINGS, "storage.conf": _STORAGE}.items():
        (directory / name).write_text(text.replace("DIRECTORY", str(directory)))
    for name in ("tmp", "net"):
        (directory / name).mkdir()
    environ = {
        "CONTAINERS_CONF": str(directory / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
    }

    def run(*words: str, check: bool = True) -> None:
        done = subprocess.run(
            ["podman", *words], env={**os.environ, **environ}, capture_output=True, text=True, timeout=120
        )
        if check and done.returncode:
            raise Missing(f"podman {words[0]} fails: {done.stderr[-500:]}")

    try:
        for archive in archives():
            run("load", "--quiet", "--input", str(archive))
        run("run", "--rm", "--init", "--network=none", "bb:1", "true")
        yield Engine(environ)
    finally:
        run("rm", "--force", "--all", "--time", "1", check=False)
        for mount in sorted(mounts_under(directory), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(directory, ignore_errors=True)
