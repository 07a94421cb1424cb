"""Resolves references to secrets, each once per process. Each value is masked from then on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue

from weaselish.cancel import Cancel
from weaselish.errors import ProjError
from weaselish.files.home import put_home
from weaselish.files.text_file import read_limited
from weaselish.model.secret_refs import SecretKind, SecretRef
from weaselish.named_tuple import NamedTuple
from weaselish.resolved_secrets import register_secret

_LARGEST = 1 << 16  # bytes of a secret
_TICK = 0.1  # seconds between two looks at the token

_resolved: dict[object, str] = {}  # by reference; guarded by `_lock`
_lock = threading.Lock()  # one at a time: a command may ask the user


class SecretError(ProjError):
    """A reference to a secret, such as `env:TOKEN`, cannot be resolved. The message never has the value.

    Cure: set the variable, file or entry that the reference names.
    """


class Context(NamedTuple):
    """What references count from."""

    root: Path  # relative paths of `file:`
    environ: Mapping[str, str]  # of `env:`
    cancel: Cancel


def resolve(reference: SecretRef, context: Context) -> str:
    """Return the value of a reference. Raises SecretError and Cancelled.

    An environment variable and a file are read anew each time; the answers of programs and services are kept.
    """
    while not _lock.acquire(timeout=_TICK):
        context.cancel.check()
    try:
        is_kept = reference.kind not in (SecretKind.ENV, SecretKind.FILE)
        value = _resolved.get(reference) if is_kept else None
        if value is None:
            value = _checked(_read(reference, context), reference)
            if is_kept:
                _resolved[reference] = value
        return value
    finally:
        _lock.release()


def resolved_before(reference: SecretRef, value: str) -> None:
    """Keep the value of a reference that this process has just stored."""
    with _lock:
        _resolved[reference] = value


def _read(reference: SecretRef, context: Context) -> str:
    match reference.kind:
        case SecretKind.ENV:
            return _variable(reference, context.environ)
        case SecretKind.FILE:
            return _file(reference, context.root)
        case SecretKind.KEYRING:
            from weaselish.connections.keyrings import from_keyring

            return aside(lambda: from_keyring(reference), context.cancel)
        case SecretKind.COMMAND:
            from weaselish.connections.secret_commands import from_command

            return from_command(reference, context.root, context.environ, context.cancel)
        case SecretKind.AWS:
            from weaselish.connections.aws_secrets import from_aws

            return aside(lambda: from_aws(reference), context.cancel)


def _checked(value: str, reference: SecretRef) -> str:
    """Refuse what cannot be a secret: nothing, several lines or control characters. Register the rest for masking."""
    if not value:
        raise SecretError(f"`{reference}` is empty")
    register_secret(value)
    if (lines := value.splitlines()) != [value]:
        hint = "name a field: `#FIELD`" if reference.kind is SecretKind.AWS else "leave only the secret in it"
        if reference.kind is SecretKind.COMMAND:
            hint = "let the command print only the secret, for example with `| head -n 1` in `sh -c '…'`"
        for line in lines:
            register_secret(line.strip())
        raise SecretError(f"`{reference}` has {len(lines)} lines, where a secret has one", hint=hint)
    if not value.isprintable():
        raise SecretError(f"`{reference}` contains control characters", hint="store the secret as text, without them")
    return value


def _variable(reference: SecretRef, environ: Mapping[str, str]) -> str:
    value = environ.get(reference.name)
    if value is None:
        hint = f"export {reference.name}=…"
        raise SecretError(f"`{reference}`: the environment variable is not set", hint=hint)
    return value


def _file(reference: SecretRef, root: Path) -> str:
    path = root / put_home(reference.name)
    if not os.path.lexists(path):
        raise SecretError(f"`{reference}`: the file does not exist", hint=f"write the secret into `{path}`")
    return decoded(read_limited(path, name=reference.name, limit=_LARGEST), reference)


def decoded(data: bytes, reference: SecretRef) -> str:
    """Return the text of a secret without its last newline. Raises SecretError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SecretError(f"`{reference}` is not text in UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")


def aside(call: Callable[[], str], cancel: Cancel) -> str:
    """Run a call that may block in a thread, and leave it behind if the work is cancelled. Raises Cancelled."""
    answers: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is taken
            answers.put(("", error))

    threading.Thread(target=work, daemon=True).start()
    while True:
        cancel.check()
        try:
            value, error = answers.get(timeout=_TICK)
        except Empty:
            continue
        if error is not None:
            raise error
        return value
