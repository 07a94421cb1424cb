"""What ran here, as the journals tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weaselish.files.state_dir import STATE
from weaselish.records.journal import PAST, JournalReader, owner_lives
from weaselish.records.logs import log_path


@dataclass(frozen=True, slots=True)
class PastRun:
    """One start of a command. `started` in seconds since 1970; `result` as the journal has it."""

    run: int
    command: str
    started: float
    reasons: tuple[str, ...] = ()
    result: str = "interrupted"  # done, failed, interrupted, inputs changed, running; accepted, pulled, weasel
    seconds: float | None = None
    exit_code: int | None = None
    log: Path | None = None


def past_runs(root: Path) -> list[PastRun]:
    """All that the journals here tell of, the oldest first."""
    found: dict[tuple[int, str], PastRun] = {}
    state = root / STATE
    for path in _journals(state / "runs"):
        lives = None
        for line in JournalReader(path).lines():
            event = line.get("event")
            if event == "started":
                lives = owner_lives(path) if lives is None else lives
                run = _started(line, state, "running" if lives else "interrupted")
                found[run.run, run.command] = run
            elif event in ("ended", "recorded"):
                ended = _ended(line, found)
                if ended is not None:
                    found[ended.run, ended.command] = ended
    return sorted(found.values(), key=lambda run: (run.run, run.command))


def _journals(runs: Path) -> Iterator[Path]:
    for directory in (runs / PAST, runs):
        if directory.is_dir():
            yield from sorted(path for path in directory.iterdir() if path.suffix == ".jsonl")


def _started(line: dict[str, Any], state: Path, result: str) -> PastRun:
    run, command = int(line["run"]), str(line["command"])
    log = log_path(state, command, run)
    reasons = tuple(map(str, line.get("reasons") or ()))
    return PastRun(run, command, float(line.get("at") or run / 1e6), reasons, result, log=log if log.exists() else None)


def _ended(line: dict[str, Any], found: dict[tuple[int, str], PastRun]) -> PastRun | None:
    record = line.get("record") if line["event"] == "recorded" else line
    if not isinstance(record, dict) or not isinstance(record.get("run"), int):
        return None
    run = found.get((record["run"], str(record.get("command"))))
    origin = str(record.get("origin", "run"))
    if run is None:
        if line["event"] == "ended":
            return None
        run = PastRun(record["run"], str(record.get("command")), record["run"] / 1e6)
    result = str(line.get("how")) if line["event"] == "ended" else "done" if origin == "run" else origin
    return replace(run, result=result, seconds=record.get("seconds"), exit_code=record.get("exit_code"))
