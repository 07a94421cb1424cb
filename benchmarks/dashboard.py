"""Measures `proj serve` with a project of many steps and runs: pages, memory, the index, and followers of one log.

`python -m benchmarks.dashboard --markdown benchmarks/README.md` puts the figures into the table there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil

from benchmarks.report import insert
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.record import GitCommit, Host, Provenance, Record, RecordedOutput
from weaselish.records.journal_lines import Began, JournalLine, Recorded, Started, encode

ROOT = Path(__file__).parent.parent
_FIRST = 1_790_000_000_000_000  # the id of the first run
_DIGEST = "0123456789abcdef0123456789abcdef"
_PAGES = ("", "/runs", "/graph", "/metrics", "/remotes", "/artifacts", "/snapshots", "/jobs", "/steps/step-0500")


class Figure(NamedTuple):
    """One row of the table."""

    what: str
    value: str
    target: str = ""


# -- the project ---------------------------------------------------------------------------------------------------


def make_project(root: Path, steps: int, runs: int) -> None:
    """Write project.yml and the journals of `runs` runs, in calls of `proj` that ran each step once."""
    lines = ["title: Many steps", "commands:"]
    for number in range(steps):
        deps = f"\n    deps: [out/{number - 1:04}.txt]" if number else ""
        lines.append(
            f"  - name: step-{number:04}\n    script: [sh step.sh {number}]{deps}\n    outputs: [out/{number:04}.txt]"
        )
    root.mkdir(parents=True)
    (root / "project.yml").write_text("\n".join(lines) + "\n")
    past = root / ".proj" / "runs" / "past"
    past.mkdir(parents=True)
    for call in range(runs // steps):
        write_journal(past, call, steps)


def write_journal(directory: Path, call: int, steps: int) -> None:
    """Write the journal of one call of `proj` that ran each step once."""
    at = _FIRST + call * 10_000_000_000
    began = Began(4711, "bench", at, "ada")
    lines: list[JournalLine] = [began]
    for number in range(steps):
        run = at + 1 + number * 1_000_000
        lines += [
            Started(run, f"step-{number:04}", _DIGEST, run / 1e6, ("dep changed: data.csv",)),
            Recorded(_record(run, number, call)),
        ]
    text = "".join(json.dumps(encode(line)) + "\n" for line in lines)
    (directory / f"{at}-4711-{call:06x}.jsonl").write_text(text)


def _record(run: int, number: int, call: int) -> Record:
    deps = (("data.csv", _DIGEST), (f"out/{number - 1:04}.txt", _DIGEST)) if number else (("data.csv", _DIGEST),)
    return Record(
        run,
        f"step-{number:04}",
        Fingerprint((f"sh step.sh {number}",), (), deps, (), False, "."),
        (RecordedOutput(f"out/{number:04}.txt", _DIGEST, 1234, 1),),
        provenance=Provenance(
            "local", "proj 0.1.0", Host("bench", "Linux", "3.11", 8), GitCommit(_DIGEST, False), None, 0.8, ("forced",)
        ),
        metrics={"metrics.json": {"loss": 1 / (call + 1), "accuracy": 0.9}},
    )


# -- the server ----------------------------------------------------------------------------------------------------


class Served(NamedTuple):
    """A running server and a client with a session."""

    process: psutil.Process
    client: httpx.Client
    name: str

    def seconds(self) -> float:
        """Return the processor time that the server has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def serving(root: Path, home: Path) -> Iterator[Served]:
    """Serve a project for a block."""
    words = [sys.executable, "-m", "weaselish", "serve", "--port", "0", "--no-open", str(root)]
    environ = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.match(r"(http://[^/]+)(/enter/\S+)", server.stdout.readline())
        assert found is not None, "the server did not start"
        try:
            with httpx.Client(base_url=found[1], timeout=120) as client:
                client.get(found[2], follow_redirects=True).raise_for_status()
                yield Served(psutil.Process(server.pid), client, root.name)
        finally:
            server.send_signal(signal.SIGTERM)


def indexing(served: Served, runs: int) -> Figure:
    """Wait until all runs are in the index."""
    begun = time.monotonic()
    while True:
        answer = served.client.get(f"/api/v1/projects/{served.name}/runs", params={"most": 1})
        version = _version(served)
        time.sleep(0.5)
        if answer.json()["runs"] and _version(served) == version:
            break
    return Figure(f"index {runs:,} runs for the first time", f"{time.monotonic() - begun:.1f} s")


def _version(served: Served) -> int:
    with served.client.stream("GET", f"/api/v1/projects/{served.name}/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("id: "):
                return int(line[4:])
    raise AssertionError("the stream has no version")


def pages(served: Served) -> Iterator[Figure]:
    """Measure the first byte and the size of each page, three times, and give the median."""
    newest = served.client.get(f"/api/v1/projects/{served.name}/runs").json()["runs"][0]["run"]
    for path in (*_PAGES, f"/runs/{newest}"):
        times, size = [], 0
        for _ in range(3):
            begun = time.monotonic()
            with served.client.stream("GET", f"/p/{served.name}{path}") as answer:
                times.append(time.monotonic() - begun)
                size = sum(map(len, answer.iter_raw()))
                assert answer.status_code == 200, path
        shown = re.sub(r"\d{10,}", "RUN", path) or "/"
        value = f"{sorted(times)[1] * 1000:.0f} ms, {size / 1000:.0f} kB"
        yield Figure(f"page `{shown}`: first byte, size", value, "200 ms, 1,000 kB")


def new_runs(served: Served, root: Path, call: int) -> Figure:
    """Measure the processor time of indexing 100 more runs."""
    version = _version(served)
    before = served.seconds()
    write_journal(root / ".proj" / "runs" / "past", call, 100)
    while _version(served) == version:
        time.sleep(0.05)
    return Figure("index 100 more runs: processor time", f"{served.seconds() - before:.2f} s")


def following(served: Served, root: Path, followers: int, seconds: float) -> Iterator[Figure]:
    """Let many clients follow one log that grows by 100 lines a second, and measure the server."""
    run = _FIRST + 900_000_000_000_000
    script = (
        "import sys, time, json, pathlib; from weaselish.files.state_dir import make_state_dir;"
        "from weaselish.records.journal import Journal; from weaselish.records.journal_lines import Started;"
        "root = pathlib.Path(sys.argv[1]); make_state_dir(root); journal = Journal(root / '.proj/runs');"
        "journal.append(Started(int(sys.argv[2]), 'step-0000', '', time.time()));"
        "log = open(root / '.proj/logs' / f'step-0000.{sys.argv[2]}.log', 'w', buffering=1);"
        "[(log.write(f'{time.time():.3f} line {number} of a log with some words in it\\n'), time.sleep(0.01))"
        " for number in range(10**9)]"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(root), str(run)], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        while not served.client.get(f"/api/v1/projects/{served.name}/runs/{run}").is_success:
            time.sleep(0.1)
        before = served.seconds()
        lines, delays = asyncio.run(_follow(served, run, followers, seconds))
        used = served.seconds() - before
    finally:
        writer.kill()
        writer.wait()
    delays.sort()
    yield Figure(f"{followers} followers of one log: processors", f"{used / seconds:.2f}", "1")
    yield Figure(f"{followers} followers: lines received, of each a second", f"{lines / followers / seconds:.0f}")
    yield Figure(f"{followers} followers: delay of a line, median", f"{delays[len(delays) // 2] * 1000:.0f} ms")


async def _follow(served: Served, run: int, followers: int, seconds: float) -> tuple[int, list[float]]:
    delays: list[float] = []
    count = 0

    async def one(client: httpx.AsyncClient) -> None:
        nonlocal count
        path = f"/api/v1/projects/{served.name}/runs/{run}/log/events"
        async with client.stream("GET", path) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: ") and '"text"' in line:
                    texts = json.loads(line[6:])["text"].splitlines()
                    count += len(texts)
                    delays.append(time.time() - float(texts[-1].split()[0]))

    limits = httpx.Limits(max_connections=None)
    cookies = served.client.cookies
    async with httpx.AsyncClient(base_url=served.client.base_url, cookies=cookies, limits=limits, timeout=60) as client:
        tasks = [asyncio.create_task(one(client)) for _ in range(followers)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return count, delays


def figures(scratch: Path, given: argparse.Namespace) -> Iterator[Figure]:
    """Measure one thing after the other."""
    root = scratch / "many"
    make_project(root, given.steps, given.runs)
    with serving(root, scratch / "home") as served:
        yield memory(served, "after the start")
        yield indexing(served, given.runs)
        yield memory(served, "after the index")
        yield from pages(served)
        yield memory(served, "after all pages")
        yield new_runs(served, root, given.runs // given.steps)
        yield from following(served, root, given.followers, given.seconds)
        yield memory(served, "at the end")


def memory(served: Served, when: str) -> Figure:
    """Measure the resident memory of the server."""
    return Figure(f"memory {when}", f"{served.process.memory_info().rss / (1 << 20):.0f} MiB", "150 MiB")


def main() -> None:
    """Measure, print a table and, if asked, put it into a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--followers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    lines = ["| | proj serve | target |", "|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="proj-dashboard-") as scratch:
        for figure in figures(Path(scratch), given):
            lines.append(f"| {' | '.join(figure)} |")
            print(lines[-1], flush=True)
    if given.markdown is not None:
        insert(given.markdown, "dashboard", "\n".join(lines))


if __name__ == "__main__":
    main()
