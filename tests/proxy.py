"""A TCP proxy on loopback that cuts or stalls connections where a test tells it to."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

BLOCK = 64 * 2**10


@dataclass(slots=True)
class Fault:
    """Happens `times` times, each in one connection, once a request that matches `to` has been seen there.

    After `answer` bytes of the answer (or, if that is None, `request` bytes of the request) the connection is closed
    in good order, as if that were its end; or, with `stall`, nothing goes on.
    """

    to: bytes = b""
    answer: int | None = None
    request: int | None = None
    times: int = 1
    stall: bool = False


class Proxy:
    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.fault: Fault | None = None
        self.happened = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond_reader, beyond_writer = await asyncio.open_connection("127.0.0.1", self.target)
        connection = _Connection(self)
        pumps = [
            asyncio.create_task(connection.pump(reader, beyond_writer, is_answer=False)),
            asyncio.create_task(connection.pump(beyond_reader, writer, is_answer=True)),
        ]
        with suppress(asyncio.CancelledError):
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        writer.close()
        beyond_writer.close()


class _Connection:
    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.fault: Fault | None = None  # the one that is to happen here
        self.left = 0
        self.seen = b""

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(BLOCK):
                if not is_answer:
                    self._look_for_fault(block)
                if self.fault and is_answer == (self.fault.answer is not None):
                    block, self.left = block[: self.left], self.left - len(block)
                writer.write(block)
                await writer.drain()
                if self.fault and is_answer == (self.fault.answer is not None) and self.left <= 0:
                    await asyncio.sleep(3600 if self.fault.stall else 0)
                    return

    def _look_for_fault(self, block: bytes) -> None:
        self.seen = self.seen[-1000:] + block
        fault = self.proxy.fault
        if self.fault is None and fault and fault.times and re.search(fault.to, self.seen):
            fault.times -= 1
            self.proxy.happened += 1
            self.fault = fault
            self.left = (fault.request if fault.answer is None else fault.answer) or 0


@contextmanager
def proxy_to(target: int) -> Iterator[Proxy]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    proxy = Proxy(target)
    starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(proxy.serve, "127.0.0.1", 0), loop)
    server = starting.result(10)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
