"""Names the limit of the system behind an error, and what the user can do about it."""

from __future__ import annotations

import errno

from weaselish.named_tuple import NamedTuple


class Limit(NamedTuple):
    message: str
    hint: str


def limit_reached(error: OSError) -> Limit | None:
    """Return the limit that a failed system call reached; None if it failed for another reason."""
    import resource

    if error.errno == errno.EAGAIN:
        number = _shown(resource.RLIMIT_NPROC, "ulimit -u")
        return Limit(f"no more processes allowed for this user{number}", "end other processes, or raise the limit")
    if error.errno == errno.EMFILE:
        number = _shown(resource.RLIMIT_NOFILE, "ulimit -n")
        return Limit(f"too many open files{number}", "run fewer steps at a time (`-j`), or raise the limit")
    if error.errno == errno.ENFILE:
        return Limit("too many open files in the entire system", "end other programs, or raise the system's limit")
    if error.errno == errno.ENOMEM:
        return Limit("not enough memory for another process", "run fewer steps at a time (`-j`)")
    if error.errno == errno.E2BIG:
        return Limit("its arguments and environment are too long for the system", "pass long values in a file")
    return None


def _shown(limit: int, command: str) -> str:
    import resource

    number = resource.getrlimit(limit)[0]
    return "" if number == resource.RLIM_INFINITY else f" ({number}, `{command}`)"
