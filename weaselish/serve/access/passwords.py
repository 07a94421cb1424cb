"""Passwords: argon2id hashes, and what a password must be."""

from __future__ import annotations

import threading

from weaselish.errors import UsageError

SHORTEST = 12  # characters
_LONGEST = 1000
_AT_ONCE = 2  # each check takes 19 MiB of memory
_MEMORY, _TIME, _LANES = 19_456, 2, 1  # KiB, passes: OWASP's minimum for argon2id, password storage cheat sheet

_slots = threading.BoundedSemaphore(_AT_ONCE)


def check_new_password(password: str, name: str) -> None:
    """Raise UsageError for a password that is too short, too long or the name."""
    if not SHORTEST <= len(password) <= _LONGEST:
        raise UsageError(f"a password needs at least {SHORTEST} characters", hint="several words are easy to remember")
    if name.lower() in password.lower() and len(password) < len(name) + SHORTEST // 2:
        raise UsageError("the password must not be the name of the account")


def hashed(password: str) -> str:
    """Return the argon2id hash of a password, with its salt and parameters."""
    from argon2 import PasswordHasher

    with _slots:
        return PasswordHasher(time_cost=_TIME, memory_cost=_MEMORY, parallelism=_LANES).hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Return whether a password belongs to a hash. Without one, take as long as with one."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > _LONGEST:
        return False
    with _slots:
        try:
            verified = PasswordHasher().verify(stored or _dummy(), password)
        except (VerificationError, InvalidHashError):
            return False
    return verified and stored is not None


def _dummy() -> str:
    """Return the hash of no password, with our parameters."""
    return f"$argon2id$v=19$m={_MEMORY},t={_TIME},p={_LANES}$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43
