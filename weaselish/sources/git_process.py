"""Runs git with the user's credentials, proxies and ssh settings, but no settings that change bytes or run code."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.errors import ProjError

# environment variables with credentials and settings of connections
_KEPT = re.compile(
    r"GIT_(SSH|SSH_COMMAND|SSH_VARIANT|ASKPASS|TERMINAL_PROMPT|PROXY_COMMAND|HTTP_\w+|SSL_\w+|EXEC_PATH|CONFIG_\w+)"
)
# these win over the user's configuration; attributes in `info/attributes` disable filters such as LFS
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    "core.eol": "lf",
    "core.symlinks": "true",
    "core.fileMode": "true",
    "core.attributesFile": os.devnull,
    "core.sparseCheckoutCone": "false",
    "index.sparse": "false",
    "init.defaultBranch": "main",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "fetch.prune": "false",
    "fetch.pruneTags": "false",
    "fetch.writeCommitGraph": "false",
    "protocol.allow": "user",
    "protocol.ext.allow": "never",
    "protocol.fd.allow": "never",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "color.ui": "false",
} | {f"protocol.{name}.allow": "always" for name in ("file", "git", "http", "https", "ssh")}
_UNINFORMATIVE = re.compile(
    r"\W*$|Warning: |warning: |Cloning into|Could not read from remote|Please make sure|and the repository exists"
)
_TICK = 0.05  # seconds between two looks at the cancellation token
_GRACE = 0.2  # seconds between SIGTERM and SIGKILL


class GitError(ProjError):
    """git failed, or the repository does not have the requested branch, tag or commit.

    Cure: try `git ls-remote URL`; correct the address, the branch or your access.
    """


def run_git(words: Iterable[str], *, cwd: Path, cancel: Cancel, settings: Mapping[str, str]) -> str:
    """Run one git command and return its output. Raises GitError with the essence of what git reported."""
    options = [word for name, value in {**_SETTINGS, **settings}.items() for word in ("-c", f"{name}={value}")]
    cancel.check()
    try:
        process = subprocess.Popen(
            ["git", *options, *words],
            cwd=cwd,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise GitError("git is not installed, or not on the PATH") from None
    out, err = _wait(process, cancel)
    if process.returncode:
        raise GitError(_essence(err.decode("utf-8", "replace")))
    return out.decode("utf-8", "surrogateescape")


def _environment() -> dict[str, str]:
    """Return our environment without variables that lead git elsewhere, and with messages in English."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)}
    return {**env, "GIT_ATTR_NOSYSTEM": "1", "LC_ALL": "C"}


def _wait(process: subprocess.Popen[bytes], cancel: Cancel) -> tuple[bytes, bytes]:
    try:
        while True:
            cancel.check()
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=_TICK)
    except BaseException:
        _kill(process)
        raise


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End git and the helpers it started, such as ssh. They share our process group, so that they can ask passwords."""
    import psutil

    family: list[psutil.Process] = []
    with suppress(psutil.Error):
        git = psutil.Process(process.pid)
        family = [git, *git.children(recursive=True)]
    for signal_one in (psutil.Process.terminate, psutil.Process.kill):
        for member in family:
            with suppress(psutil.Error):
                signal_one(member)
        _, family = psutil.wait_procs(family, timeout=_GRACE)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _essence(text: str) -> str:
    """Return the line of git's report that says why it failed."""
    lines = [re.sub(r"^(fatal|error|remote): *", "", line) for line in text.splitlines() if line.strip()]
    reasons = [line for line in lines if line and not _UNINFORMATIVE.match(line)] or lines or ["git gave no reason"]
    return reasons[0]
