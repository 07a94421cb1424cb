"""Memory and time of `proj gc` on SeaweedFS. `PYTHONPATH=tests python -m benchmarks.gc --runs 50000`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from cache.stored_runs import Cost, store_runs
from servers import Server, s3_client, seaweedfs

BUCKET = "results"
_AT_A_TIME = 16  # uploads
_BATCH = 2000  # runs that are written to the disk before they are uploaded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50_000, help="each is two objects: an output and a record")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, seaweedfs(Path(_made(scratch, "server"))) as server:
        client = s3_client(server)
        client.create_bucket(Bucket=BUCKET)
        begun = time.monotonic()
        objects = _fill(client, Path(scratch), options.runs)
        print(f"{objects} objects stored in {time.monotonic() - begun:.0f} s", flush=True)
        project = Path(_made(scratch, "project"))
        (project / "project.yml").write_text(f"remotes: {{default: 's3://{BUCKET}'}}\n")
        gc = ["gc", "--budget", f"{options.runs * 300}B", "--grace", "0s"]
        for words in (["--dry"], ["--yes"], ["--yes"]):  # the second call deletes the objects that the first one freed
            _measure(project, server, [*gc, *words])


def _made(*parts: str) -> str:
    os.makedirs(path := os.path.join(*parts))
    return path


def _fill(client: Any, scratch: Path, runs: int) -> int:
    """Store runs of random cost. Return the number of objects."""
    choose, stored = Random(16), 0

    def upload(file: tuple[str, bytes]) -> None:
        client.put_object(Bucket=BUCKET, Key=file[0], Body=file[1])

    for first in range(1, runs + 1, _BATCH):
        with tempfile.TemporaryDirectory(dir=scratch) as made, ThreadPoolExecutor(_AT_A_TIME) as threads:
            count = min(_BATCH, runs + 1 - first)
            costs = [Cost(round(choose.uniform(1, 90), 3), choose.randrange(100, 400)) for _ in range(count)]
            store_runs(Path(made, "remote"), costs, first=first)
            stored += len(list(threads.map(upload, _files(Path(made, "remote")))))
    return stored


def _files(remote: Path) -> Iterator[tuple[str, bytes]]:
    for path in remote.rglob("*"):
        if path.is_file():
            yield path.relative_to(remote).as_posix(), path.read_bytes()


def _measure(project: Path, server: Server, words: list[str]) -> None:
    """Run proj in a process of its own and print its time and its largest memory."""
    begun = time.monotonic()
    argv = [sys.executable, "-m", "weaselish", *words]
    environ = {**os.environ, **server.environ, "PYTHONPATH": os.getcwd()}
    with open(project / "said", "wb") as said:
        process = subprocess.Popen(argv, cwd=project, env=environ, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds, peak = time.monotonic() - begun, usage.ru_maxrss / 1024
    print(f"proj {' '.join(words)}: {seconds:.1f} s, {peak:.0f} MiB, exit code {process.returncode}", flush=True)
    print("  " + (project / "said").read_text().strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
