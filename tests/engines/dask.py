"""A private Dask on loopback for the tests: a scheduler, and two workers in directories of their own.

The daemons are children that die with this process. Dask's nanny is left out, so that
a killed worker stays dead until `start`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness import wait_until

import weaselish

WORKERS = ("w1", "w2")
RESOURCES = {"w1": "CPU=2 MEMORY=2e9 GPU=1", "w2": "CPU=2 MEMORY=2e9"}
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Dask:
    """A running cluster. `environ` is what a client needs to find it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.environ: Mapping[str, str] = {"DASK_SCHEDULER_ADDRESS": self.address}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        port = self.address.rpartition(":")[2]
        self._start("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        self._wait_for("scheduler", "Scheduler at")
        for name in WORKERS:
            self.start_worker(name)
        for name in WORKERS:
            self._wait_for(name, "Registered to")

    def start_worker(self, name: str, *, wait: bool = False) -> None:
        """Start a worker that is not running."""
        local = str(self.directory / name / "local")
        options = ["--host", "127.0.0.1", "--nthreads", "2", "--name", name, "--no-nanny", "--no-dashboard"]
        self._start(name, self.address, *options, "--local-directory", local, "--resources", RESOURCES[name])
        if wait:
            self._wait_for(name, "Registered to")

    def kill_worker(self, name: str) -> None:
        """Kill a worker, as if it had run out of memory."""
        daemon = self._daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def places(self) -> list[str]:
        """Return the directories of jobs that workers have not removed."""
        return [str(path) for path in self.directory.glob("w?/local/**/proj-*")]

    def worker_of(self, pid: int) -> str:
        """Return the name of the worker under which a process runs."""
        pids = {daemon.pid: name for name, daemon in self._daemons.items()}
        while pid not in pids:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            assert pid > 1
        return pids[pid]

    def stop(self) -> None:
        for name in reversed(tuple(self._daemons)):
            daemon = self._daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(5)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self, name: str, *arguments: str) -> None:
        kind = "scheduler" if name == "scheduler" else "worker"
        place = self.directory / name
        place.mkdir(exist_ok=True)
        environ = {
            **os.environ,
            "OUTER": "of the caller",
            "PYTHONPATH": str(Path(weaselish.__file__).parent.parent),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        }
        with open(self.directory / f"{name}.log", "wb") as log:
            self._daemons[name] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=place,
                env=environ,
                preexec_fn=_die_with_parent,
            )

    def _wait_for(self, name: str, text: str) -> None:
        log = self.directory / f"{name}.log"
        wait_until(lambda: text in log.read_text("utf-8", "replace"), f"`{text}` of {name}")


@contextmanager
def dask() -> Iterator[Dask]:
    """Run a Dask for the block."""
    cluster = Dask(Path(tempfile.mkdtemp(prefix="weaselish-dask-")))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
