"""A project directory for tests, and `proj` driven in it as a user would."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import weaselish
from weaselish.__main__ import main
from weaselish.cli.console import be_quiet
from weaselish.files import yaml12

TIMEOUT = 60.0  # seconds after which a call of proj counts as stuck
BYTECODE = Path("/tmp/weaselish-tests-bytecode")  # compiled once, outside all projects
_WAIT = """\
echo $$ > $1.new && mv $1.new $1.running
count=0
until [ -e $1.go ] || [ $count -gt 2000 ]; do sleep 0.02; count=$((count + 1)); done
"""


@dataclass(frozen=True, slots=True)
class Done:
    """The exit code and output of one call of `proj`."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Background:
    """`proj` in a separate process. Its output may be read while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self._process = process
        self._out, self._err = out, err
        self.pid = process.pid

    @property
    def out(self) -> str:
        return self._out.read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        return self._err.read_text("utf-8", "replace")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> Done:
        """Wait for its end; `code` is -N if signal N killed it."""
        try:
            code = self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        return Done(code, self.out, self.err)


class ProjectDir:
    """A directory to fill with a project, and to run `proj` in.

    `proj` runs the command line in this process, which is quick. `process` and `start` create a process, for tests of
    processes, signals and standard input. All see only `environ`: no colour, credentials or virtual environment.
    """

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path = path
        self._scratch = scratch  # for files outside the project
        self._started = 0
        path.mkdir(parents=True, exist_ok=True)
        (scratch / "home").mkdir(parents=True, exist_ok=True)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(scratch / "home"),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PYTHONPYCACHEPREFIX": str(BYTECODE),
            "PYTHONPATH": str(Path(weaselish.__file__).parent.parent),  # the package under test, not an installed one
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    # -- files ------------------------------------------------------------------------------------------------------

    def write(self, path: str, text: str = "") -> Path:
        """Write a file and its directories, without the common indentation of the text."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), "utf-8")
        return file

    def read(self, path: str) -> str:
        return (self.path / path).read_text("utf-8")

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.path / path)

    def remove(self, path: str) -> None:
        (self.path / path).unlink()

    def project(self, text: str) -> None:
        """Write project.yml."""
        self.write("project.yml", text)

    def write_wait(self) -> None:
        """Write `wait.sh`. A script line `sh wait.sh NAME` ends after `let_go(NAME)`."""
        self.write("wait.sh", _WAIT)

    def wait_for(self, name: str) -> int:
        """Wait until `sh wait.sh NAME` runs; return its process id."""
        wait_until(lambda: self.exists(f"{name}.running"), f"the start of {name}")
        return int(self.read(f"{name}.running"))

    def let_go(self, name: str) -> None:
        self.write(f"{name}.go")

    def lock(self) -> dict[str, Any]:
        """Return the content of project.lock, empty if it does not exist."""
        if not self.exists("project.lock"):
            return {}
        data: dict[str, Any] = yaml12.read(self.read("project.lock"), file="project.lock")[0]
        return data

    def locked(self) -> list[str]:
        """Return the commands that have an entry in project.lock. Each also has a block under `.proj`."""
        lock = self.lock()
        blocks = lock.pop(".proj", {}).get("commands", {})
        assert list(blocks) == list(lock)
        return list(lock)

    def files(self) -> dict[str, bytes | None]:
        """Return the project's content by path: bytes of files, `-> target` of links, None for directories."""
        content: dict[str, bytes | None] = {}
        for path in sorted(self.path.rglob("*")):
            name = str(path.relative_to(self.path))
            if path.is_symlink():
                content[name] = b"-> " + os.readlink(os.fsencode(path))
            else:
                content[name] = path.read_bytes() if path.is_file() else None
        return content

    def beside(self, name: str) -> ProjectDir:
        """Return another, empty project directory beside this one, with the same environment."""
        other = ProjectDir(self._scratch / name, self._scratch / f"of-{name}")
        other.environ = {**self.environ}
        return other

    # -- proj -------------------------------------------------------------------------------------------------------

    def proj(self, *words: str, env: Mapping[str, str] | None = None, cwd: str = ".") -> Done:
        """Run `proj WORDS` in this process."""
        out, err = _Console(), _Console()
        with _in_place(self.path / cwd, {**self.environ, **(env or {})}, out, err):
            code = main(words)
        return Done(code, out.text(), err.text())

    def process(self, *words: str, env: Mapping[str, str] | None = None, cwd: str = ".", stdin: str = "") -> Done:
        """Run `proj WORDS` in a separate process."""
        return self.start(*words, env=env, cwd=cwd, stdin=stdin).wait()

    def start(self, *words: str, env: Mapping[str, str] | None = None, cwd: str = ".", stdin: str = "") -> Background:
        """Start `proj WORDS` in a separate process."""
        self._started += 1
        typed, out, err = (self._scratch / f"{name}-{self._started}" for name in ("stdin", "stdout", "stderr"))
        typed.write_text(stdin)
        with open(typed, "rb") as source, open(out, "wb") as to_out, open(err, "wb") as to_err:
            process = subprocess.Popen(
                [sys.executable, "-m", "weaselish", *words],
                cwd=self.path / cwd,
                env={**self.environ, **(env or {})},
                stdin=source,
                stdout=to_out,
                stderr=to_err,
            )
        return Background(process, out, err)

    def git(self, *words: str, check: bool = True) -> str:
        """Run git in the project; return its standard output."""
        done = subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main", *words],
            cwd=self.path,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout


def ran(project: ProjectDir) -> list[str]:
    """Return what the scripts of a project noted in the file `ran` since the last call."""
    steps = project.read("ran").split() if project.exists("ran") else []
    project.write("ran", "")
    return steps


def wait_until(happened: Callable[[], object], what: str = "what the test waits for") -> None:
    """Return as soon as `happened()` is true; fail after TIMEOUT."""
    until = time.monotonic() + TIMEOUT
    while not happened():
        assert time.monotonic() < until, f"{what} did not happen"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill_line(pid: int) -> None:
    """Kill the process group of a script line."""
    group = os.getpgid(pid)
    os.killpg(group, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(member) for member in _members(group)))


def _members(group: int) -> Iterator[int]:
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(name)) == group:
                yield int(name)


class _Console(io.TextIOWrapper):
    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace", newline="\n", write_through=True)

    def text(self) -> str:
        self.flush()
        self.seek(0)
        return self.read()


@contextlib.contextmanager
def _in_place(cwd: Path, environ: Mapping[str, str], out: _Console, err: _Console) -> Iterator[None]:
    """Run a block as if this process had been started in `cwd` with `environ`, no input and this console."""
    before = os.getcwd(), dict(os.environ), sys.stdin, sys.stdout, sys.stderr
    be_quiet(False)  # an earlier call in this process may have chosen it
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), out, err
    try:
        yield
    finally:
        old_cwd, old_environ, sys.stdin, sys.stdout, sys.stderr = before
        os.environ.clear()
        os.environ.update(old_environ)
        os.chdir(old_cwd)
