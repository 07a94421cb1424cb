"""Adds, renames and removes the user's remotes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from weaselish.cancel import Cancel
from weaselish.connections import keyrings, secrets
from weaselish.connections.change_config import Draft, changing
from weaselish.connections.credentials import Credentials
from weaselish.connections.stored_credentials import KEYRING, Stored, credentials_file, stored_credentials
from weaselish.connections.user_config import config_file, shown_path, user_remotes
from weaselish.engine.remote.probe import ProbeStep, probe
from weaselish.engine.remote.resolve import OpenStore
from weaselish.errors import ProjError, StoreError, UnknownName, UsageError
from weaselish.model.cache import LOCAL
from weaselish.model.project import Remote
from weaselish.model.secret_refs import SecretRef
from weaselish.model.urls import directory_of
from weaselish.named_tuple import NamedTuple

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class NewRemote(NamedTuple):
    """A remote that the user adds."""

    remote: Remote
    credentials: Credentials | None = None  # to be stored; None: those that exist, or the cloud's own chain
    in_keyring: bool = False
    replaces: bool = False
    creates_bucket: bool = False
    is_tested: bool = True


def add_remote(
    new: NewRemote,
    *,
    open_store: OpenStore,
    create_bucket: Callable[[Remote], None],
    report: Callable[[ProbeStep], None],
    cancel: Cancel,
) -> None:
    """Test a remote, then keep it in the user's configuration. `report` receives each operation of the test.

    Raises ProjError if the name is taken or the test fails; then nothing is stored.
    """
    name = new.remote.name
    _check_new(new, user_remotes(), stored_credentials())
    if new.is_tested:
        _test(new, open_store, create_bucket, report, cancel)
    with changing(cancel) as draft:
        _check_new(new, draft.remotes, draft.credentials)
        with _keyring_entry(new, cancel) as stored:
            draft.set_remote(name, new.remote)
            if stored is not None:
                draft.set_credentials(name, stored)


def rename_remote(old: str, new: str, *, cancel: Cancel) -> None:
    """Rename a user's remote, with its credentials. Raises UnknownName, and UsageError if the new name is taken."""
    check_name(new)
    with changing(cancel) as draft:
        remote = _defined(draft, old)
        if new in draft.remotes or new in draft.credentials:
            raise UsageError(f"`{new}` exists", hint="choose another name, or remove it first")
        stored = draft.credentials.get(old)
        draft.set_remote(old, None)
        draft.set_remote(new, remote._replace(profile=new if stored and remote.profile == old else remote.profile))
        draft.set_credentials(old, None)
        draft.set_credentials(new, stored)
        for other in list(draft.remotes.values()):
            if stored and other.profile == old:
                draft.set_remote(other.name, other._replace(profile=new))
        if stored == KEYRING:
            _move_in_keyring(old, new, cancel)


def remove_remote(name: str, *, cancel: Cancel) -> str | None:
    """Remove a user's remote with its credentials. Return the other remote that still uses these, if one does."""
    with changing(cancel) as draft:
        _defined(draft, name)
        draft.set_remote(name, None)
        user = next((other.name for other in draft.remotes.values() if other.profile == name), None)
        if user is None:
            stored = draft.credentials.get(name)
            draft.set_credentials(name, None)
            if stored == KEYRING:
                keyrings.remove_from_keyring(keyrings.reference_to(name))
        return user


def check_name(name: str) -> None:
    """Raise UsageError for a name that no remote of the user can have."""
    if not _NAME.fullmatch(name):
        hint = "use letters, digits, `-`, `_` and `.`"
        raise UsageError(f"`{name}` is not a valid name of a remote", hint=hint)
    if name == LOCAL:
        raise UsageError(f"`{LOCAL}` is the name of your run cache", hint="choose another name")


def _defined(draft: Draft, name: str) -> Remote:
    if name not in draft.remotes:
        hint = None if draft.remotes else f"`{shown_path(config_file())}` defines no remotes"
        raise UnknownName("remote of yours", name, draft.remotes, hint=hint)
    return draft.remotes[name]


def _check_new(new: NewRemote, remotes: dict[str, Remote], credentials: dict[str, Stored]) -> None:
    name = new.remote.name
    check_name(name)
    if new.replaces:
        return
    hint = "`--force` replaces it; or choose another name"
    if name in remotes:
        raise UsageError(f"a remote `{name}` exists in `{shown_path(config_file())}`", hint=hint)
    if name in credentials and new.credentials is not None:
        raise UsageError(f"credentials `{name}` exist in `{shown_path(credentials_file())}`", hint=hint)


def _test(
    new: NewRemote,
    open_store: OpenStore,
    create_bucket: Callable[[Remote], None],
    report: Callable[[ProbeStep], None],
    cancel: Cancel,
) -> None:
    """Try out the remote, and create its bucket if it is missing and that was asked for. Raises the first error."""
    if (directory := directory_of(new.remote.url)) is not None and not os.path.isdir(directory):
        if not new.creates_bucket:
            raise StoreError(f"the directory `{directory}` does not exist", hint="`--create-bucket` creates it")
        create_bucket(new.remote)
    for step in probe(new.remote, open_store=open_store, cancel=cancel):
        if isinstance(step.error, StoreError) and step.error.is_missing_bucket and new.creates_bucket:
            create_bucket(new.remote)
            _test(new._replace(creates_bucket=False), open_store, create_bucket, report, cancel)
            return
        report(step)
        if step.error is not None:
            raise _explained(step)


def _explained(step: ProbeStep) -> ProjError:
    """Return the error of a step, with what `proj remote add` can do about it."""
    error = step.error
    assert error is not None, "the step failed"
    if isinstance(error, StoreError) and error.is_missing_bucket:
        error.hint = "`--create-bucket` creates it; or check its name"
    elif step.name == "write":
        error.hint = "if this user may only read, add `--read-only`" + (f"; else {error.hint}" if error.hint else "")
    return error


@contextmanager
def _keyring_entry(new: NewRemote, cancel: Cancel) -> Iterator[Stored | None]:
    """Yield what credentials.yml is to hold. An entry of the keyring is written first, removed if the block fails."""
    values = {name: value for name, value in (new.credentials or Credentials())._asdict().items() if value is not None}
    if not values:
        yield None
        return
    if not new.in_keyring:
        yield values
        return
    reference = keyrings.reference_to(new.remote.name)
    before = secrets.aside(lambda: keyrings.entry(reference) or "", cancel)
    _store(reference, json.dumps(values), cancel)
    try:
        yield KEYRING
    except BaseException:
        if before:
            _store(reference, before, cancel)
        else:
            keyrings.remove_from_keyring(reference)
        raise


def _store(reference: SecretRef, text: str, cancel: Cancel) -> None:
    def store() -> str:
        keyrings.store_in_keyring(reference, text)
        return text

    secrets.aside(store, cancel)
    secrets.resolved_before(reference, text)


def _move_in_keyring(old: str, new: str, cancel: Cancel) -> None:
    reference = keyrings.reference_to(old)
    _store(keyrings.reference_to(new), secrets.aside(lambda: keyrings.from_keyring(reference), cancel), cancel)
    keyrings.remove_from_keyring(reference)
