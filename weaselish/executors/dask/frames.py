"""Messages between a task on a worker and the process that runs its job: pickles, each after its length."""

from __future__ import annotations

import pickle
import struct
from typing import IO, Any

_LENGTH = struct.Struct("!I")

STARTED = "started"  # attempt, address of the worker, host
LINE = "line"  # index, program
DATA = "data"  # bytes of output
ENDED = "ended"  # the fields of an outcome; the ending by its value
FAILED = "failed"  # what is wrong, and a hint


def write_frame(stream: IO[bytes], message: object) -> None:
    """Write a message. Raises BrokenPipeError."""
    data = pickle.dumps(message)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Return the next message, None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return pickle.loads(data) if len(data) == length else None
