"""The system's keyring, through the library `keyring`."""

from __future__ import annotations

from typing import Any

from weaselish.connections.secrets import SecretError
from weaselish.errors import ProjError
from weaselish.model.secret_refs import SecretKind, SecretRef

SERVICE = "proj"  # of the credentials that `proj remote add --keyring` stores


def reference_to(name: str) -> SecretRef:
    """Return where the credentials of that name are, as JSON."""
    return SecretRef(SecretKind.KEYRING, SERVICE, name)


def from_keyring(reference: SecretRef) -> str:
    """Return an entry of the keyring. It may ask the user to unlock it. Raises SecretError."""
    value = entry(reference)
    if value is None:
        hint = f"keyring set {reference.name} {reference.part}"
        raise SecretError(f"`{reference}`: the keyring has no such entry", hint=hint)
    return value


def entry(reference: SecretRef) -> str | None:
    """Return an entry of the keyring, None if it does not exist. Raises SecretError."""
    keyring = _library()
    try:
        value: str | None = keyring.get_password(reference.name, reference.part)
    except Exception as error:  # noqa: BLE001 - each backend raises its own errors
        raise _failed("read", error) from None
    return value


def store_in_keyring(reference: SecretRef, value: str) -> None:
    """Create or replace an entry. Raises SecretError."""
    keyring = _library()
    try:
        keyring.set_password(reference.name, reference.part, value)
    except Exception as error:  # noqa: BLE001 - each backend raises its own errors
        raise _failed("written", error) from None


def remove_from_keyring(reference: SecretRef) -> None:
    """Remove an entry, if it exists. Raises SecretError."""
    keyring = _library()
    try:
        if keyring.get_password(reference.name, reference.part) is not None:
            keyring.delete_password(reference.name, reference.part)
    except Exception as error:  # noqa: BLE001 - each backend raises its own errors
        raise _failed("changed", error) from None


def _library() -> Any:
    try:
        import keyring
    except ModuleNotFoundError:
        hint = "pip install 'weaselish[keyring]'"
        raise ProjError("the keyring needs a library that is not installed (`keyring`)", hint=hint) from None
    return keyring


def _failed(doing: str, error: Exception) -> SecretError:
    if type(error).__name__ == "NoKeyringError":
        hint = "install one (such as gnome-keyring), or leave out `--keyring` and `keyring:`"
        return SecretError("this system has no keyring that `keyring` can use", hint=hint)
    if type(error).__name__ == "KeyringLocked":
        return SecretError("the system's keyring is locked", hint="unlock it, and try again")
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return SecretError(f"the system's keyring could not be {doing} ({text})", hint="`keyring diagnose` says more")
