"""TCP servers on loopback that accept connections and then never answer, or stop in the middle of an answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Silent:
    """Counts the connections that it accepted. Each gets `answer`, and then nothing."""

    def __init__(self, answer: bytes) -> None:
        self.accepted = 0
        self._answer = answer
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                if self._answer:
                    connection.recv(1 << 16)
                    connection.sendall(self._answer)
                self.accepted += 1

    def close(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.close()


@contextmanager
def silent_server(answer: bytes = b"") -> Iterator[Silent]:
    server = Silent(answer)
    try:
        yield server
    finally:
        server.close()
