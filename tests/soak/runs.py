"""`proj` in processes of its own, forked from here: started in milliseconds, and killed in many ways."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weaselish.__main__ import main

_QUIET = 3  # times in a row that no survivor is seen
TIMEOUT = 60.0  # seconds after which a run that still goes on counts as hanging
_INTERRUPTS = {signal.SIGINT}
MARK = "SOAK_WORLD"  # in the environment of all that a world starts
_PRELOADED = """
    typer networkx yaml srsly wasabi.tables wasabi.util pathspec dotenv blake3 concurrent.futures.thread jsonschema_rs
    weaselish.cli.app weaselish.cli.run weaselish.cli.status weaselish.executors.local.executor weaselish.files.yaml12
    weaselish.model.parse weaselish.model.schema weaselish.engine.run.run
    weaselish.engine.cache.steps weaselish.engine.gc.collect weaselish.cli.gc weaselish.engine.run.execution sqlite3
    weaselish.locks.step_locks weaselish.stores.open weaselish.stores.directory weaselish.sources.git_process
"""


def preload() -> None:
    """Import what `proj` imports, so that forks need not."""
    for name in _PRELOADED.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


@dataclass
class Ended:
    """What became of a run. `code` is -N if signal N ended it; None if it had to be ended because it hung."""

    code: int | None
    out: str
    err: str

    @property
    def steps(self) -> dict[str, dict[str, Any]] | None:
        """The rows of `--json` by step; None if `proj` ended before it printed them, or with an error."""
        try:
            data = json.loads(self.out)
        except ValueError:
            return None
        if isinstance(data, dict) and "error" in data:
            return None
        rows = data["steps"] if isinstance(data, dict) else data
        return {row["step"]: row for row in rows}


class Running:
    """One `proj`, the leader of a session of its own."""

    def __init__(self, pid: int, out: Path, err: Path, *, is_real: bool) -> None:
        self.pid = pid
        self.is_real = is_real
        self._out, self._err = out, err
        self._fd = os.pidfd_open(pid)
        self._code: int | None = None
        self.was_killed = False

    def wait(self, timeout: float = TIMEOUT) -> Ended | None:
        """What became of it, or None if it still runs after that time."""
        if self._code is None:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            if not poll.poll(timeout * 1000):
                return None
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._fd)
        return Ended(self._code, self._out.read_text("utf-8", "replace"), self._err.read_text("utf-8", "replace"))

    def signal(self, number: int) -> None:
        if self._code is None:
            os.kill(self.pid, number)


def start(
    words: Sequence[str], cwd: Path, environ: Mapping[str, str], scratch: Path, *, clock: float = 0, real: bool = False
) -> Running:
    """`proj WORDS`; `clock`: how many seconds its clock is off; `real`: with a Python of its own."""
    out, err = (scratch / f"{name}-{time.monotonic_ns()}" for name in ("out", "err"))
    out.touch()
    err.touch()
    if real:
        with open(out, "wb") as to_out, open(err, "wb") as to_err:
            process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-m", "weaselish", *words],
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                start_new_session=True,
            )
        process.returncode = 0  # waited for here, not by subprocess
        return Running(process.pid, out, err, is_real=True)
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    pid = os.fork()
    if pid == 0:
        _become(words, cwd, environ, out, err, clock)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    return Running(pid, out, err, is_real=False)


def _become(words: Sequence[str], cwd: Path, environ: Mapping[str, str], out: Path, err: Path, clock: float) -> None:
    code = 70
    try:
        try:
            os.setsid()
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(environ)
            for fd, path in ((0, Path(os.devnull)), (1, out), (2, err)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666), fd)
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
            sys.stdout, sys.stderr = (io.TextIOWrapper(open(fd, "wb", closefd=False)) for fd in (1, 2))  # noqa: SIM115
            faulthandler.enable(sys.stderr.fileno())  # what hangs is ended with SIGABRT
            if clock:
                _set_clock(clock)
            code = _main(words)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()  # as Python itself would
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
    finally:
        os._exit(code)  # whatever interrupts the above: this process must never go on as its parent


def _main(words: Sequence[str]) -> int:
    """An interrupt before `proj` begins ends us without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return main(list(words))
    except KeyboardInterrupt as interrupt:
        if interrupt.__traceback__ and interrupt.__traceback__.tb_next is None:
            return 130
        raise


def _set_clock(by: float) -> None:
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + by
    time.time_ns = lambda: now_ns() + int(by * 1e9)


def kill_all(running: Sequence[Running], mark: str) -> None:
    """As when the power fails: `proj` and all that it has ever started here, at once."""
    for one in running:
        one.was_killed = True
        one.signal(signal.SIGSTOP)
    for pid in (*survivors(mark), *survivors(mark)):
        _kill(pid, signal.SIGSTOP)
    for one in running:
        one.signal(signal.SIGKILL)
    end_survivors(mark)


def survivors(mark: str) -> list[int]:
    """The processes, `proj` aside, that were started by a run of this world."""
    found = []
    wanted = f"{MARK}={mark}".encode()
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in Path("/proc", name, "environ").read_bytes().split(b"\0"):
                    found.append(int(name))
    return found


def end_survivors(mark: str) -> None:
    """Kill what a run left behind. A process between fork and exec has no environment yet: look several times."""
    until = time.monotonic() + TIMEOUT
    quiet = 0
    while quiet < _QUIET:
        pids = survivors(mark)
        quiet = 0 if pids else quiet + 1
        for pid in pids:
            _kill(pid, signal.SIGKILL)
        assert time.monotonic() < until, f"SIGKILL does not end {pids}"
        time.sleep(0.002)


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_for(happened: Callable[[], bool], timeout: float) -> bool:
    """Whether it happened in that time."""
    until = time.monotonic() + timeout
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


class Log:
    """What work.sh logs of its starts and ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()
        self._offset = 0

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def new(self) -> list[tuple[str, str, str]]:
        """(start or end, step, run) since the last call."""
        return list(self._read())

    def _read(self) -> Iterator[tuple[str, str, str]]:
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        for line in data.decode().splitlines():
            what, step, run = line.split()
            yield what, step, run
