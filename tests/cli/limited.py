"""A program for the tests to run: `proj` with a limit of the system, as a user whom limits bind.

    python limited.py LIMIT NUMBER WORDS...

`LIMIT` is a name of the `resource` module without `RLIMIT_`. The superuser gives up what exempts it from limits.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

from weaselish.__main__ import main

_CAPABILITIES_VERSION = 0x20080522
_SYS_ADMIN, _SYS_RESOURCE = 21, 24
_NOBODY = 65534


def give_up_exemptions() -> None:
    os.setresuid(_NOBODY, 0, 0)
    libc = ctypes.CDLL(None)
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for index in (0, 1):  # effective, permitted
        sets[index] &= ~(1 << _SYS_ADMIN | 1 << _SYS_RESOURCE)
    assert libc.capset(header, sets) == 0


if __name__ == "__main__":
    limit, number, *words = sys.argv[1:]
    if os.getuid() == 0:
        give_up_exemptions()
    resource.setrlimit(getattr(resource, f"RLIMIT_{limit}"), (int(number), int(number)))
    sys.argv[1:] = words
    sys.exit(main())
