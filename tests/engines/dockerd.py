"""Debian's dockerd on a socket of its own, without the system's daemon, a network or a registry."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from harness import is_alive, wait_until

from engines import Engine, Missing, needed
from engines.images import archives

_PROGRAMS = ("dockerd", "containerd", "runc", "docker", "setpriv", "busybox")


@contextmanager
def dockerd() -> Iterator[Engine]:
    """Start a daemon that holds the images. It dies with this process. Raises Missing."""
    needed(*_PROGRAMS)
    directory = Path(tempfile.mkdtemp(prefix="dockerd-"))  # the path of a socket must be short
    environ = {"DOCKER_HOST": f"unix://{directory}/sock", "DOCKER_CONFIG": f"{directory}/config"}
    process = None
    try:
        for driver in ("overlay2", "vfs"):
            process = start(directory, driver)
            if _answers(process, environ):
                break
        else:
            raise Missing(f"dockerd does not start: {(directory / 'log').read_text()[-500:]}")
        for archive in archives():
            _docker(environ, "load", "--quiet", "--input", str(archive))
        yield Engine(environ, process.pid)
    finally:
        stop(directory, process, environ)


def start(directory: Path, driver: str) -> subprocess.Popen[bytes]:
    words = [
        *("setpriv", "--pdeathsig", "TERM", "dockerd", "--host", f"unix://{directory}/sock", "--bridge=none"),
        *("--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec", "--pidfile", f"{directory}/pid"),
        *("--iptables=false", "--ip6tables=false", "--storage-driver", driver, "--shutdown-timeout", "2"),
    ]
    with open(directory / "log", "wb") as log:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environ(directory))


def _environ(directory: Path) -> dict[str, str]:
    """Return the environment of a daemon. A hook lets it accept `--gpus` without a GPU."""
    hook = directory / "bin/nvidia-container-runtime-hook"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin:{hook.parent}"}


def restart(engine: Engine) -> None:
    """Kill a daemon as a crash would, and start it again. Its containers end."""
    assert engine.pid is not None
    words = Path(f"/proc/{engine.pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    directory = Path(engine.environ["DOCKER_HOST"].removeprefix("unix://")).parent
    victims = engine.pid, int((directory / "exec/containerd/containerd.pid").read_text())
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, victims)), "the end of dockerd")
    for name in ("pid", "exec/containerd/containerd.pid"):  # a zombie would count as running
        (directory / name).unlink(missing_ok=True)
    with open(directory / "log", "ab") as log:
        words = [b"setpriv", b"--pdeathsig", b"TERM", *words]
        daemon = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environ(directory))
    _answers(daemon, engine.environ)


def stop(directory: Path, process: subprocess.Popen[bytes] | None, environ: Mapping[str, str]) -> None:
    """End the daemon with all its containers, and remove what it kept."""
    if process is not None and process.poll() is None:
        with suppress(subprocess.SubprocessError):
            if containers := _docker(environ, "ps", "--all", "--quiet").split():
                _docker(environ, "rm", "--force", *containers)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    end_containers(directory)
    for mount in sorted(mounts_under(directory), reverse=True):
        subprocess.run(["umount", "--lazy", mount], check=False)
    shutil.rmtree(directory, ignore_errors=True)


def end_containers(directory: Path) -> None:
    """Kill what a daemon that was killed left behind: its containerd and its containers' shims."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if f"{directory}/".encode() in Path(f"/proc/{name}/cmdline").read_bytes():
                os.kill(int(name), signal.SIGKILL)


def mounts_under(directory: Path) -> list[str]:
    lines = Path("/proc/mounts").read_text().splitlines()
    return [place for line in lines if (place := line.split()[1]).startswith(f"{directory}/")]


def _answers(process: subprocess.Popen[bytes], environ: Mapping[str, str]) -> bool:
    def is_decided() -> bool:
        return process.poll() is not None or _is_up(environ)

    wait_until(is_decided, "an answer of dockerd")
    return process.poll() is None


def _is_up(environ: Mapping[str, str]) -> bool:
    with suppress(subprocess.CalledProcessError):
        _docker(environ, "version")
        return True
    return False


def _docker(environ: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        ["docker", *words], env={**os.environ, **environ}, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout
