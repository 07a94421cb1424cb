"""The history of a project: every run that its journals report, old ones included."""

from __future__ import annotations

import enum
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from weaselish.files.state_dir import STATE
from weaselish.named_tuple import NamedTuple
from weaselish.plan.metrics import Metrics
from weaselish.plan.record import Origin, Record
from weaselish.records.journal import JournalReader, journals, owner_lives
from weaselish.records.journal_lines import AttemptEnd, Began, Ended, Recorded, Reset, Started
from weaselish.records.logs import log_path


class PastResult(enum.Enum):
    """What became of a run."""

    DONE = "done"
    RUNNING = "running"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    INPUTS_CHANGED = "inputs changed"
    ACCEPTED = "accepted"
    PULLED = "pulled"
    RESTORED = "restored"
    WEASEL = "weasel"
    OTHER = "other"


_NO_METRICS: Metrics = MappingProxyType({})
_FETCHED = (Origin.PULLED, Origin.RESTORED)  # of records of runs that took place earlier
_MOST_EARLIER = 20  # records of a command
_KEPT = 4  # journals whose records stay in memory
_OPEN = (PastResult.RUNNING, PastResult.INTERRUPTED, PastResult.PULLED)  # what a record settles


class PastRun(NamedTuple):
    """One start of a command, or one record of it. `started` in seconds since 1970."""

    run: int
    command: str
    started: float
    result: PastResult
    reasons: tuple[str, ...] = ()
    seconds: float | None = None
    exit_code: int | None = None
    log: Path | None = None
    message: str | None = None  # why it failed
    record: Record | None = None  # None for a run that failed, was interrupted or still runs
    call: str = ""  # the name of the journal: which call of `proj` it belongs to
    process: Began | None = None  # that ran it

    @property
    def metrics(self) -> Metrics:
        """The values of each metrics file that the run wrote."""
        return self.record.metrics if self.record else _NO_METRICS


def past_runs(root: Path) -> list[PastRun]:
    """Return all runs that the journals of the project report, the oldest first."""
    runs: dict[tuple[int, str], PastRun] = {}
    fetches: dict[str, int] = {}  # command -> the start of its last pull or restore, whose records follow
    state = root / STATE
    for path in journals(state / "runs", with_past=True):
        lives = began = None
        for line in JournalReader(path).lines():
            match line:
                case Began():
                    began = line
                case Started():
                    fetches.pop(line.command, None)
                    lives = owner_lives(path) if lives is None else lives
                    started = _started(line, state, is_running=lives)
                    runs[line.run, line.command] = started._replace(call=path.stem, process=began)
                case Ended() if (run := runs.get((line.run, line.command))) is not None:
                    runs[line.run, line.command] = run._replace(
                        result=PastResult(line.how.value),
                        seconds=line.seconds,
                        exit_code=line.exit_code,
                        message=line.message,
                    )
                    if line.how is AttemptEnd.PULLED:
                        fetches[line.command] = line.run
                case Recorded(record):
                    run_id = fetches.get(record.command, record.run) if record.origin in _FETCHED else record.run
                    run = runs.get((run_id, record.command))
                    if run is None or run.result in _OPEN:
                        runs[run_id, record.command] = _recorded(record, run)._replace(call=path.stem, process=began)
    return sorted(runs.values(), key=lambda run: (run.run, run.command))


def _started(line: Started, state: Path, *, is_running: bool) -> PastRun:
    log = log_path(state, line.command, line.run)
    result = PastResult.RUNNING if is_running else PastResult.INTERRUPTED
    return PastRun(line.run, line.command, line.at, result, line.reasons, log=log if log.is_file() else None)


def _recorded(record: Record, started: PastRun | None) -> PastRun:
    result = PastResult.DONE if record.origin is Origin.RUN else PastResult(record.origin.value)
    run = started or PastRun(record.run, record.command, record.run / 1e6, result)
    if record.origin in _FETCHED:
        return run._replace(result=result, record=record)
    seconds = record.provenance.seconds if record.provenance else None
    return run._replace(result=result, seconds=seconds, record=record)


class FullRecords:
    """Finds the records of the journals that views in the lock file stand for. Thread-safe.

    It keeps the records of the journals that it read last: a push asks for many of the same journal.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._lock = threading.Lock()
        self._read: OrderedDict[str, tuple[JournalReader, dict[int, list[Record]]]] = OrderedDict()
        self._last: dict[str, tuple[Record, ...]] | None = None  # by command

    def find(self, wanted: Record) -> Record | None:
        """Return the record with sizes and provenance of which `wanted` is the lock's view. None if there is none."""
        with self._lock:
            for path in _begun_before(self._runs, wanted.run):
                for record in self._records(path).get(wanted.run, ()):
                    if _is_view(wanted, record):
                        return record
        return None

    def last(self, command: str) -> tuple[Record, ...]:
        """Return the last records of a command, the newest first. The journals are read once."""
        with self._lock:
            if self._last is None:
                self._last = _last_records(self._runs)
        return self._last.get(command, ())

    def _records(self, path: Path) -> dict[int, list[Record]]:
        """Return the records of a journal by run id."""
        reader, records = self._read.pop(path.name, (JournalReader(path), {}))
        for line in reader.lines():
            if isinstance(line, Recorded):
                records.setdefault(line.record.run, []).append(line.record)
        self._read[path.name] = reader, records
        if len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return records


def _last_records(runs: Path) -> dict[str, tuple[Record, ...]]:
    """Return the last records of each command in the journals, old ones included, the newest first.

    What is older than the last reset of a command is left out.
    """
    found: dict[str, dict[int, Record]] = {}
    resets: dict[str, int] = {}
    for path in journals(runs, with_past=True):
        for line in JournalReader(path).lines():
            match line:
                case Recorded(record):
                    of_command = found.setdefault(record.command, {})
                    of_command[record.run] = record
                    if len(of_command) > _MOST_EARLIER:
                        del of_command[min(of_command)]
                case Reset():
                    resets[line.command] = max(line.run, resets.get(line.command, 0))
    return {
        name: tuple(records[run] for run in sorted(records, reverse=True) if run > resets.get(name, 0))
        for name, records in found.items()
    }


def _is_view(locked: Record, record: Record) -> bool:
    digests, own = ({output.path: output.digest for output in one.all_outputs} for one in (locked, record))
    return locked.run == record.run and locked.fingerprint == record.fingerprint and digests == own


def _begun_before(runs: Path, run: int) -> Iterator[Path]:
    """Yield the journals that may hold a run, the likeliest first. They are named by the time when they began."""
    begun = [(path.name.split("-")[0], path) for path in journals(runs, with_past=True)]
    numbered = [(int(at), path) for at, path in begun if at.isdecimal() and len(at) < 20]
    return iter([path for _, path in sorted((at, path) for at, path in numbered if at <= run)[::-1]])
