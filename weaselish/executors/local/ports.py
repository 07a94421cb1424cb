"""Finds free ports of this machine for the replicas of steps."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from weaselish.errors import ProjError

_RANGE = range(20000, 32768)  # below the ports that systems hand out to outgoing connections
_given: set[int] = set()  # to replicas of this process that may not listen yet
_giving = threading.Lock()  # guards _given


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Yield ports on which no process listens. Other steps of this process get none of them during the block.

    Raises ProjError if there are not enough.
    """
    ports: list[int] = []
    with _giving:
        for port in random.sample(_RANGE, len(_RANGE)) if count else ():
            if port not in _given and _is_free(port):
                ports.append(port)
                if len(ports) == count:
                    break
        else:
            if count:
                raise ProjError(f"{count} free ports are needed, and there are {len(ports)}", hint="lower `replicas`")
        _given.update(ports)
    try:
        yield ports
    finally:
        with _giving:
            _given.difference_update(ports)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
