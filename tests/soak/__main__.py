"""`python -m soak`: many worlds one after the other, on some processes, until time is up or there were enough kills.

Exit code 1 if anything happened that must not. A world in which it did is kept, with what led to it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from soak.runs import preload
from soak.violation import Violation
from soak.world import world

TURNS = 40  # of a world
REPORT_EVERY = 15.0


def main() -> int:
    options = _options()
    if options.worker:
        return _work(options)
    return _lead(options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES", "30")))
    parser.add_argument("--kills", type=int, help="end after so many kills per process")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "soak-failures")
    parser.add_argument("--patience", type=int, default=3, help="violations per process after which it ends")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


# -- one process -----------------------------------------------------------------------------------------------------


def _work(options: argparse.Namespace) -> int:
    preload()
    until = time.monotonic() + options.minutes * 60
    counts: Counter[str] = Counter()
    needless: Counter[str] = Counter()
    violations: list[str] = []
    seed = options.seed
    while time.monotonic() < until and len(violations) < options.patience:
        if options.kills is not None and counts["kills"] >= options.kills:
            break
        seed += 1
        base = Path(tempfile.mkdtemp(prefix="soak-"))
        with world(seed, base) as here:
            try:
                for _ in range(TURNS):
                    here.turn()
                    if time.monotonic() > until:
                        break
                    _save(options.worker, counts + here.counts, needless + here.needless, violations)
                here.run_calmly(["run", *here.names_of("all"), "--json"], "all")
                here.check_cache()
            except Violation as violation:
                kept = _keep(here.base, options.keep / f"seed-{seed}", here.trail, violation)
                violations.append(f"seed {seed}: {violation}"[:1500] + f"\n  kept in {kept}")
            counts += here.counts
            needless += here.needless
            counts["worlds"] += 1
    _save(options.worker, counts, needless, violations)
    return 0


def _save(path: Path, counts: Counter[str], needless: Counter[str], violations: list[str]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"counts": counts, "needless": needless, "violations": violations}))
    new.replace(path)


def _keep(base: Path, place: Path, trail: list[str], violation: Violation) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    subprocess.run(["cp", "-a", f"{base}/.", str(place)], check=False)
    (place / "trail.txt").write_text("\n".join([*trail, "", str(violation)]) + "\n")
    return place


# -- the process that leads ------------------------------------------------------------------------------------------


def _lead(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-lead-") as scratch:
        files = [Path(scratch, f"worker-{index}") for index in range(options.workers)]
        workers = [
            subprocess.Popen([sys.executable, "-m", "soak", *_words(options, index), "--worker", str(file)])
            for index, file in enumerate(files)
        ]
        told = begun
        try:
            while any(worker.poll() is None for worker in workers):
                time.sleep(0.2)
                if time.monotonic() - told > REPORT_EVERY:
                    told = time.monotonic()
                    print(_progress(told - begun, *_sum(files)), flush=True)
        finally:
            for worker in workers:
                worker.terminate()
        counts, needless, violations = _sum(files)
    crashed = any(worker.wait() for worker in workers)  # violations are in its file: this is the harness's own fault
    print(_table(time.monotonic() - begun, options.seed, counts, needless, violations))
    return 1 if violations or crashed else 0


def _words(options: argparse.Namespace, index: int) -> list[str]:
    words = ["--minutes", str(options.minutes), "--seed", str(options.seed + index * 10**7)]
    words += ["--keep", str(options.keep), "--patience", str(options.patience)]
    return words + (["--kills", str(options.kills)] if options.kills is not None else [])


def _sum(files: list[Path]) -> tuple[Counter[str], Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    needless: Counter[str] = Counter()
    violations: list[str] = []
    for file in files:
        if file.exists():
            data = json.loads(file.read_text())
            counts += Counter(data["counts"])
            needless += Counter(data["needless"])
            violations += data["violations"]
    return counts, needless, violations


def _progress(seconds: float, counts: Counter[str], needless: Counter[str], violations: list[str]) -> str:
    names = ("worlds", "runs", "kills", "edits", "harms", "faults", "restores", "gcs")
    told = ", ".join(f"{counts[name]} {name}" for name in names)
    return f"{seconds / 60:5.1f} min: {told}, {needless.total()} needless, {len(violations)} violations"


def _table(seconds: float, seed: int, counts: Counter[str], needless: Counter[str], violations: list[str]) -> str:
    rows = [("minutes", f"{seconds / 60:.1f}"), ("seed", str(seed))]
    rows += [(name, str(count)) for name, count in sorted(counts.items())]
    rows += [(f"needless: {reason}", str(count)) for reason, count in needless.most_common()]
    rows += [("needless re-runs", str(needless.total())), ("violations", str(len(violations)))]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name.ljust(width)}  {value.rjust(8)}" for name, value in rows]
    return "\n".join([*lines, *violations])


if __name__ == "__main__":
    sys.exit(main())
