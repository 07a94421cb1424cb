"""The stream of a job: a file in which the node writes what happens and what the script prints, for `proj` to follow.

One file keeps output and events in their order, also over NFS. A frame is a line of JSON; output follows its line as
raw bytes. A node that dies leaves an incomplete frame, which the next start of the job cuts off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Self

from weaselish.executors.base import Ending, Outcome
from weaselish.named_tuple import NamedTuple


class Began(NamedTuple):
    """The node has started the job, for the `attempt`th time."""

    host: str
    attempt: int


class LineBegan(NamedTuple):
    number: int  # its index in the script
    program: str


class Offered(NamedTuple):
    """A replica is there: its address for the others, its machine, and ports that are free there."""

    host: str
    machine: str
    ports: tuple[int, ...]


class Output(NamedTuple):
    data: bytes


class NeedsSecrets(NamedTuple):
    """The job was started again and waits for the values that its first start deleted."""


class Ended(NamedTuple):
    outcome: Outcome


Event = Began | LineBegan | Offered | NeedsSecrets | Ended
Frame = Event | Output


class StreamWriter:
    """Appends frames to a stream. The caller holds the lock of the job."""

    def __init__(self, path: Path) -> None:
        """Open the stream behind its last complete frame. Raises OSError."""
        end = max((offset for _, offset in read_frames(path, 0)), default=0)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._fd, end)
        os.lseek(self._fd, end, os.SEEK_SET)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def output(self, data: bytes) -> None:
        self._write(json.dumps({"output": len(data)}).encode() + b"\n" + data)

    def event(self, frame: Event) -> None:
        """Append an event and flush the stream, so that other machines see it soon."""
        self._write(json.dumps(_encoded(frame)).encode() + b"\n")
        with suppress(OSError):
            os.fdatasync(self._fd)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]


def read_frames(path: Path, offset: int) -> Iterator[tuple[Frame, int]]:
    """Yield the complete frames from `offset` on, each with the offset behind it; none if the file is missing."""
    with suppress(FileNotFoundError), open(path, "rb") as file:  # opened each time: NFS looks for new content then
        file.seek(offset)
        while (frame := _next_frame(file)) is not None:
            yield frame, file.tell()


def _next_frame(file: BinaryIO) -> Frame | None:
    head = file.readline()
    if not head.endswith(b"\n"):
        return None
    facts = json.loads(head)
    if "output" not in facts:
        return _decoded(facts)
    data = file.read(facts["output"])
    return Output(data) if len(data) == facts["output"] else None


def _encoded(frame: Event) -> dict[str, Any]:
    if isinstance(frame, Ended):
        facts = frame.outcome._asdict()
        return {"event": "Ended", **facts, "ended": frame.outcome.ended.value}
    return {"event": type(frame).__name__, **frame._asdict()}


def _decoded(facts: dict[str, Any]) -> Frame:
    kind = facts.pop("event")
    if kind == "Ended":
        return Ended(Outcome(**{**facts, "ended": Ending(facts["ended"])}))
    return _EVENTS[kind](**facts)


_EVENTS: MappingProxyType[str, type[Began | LineBegan | Offered | NeedsSecrets]] = MappingProxyType(
    {kind.__name__: kind for kind in (Began, LineBegan, Offered, NeedsSecrets)}
)
