"""What `proj` adds to the time of a container engine. As root: `PYTHONPATH=tests python -m benchmarks.containers`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from engines.dockerd import dockerd
from engines.podman import podman

ROUNDS = 5
STEPS = 5  # of a chain
IMAGE = "localhost/bb:1"


def main() -> None:
    for name, engine in (("docker", dockerd), ("podman", podman)):
        with engine() as running, tempfile.TemporaryDirectory() as scratch:
            environ = {**os.environ, **running.environ}
            rows = [_round(name, Path(scratch, str(number)), environ) for number in range(ROUNDS)]
        hand, local, proj = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name}: `{name} run` {hand:.2f} s, a step of a chain {proj:.2f} s ({proj / hand:.2f} ×), ", end="")
        print(f"without what it takes locally {proj - local:.2f} s ({(proj - local) / hand:.2f} ×)", flush=True)


def _round(engine: str, root: Path, environ: Mapping[str, str]) -> tuple[float, float, float]:
    """Return the seconds of one step: by hand, locally, in a container. All run in turns, on the same machine."""
    root.mkdir()
    outputs = [f"o{number}" for number in range(STEPS)]
    steps = [
        f"  - {{name: s{n}, script: [touch {output}], deps: [{outputs[n - 1] if n else ''}], outputs: [{output}]}}\n"
        for n, output in enumerate(outputs)
    ]
    (root / "project.yml").write_text(
        f"executors: {{box: {{type: {engine}, image: '{IMAGE}', options: ['--network=none']}}}}\n"
        f"commands:\n{''.join(steps)}workflows: {{all: [{', '.join(f's{n}' for n in range(STEPS))}]}}\n"
    )
    run = (engine, "run", "--rm", "--init", "--network=none", f"--volume={root}:{root}", f"--workdir={root}", IMAGE)
    proj = (sys.executable, "-m", "weaselish", "run", "all", "--force-all", "--executor")
    by_hand = sum(_seconds((*run, "touch", output), root, environ) for output in outputs)
    local, box = (_seconds((*proj, name), root, environ) for name in ("local", "box"))
    return by_hand / STEPS, local / STEPS, box / STEPS


def _seconds(words: tuple[str, ...], root: Path, environ: Mapping[str, str]) -> float:
    begun = time.monotonic()
    subprocess.run(words, cwd=root, env=environ, check=True, capture_output=True)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
