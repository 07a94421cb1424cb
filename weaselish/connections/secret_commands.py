"""Runs the command of a reference `cmd:COMMAND`, which prints a secret."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic

from weaselish.cancel import Cancel
from weaselish.connections.secrets import SecretError, decoded
from weaselish.model.secret_refs import SecretRef

TIMEOUT = 60.0  # seconds
_TICK = 0.05  # seconds between two looks at the process
_LARGEST = 1 << 16  # bytes of a secret
_MOST_STDERR = 600  # characters


def from_command(
    reference: SecretRef, root: Path, environ: Mapping[str, str], cancel: Cancel, *, timeout: float = TIMEOUT
) -> str:
    """Return what the command prints, without the last newline. It runs in `root`. Raises SecretError and Cancelled."""
    argv = _words(reference)
    with TemporaryFile() as out, TemporaryFile() as err:
        try:
            process = subprocess.Popen(
                argv, cwd=root, env=dict(environ), stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise SecretError(
                f"`{reference}` cannot be run: {reason}", hint="check the program's name and PATH"
            ) from None
        try:
            code = _wait(process, reference, cancel, timeout)
        finally:
            _end(process)
        out.seek(0)
        err.seek(0)
        if code:
            said = err.read(4 * _MOST_STDERR).decode("utf-8", "replace").strip()[:_MOST_STDERR]
            raise SecretError(f"`{reference}` failed with exit code {code}" + (f": {said}" if said else ""))
        data = out.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise SecretError(f"`{reference}` printed more than {_LARGEST >> 10} KiB")
    return decoded(data, reference)


def _words(reference: SecretRef) -> list[str]:
    try:
        words = shlex.split(reference.name)
    except ValueError as error:
        raise SecretError(f"`{reference}` cannot be split into words: {str(error).lower()}") from None
    if not words:
        raise SecretError(f"`{reference}` names no program")
    return words


def _wait(process: subprocess.Popen[bytes], reference: SecretRef, cancel: Cancel, timeout: float) -> int:
    until = monotonic() + timeout
    while (code := process.poll()) is None:
        if monotonic() > until:
            hint = "run it in a terminal: does it wait for an answer?"
            raise SecretError(f"`{reference}` did not end within {timeout:.0f} s", hint=hint)
        cancel.sleep(_TICK)
    return code


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that still runs, with its children."""
    if process.poll() is None:
        import psutil

        with suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
        process.kill()
        process.wait()
