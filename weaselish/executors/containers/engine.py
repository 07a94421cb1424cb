"""Docker and Podman by their command lines, which both understand the same subcommands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.named_tuple import NamedTuple

_ANSWER = 120.0  # seconds after which an engine that does not answer counts as down
_SIGNAL = 5.0  # seconds that sending a signal may take: `exec` never ends if the container ends at that moment
OOM = "oom"  # the name of a file that conmon, which watches a container for Podman, writes
_SEEN = "{{json .State}} {{json .Image}} {{json .Config.Labels}} {{json .Name}}"
_DOWN = ("cannot connect to", "the docker daemon running", "error during connect", "connect to the docker api")


class EngineDown(ProjError):
    """Docker or Podman is not installed, or does not answer.

    Cure: start it; or choose another executor with `--executor`.
    """


class NoAnswer(EngineDown):
    """Docker or Podman did not answer in time.

    Cure: look at its load and log; `proj executor test NAME` tries again.
    """


class Seen(NamedTuple):
    """What an engine says about a container."""

    status: str  # created, running, exited …
    exit_code: int
    ran_out_of_memory: bool
    started: str  # RFC 3339
    image: str  # the ID of its image
    labels: Mapping[str, str]
    name: str
    watcher: int  # the process of Podman that notes its end; 0: unknown

    @property
    def is_running(self) -> bool:
        return self.status in ("running", "paused", "restarting", "removing", "stopping")


class Engine:
    """One engine, as `executor` of project.yml. `environ` holds its usual variables, DOCKER_HOST among them.

    Methods raise EngineDown if it does not answer, and ProjError with its own words for everything else.
    """

    def __init__(self, program: str, executor: str, environ: Mapping[str, str]) -> None:
        self.program = program
        self.executor = executor
        self.environ = dict(environ)

    def create(self, options: Sequence[str], image: str, words: Sequence[str]) -> str:
        """Create a container. Return the warnings of the engine."""
        return self._ask("create", "--pull=never", *options, image, *words, error_too=True)

    def start(self, name: str, folder: Path) -> subprocess.Popen[bytes]:
        """Start a container and pass its output on, as the client's standard output.

        Podman may leave the empty file OOM in `folder`: the memory limit ended a process. Some of its versions do not
        say so when asked. The shell in the container says it, too, unless the limit ends that shell as well.
        """
        return self._client("start", "--attach", name, folder=folder)

    def follow(self, name: str) -> subprocess.Popen[bytes]:
        """Pass on the output of a container from its beginning, until it ends."""
        return self._client("logs", "--follow", name)

    def see(self, *names: str) -> list[Seen]:
        """Return what the engine says about containers. Leave out those that do not exist."""
        if not names:
            return []
        done = self._run("container", "inspect", "--format", _SEEN, *names)
        if done.returncode and not _is_unknown(done.stderr):
            raise self._failure("inspect", done.stderr)
        return [_seen(line) for line in done.stdout.splitlines() if line.strip()]

    def is_lost(self, seen: Seen) -> bool:
        """Return whether a container counts as running although no process notes its end."""
        is_here = sys.platform == "linux" and not self.environ.keys() & {"CONTAINER_HOST", "CONTAINER_CONNECTION"}
        return is_here and seen.is_running and seen.watcher > 0 and not _is_alive(seen.watcher)

    def list(self, *labels: str) -> list[str]:
        """Return the names of all containers that have the labels, running or not."""
        filters = (word for label in labels for word in ("--filter", f"label={label}"))
        return self._ask("ps", "--all", "--no-trunc", "--format", "{{.Names}}", *filters).split()

    def call(self, *words: str) -> int:
        """Run a subcommand on our terminal. Return its exit code."""
        try:
            return subprocess.call([self.program, *words], env=self.environ)
        except FileNotFoundError:
            raise self._not_installed() from None

    def signal(self, name: str, signal: str) -> None:
        """Send a signal to every process in a container. Do nothing if it has ended."""
        if signal == "KILL":
            self._run("kill", name)
        else:
            with suppress(NoAnswer):
                self._run("exec", name, "/bin/sh", "-c", f"kill -{signal} -1", within=_SIGNAL)

    def remove(self, *names: str) -> None:
        """Remove containers, ending those that run."""
        if names:
            self._run("rm", *self._at_once, *names)

    def begin_removal(self, *names: str) -> subprocess.Popen[bytes]:
        return self._client("rm", *self._at_once, *names)

    def create_network(self, name: str, labels: Sequence[str]) -> bool:
        """Create a network on which containers find each other by name. Return False if the engine cannot."""
        return self.program == "docker" and not self._run("network", "create", *labels, name).returncode

    def remove_network(self, name: str) -> None:
        self._run("network", "rm", name)

    def image_id(self, image: str) -> str | None:
        """Return the ID of an image, None if it is not there."""
        done = self._run("image", "inspect", "--format", "{{.Id}}", image)
        if done.returncode == 0:
            return f"sha256:{done.stdout.strip().removeprefix('sha256:')}"
        if _is_unknown(done.stderr):
            return None
        raise self._failure(f"inspect the image `{image}`", done.stderr)

    def pull(self, image: str, cancel: Cancel, progress: Callable[[bytes], None]) -> None:
        """Pull an image, with the engine's own progress. Raises ProjError and Cancelled."""
        client = self._client("pull", image, merged=True)
        assert client.stdout is not None
        said = b""
        try:
            while data := _read(client.stdout.fileno(), cancel):
                said = (said + data)[-2000:]
                progress(data)
            cancel.check()
        finally:
            if client.poll() is None and cancel.level:
                client.terminate()
            client.wait()
            client.stdout.close()
        if client.returncode:
            text = said.decode("utf-8", "replace")
            if self._is_down(text):
                raise self._failure("pull", text)
            raise ProjError(
                f"executor `{self.executor}`: the image `{image}` cannot be pulled: {last_line(text)}",
                hint="check its name; offline, an image must be there already",
            )

    @property
    def _at_once(self) -> tuple[str, ...]:
        """The options of `rm` that kill a running container: Podman would give it ten seconds."""
        return ("--force",) if self.program == "docker" else ("--force", "--time=0")

    def _ask(self, *words: str, error_too: bool = False) -> str:
        done = self._run(*words)
        if done.returncode:
            what = "create a container" if words[0] == "create" else words[0]
            raise self._failure(what, done.stderr)
        return done.stderr if error_too else done.stdout

    def _run(self, *words: str, within: float = _ANSWER) -> subprocess.CompletedProcess[str]:
        try:
            done = subprocess.run(
                [self.program, *words],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="surrogateescape",
                start_new_session=True,  # a key pressed for us is not for it
                timeout=within,
            )
        except FileNotFoundError:
            raise self._not_installed() from None
        except subprocess.TimeoutExpired:
            raise NoAnswer(f"executor `{self.executor}`: {self.program} does not answer") from None
        if done.returncode and self._is_down(done.stderr):
            raise self._failure(words[0], done.stderr)
        return done

    def _client(self, *words: str, merged: bool = False, folder: Path | None = None) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [self.program, *words],
                cwd=folder if folder is not None and folder.is_dir() else None,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merged else subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise self._not_installed() from None

    def _not_installed(self) -> EngineDown:
        return EngineDown(
            f"executor `{self.executor}`: `{self.program}` was not found on PATH",
            hint=f"install {self.program}, or choose another executor: `--executor local`",
        )

    def _is_down(self, error: str) -> bool:
        return any(words in error.lower() for words in _DOWN)

    def _failure(self, what: str, error: str) -> ProjError:
        text = last_line(error)
        if self._is_down(error):
            hint = "start it, or see where DOCKER_HOST leads" if self.program == "docker" else None
            return EngineDown(f"executor `{self.executor}`: {self.program} is not reachable: {text}", hint=hint)
        return ProjError(f"executor `{self.executor}`: {self.program} could not {what}: {text}")


def _seen(line: str) -> Seen:
    decode = json.JSONDecoder().raw_decode
    parts: list[Any] = []
    rest = line.strip()
    while rest:
        part, end = decode(rest)
        parts.append(part)
        rest = rest[end:].lstrip()
    state, image, labels, name = parts
    return Seen(
        status=str(state["Status"]),
        exit_code=int(state["ExitCode"]),
        ran_out_of_memory=bool(state.get("OOMKilled")),
        started=str(state.get("StartedAt", "")),
        image=f"sha256:{str(image).removeprefix('sha256:')}",
        labels=dict(labels or {}),
        name=str(name).removeprefix("/"),
        watcher=int(state.get("ConmonPid") or 0),
    )


def _is_alive(pid: int) -> bool:
    """Return whether a process of this machine exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def _is_unknown(error: str) -> bool:
    return "no such" in error.lower() or "not known" in error.lower()


def last_line(text: str) -> str:
    """Return the last line of what a client said that is not about how to call it."""
    lines = [line.strip() for line in text.partition("\nUsage:")[0].splitlines()]
    lines = [line for line in lines if line and "--help" not in line]
    return (lines or ["no reason given"])[-1].removeprefix("Error response from daemon: ").removeprefix("Error: ")


def _read(descriptor: int, cancel: Cancel) -> bytes:
    """Return the next data of a pipe; nothing at its end, or once the work should end."""
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(cancel.fileno(), select.POLLIN)
    if any(fd == descriptor for fd, _ in poll.poll()) and not cancel.level:
        return os.read(descriptor, 1 << 16)
    return b""
