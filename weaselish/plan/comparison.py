"""What differs between two runs: script, deps, env, outputs and metrics."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence

from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import ABSENT, is_tree
from weaselish.plan.fingerprint import Fingerprint
from weaselish.plan.metrics import Metrics, MetricValue
from weaselish.plan.record import Record

Inside = Callable[[str, str], str | None]  # digests of two directories -> what differs in them, if that is known


class ChangeKind(enum.Enum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Change(NamedTuple):
    """A path or variable that differs. `detail`: what changed in a directory. Values of variables are never known."""

    kind: ChangeKind
    name: str
    detail: str | None = None


class MetricChange(NamedTuple):
    """A metric that differs; None where a run does not have it."""

    file: str
    name: str
    old: MetricValue | None
    new: MetricValue | None

    @property
    def delta(self) -> float | None:
        """The new number minus the old one, None unless both are numbers."""
        if isinstance(self.old, (bool, str)) or isinstance(self.new, (bool, str)):
            return None
        return None if self.old is None or self.new is None else self.new - self.old


class Comparison(NamedTuple):
    """What differs between two runs. `script` has lines that begin with `- `, `+ ` or, where equal, two blanks."""

    script: tuple[str, ...] = ()
    deps: tuple[Change, ...] = ()
    env: tuple[Change, ...] = ()
    outputs: tuple[Change, ...] = ()
    metrics: tuple[MetricChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self == Comparison()


def compare(old: Record, new: Record, inside: Inside) -> Comparison:
    """Return what differs between two records. Digests of different algorithms are not compared."""
    then, now = old.fingerprint, new.fingerprint
    same = old.algorithm == new.algorithm
    return Comparison(
        script=(*_script(then.script, now.script), *_settings(then, now)),
        deps=tuple(_changes(dict(then.deps), dict(now.deps), inside, same=same)),
        env=tuple(
            _changes({**dict(then.env), **dict(then.environment)}, {**dict(now.env), **dict(now.environment)}, inside)
        ),
        outputs=tuple(_changes(_outputs(old), _outputs(new), inside, same=same)),
        metrics=tuple(_metrics(old.metrics, new.metrics)),
    )


def _settings(then: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """Yield the arguments, shell and workdir that differ, as lines of the script."""
    for name, old, new in (
        ("arguments", " ".join(then.args), " ".join(now.args)),
        ("shell", then.shell or "", now.shell or ""),
        ("workdir", then.workdir, now.workdir),
    ):
        if old != new:
            yield from (f"{sign} {name}: {value}" for sign, value in (("-", old), ("+", new)) if value)


def _script(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    if old == new:
        return
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (f"  {line}" for line in old[start:end])
            continue
        yield from (f"- {line}" for line in old[start:end])
        yield from (f"+ {line}" for line in new[new_start:new_end])


def _changes(
    old: Mapping[str, str | None], new: Mapping[str, str | None], inside: Inside, *, same: bool = True
) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        then, now = old.get(name), new.get(name)
        if name not in new or (name in old and then is not None and now is None):
            yield Change(ChangeKind.REMOVED, name)
        elif name not in old or then is None is not now:
            yield Change(ChangeKind.ADDED, name)
        elif then is not None and now is not None and then != now and same:
            are_trees = is_tree(then) and is_tree(now)
            yield Change(ChangeKind.CHANGED, name, inside(then, now) if are_trees else None)


def _outputs(record: Record) -> dict[str, str | None]:
    return {output.path: None if output.digest == ABSENT else output.digest for output in record.all_outputs}


def _metrics(old: Metrics, new: Metrics) -> Iterator[MetricChange]:
    """Yield the metrics that differ, by name. If each run has one file, it counts as the same one."""
    if len(old) == len(new) == 1 and old.keys() != new.keys():
        old = {next(iter(new)): next(iter(old.values()))}
    for file in dict.fromkeys((*old, *new)):
        then, now = old.get(file, {}), new.get(file, {})
        for name in dict.fromkeys((*then, *now)):
            if then.get(name) != now.get(name):
                yield MetricChange(file, name, then.get(name), now.get(name))
