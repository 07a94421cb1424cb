"""What `proj` adds to the time of Slurm itself. As root: `PYTHONPATH=tests python -m benchmarks.slurm`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from engines.slurm import Slurm, slurm

ROUNDS = 5
STEPS = 5  # of a chain
READY = 200
_POLL = 0.1  # seconds between two queries by hand


def main() -> None:
    with slurm() as cluster, tempfile.TemporaryDirectory() as scratch:
        environ = {**os.environ, **cluster.environ}
        by_hand, by_proj = [], []
        for number in range(ROUNDS):
            by_hand.append(_by_hand(environ))
            by_proj.append(_chain(Path(scratch, f"chain-{number}"), environ))
        hand, proj = statistics.median(by_hand), statistics.median(by_proj)
        print(f"a step of a chain: by hand {hand:.2f} s, proj {proj:.2f} s ({proj / hand:.2f} ×)")
        print(f"{READY} ready steps submitted in {_fan(Path(scratch, 'fan'), environ, cluster):.1f} s")


def _by_hand(environ: Mapping[str, str]) -> float:
    """Return the seconds for one job: sbatch, then squeue until it is gone from the queue."""
    begun = time.monotonic()
    for _ in range(STEPS):
        words = ["sbatch", "--parsable", "--output=/dev/null", "--wrap=true"]
        job = subprocess.run(words, env=environ, capture_output=True, text=True, check=True).stdout.strip()
        while subprocess.run(["squeue", "-h", "-j", job], env=environ, capture_output=True, text=True).stdout:
            time.sleep(_POLL)
    return (time.monotonic() - begun) / STEPS


def _chain(root: Path, environ: Mapping[str, str]) -> float:
    """Return the seconds for one step of a chain in one run."""
    steps = [
        f"  - {{name: s{n}, script: ['touch o{n}'], deps: [{f'o{n - 1}' if n else ''}], outputs: [o{n}]}}\n"
        for n in range(STEPS)
    ]
    _write(
        root, "{type: slurm}", "".join(steps) + f"workflows: {{all: [{', '.join(f's{n}' for n in range(STEPS))}]}}\n"
    )
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "weaselish", "run", "all"], cwd=root, env=environ, check=True, capture_output=True
    )
    return (time.monotonic() - begun) / STEPS


def _fan(root: Path, environ: Mapping[str, str], cluster: Slurm) -> float:
    """Return the seconds from the start of `proj` until all jobs are in the queue, where none of them starts."""
    settings = f"{{type: slurm, max_jobs: {READY}, options: [--hold]}}"
    numbers = ", ".join(map(str, range(READY)))
    script = "    script: ['touch o${matrix.n}']\n    outputs: ['o${matrix.n}']\n"
    _write(root, settings, f"  - name: s\n    matrix: {{n: [{numbers}]}}\n{script}")
    begun = time.monotonic()
    run = subprocess.Popen(
        [sys.executable, "-m", "weaselish", "run", "s"],
        cwd=root,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(cluster.queue()) < READY:
        time.sleep(_POLL)
    taken = time.monotonic() - begun
    run.terminate()
    run.wait()
    return taken


def _write(root: Path, settings: str, commands: str) -> None:
    root.mkdir()
    (root / "project.yml").write_text(f"executors: {{default: hpc, hpc: {settings}}}\ncommands:\n{commands}")


if __name__ == "__main__":
    main()
