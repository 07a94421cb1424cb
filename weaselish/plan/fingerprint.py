"""What goes into a run (Fingerprint), what a run used and made (Record), and why a step must run (Reason)."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from weaselish.model.interpolate import env_names, put_env
from weaselish.model.project import Algorithm, Command, Shell
from weaselish.plan.digests import ABSENT, digest_bytes

KEY_VERSION = "proj-1"
RECORD_FORMAT = 1

_NONE: Mapping[str, Any] = MappingProxyType({})

DigestPairs = tuple[tuple[str, str | None], ...]  # (path or name, digest); None: not there, not set


class Fingerprint(NamedTuple):
    """All that goes into a run, in parts. Deps in the order of the command, a glob as its matches."""

    script: tuple[str, ...]
    args: tuple[str, ...]
    deps: DigestPairs
    env: DigestPairs
    shell: Shell
    workdir: str

    @property
    def key(self) -> str:
        """The command hash: MD5 of the parts as a JSON array. docs/formats.md defines it, golden vectors pin it."""
        parts = [
            KEY_VERSION,
            self.script,
            self.args,
            sorted(dict(self.deps).items()),
            sorted(dict(self.env).items()),
            self.shell,
            self.workdir,
        ]
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return digest_bytes(text.encode("utf-8", "surrogateescape"), "md5")


class RecordedOutput(NamedTuple):
    """One output as a run left it. `size` in bytes and `files` are None where only the lock is known."""

    path: str
    digest: str  # ABSENT for an `outputs_no_cache` path that was not there
    size: int | None = None
    files: int | None = None


class Record(NamedTuple):
    """What one successful run used and made. Immutable; the lock entry, the pushed object and the log are views of it.

    `run` is the run id: microseconds since 1970, or one more than the last id seen, whichever is greater.
    """

    run: int
    command: str
    fingerprint: Fingerprint
    outputs: tuple[RecordedOutput, ...]
    outputs_no_cache: tuple[RecordedOutput, ...] = ()
    algorithm: Algorithm = "md5"
    origin: str = "run"  # or weasel, accepted, pulled
    dep_sizes: Mapping[str, int] = _NONE
    weasel: Mapping[str, str] = _NONE  # path -> Weasel's digest, under `compat: weasel`
    facts: Mapping[str, object] = _NONE  # executor, host, tool, git, started, seconds

    @property
    def all_outputs(self) -> tuple[RecordedOutput, ...]:
        return self.outputs + self.outputs_no_cache


class ReasonKind(enum.Enum):
    NEVER_RAN = "never ran"
    INTERRUPTED = "was interrupted"
    INPUTS_CHANGED = "inputs changed while it ran"
    SCRIPT_CHANGED = "script changed"
    DEP_ADDED = "dep added"
    DEP_REMOVED = "dep removed"
    DEP_CHANGED = "dep changed"
    ENV_CHANGED = "env changed"
    OUTPUT_MISSING = "output missing"
    OUTPUT_CHANGED = "output changed"
    OUTPUTS_LIST_CHANGED = "outputs list changed"
    UPSTREAM_WILL_RUN = "upstream will run"
    FORCED = "forced"
    NO_SKIP = "no_skip"
    NO_OUTPUTS = "has no outputs"
    UNKNOWN = "cannot be told"


class Reason(NamedTuple):
    """Why a step must run. `subject` is the path, variable or step; `detail` what happened to it."""

    kind: ReasonKind
    subject: str | None = None
    detail: str | None = None

    def __str__(self) -> str:
        text = self.kind.value
        if self.subject:
            text += f": {self.subject}"
        return f"{text} ({self.detail})" if self.detail else text


def fingerprint(
    command: Command,
    env: Callable[[str], str | None],
    digests_of: Callable[[str], Iterable[tuple[str, str | None]]],
    *,
    args: tuple[str, ...] = (),
) -> Fingerprint:
    """The command as it would run now.

    `env(X)` is the value of `${env.X}`, None if unset. `digests_of(dep)` are the paths that a dep stands for (a glob:
    its matches) with their digests, None for what is not there.
    """
    return Fingerprint(
        script=command.script,
        args=args,
        deps=tuple(pair for dep in command.deps for pair in digests_of(dep)),
        env=_env_part(command, env),
        shell=command.shell,
        workdir=command.workdir,
    )


def _env_part(command: Command, env: Callable[[str], str | None]) -> DigestPairs:
    """`NAME` for the command's own variables, `env.X` for the `${env.X}` in its texts; digests of their values."""
    if not command.env and not any("${env." in line for line in command.script):
        return ()
    own = [(name, put_env(text, env)) for name, text in command.env]
    used = env_names([*command.script, *(text for _, text in command.env)])
    referenced = [(f"env.{name}", env(name)) for name in sorted(used)]
    return tuple((name, _value_digest(value)) for name, value in [*own, *referenced])


def _value_digest(value: str | None) -> str | None:
    return None if value is None else digest_bytes(value.encode("utf-8", "surrogateescape"), "md5")


def reasons_to_run(
    command: Command, now: Fingerprint, last: Record | None, digest_of: Callable[[str], str | None]
) -> tuple[Reason, ...]:
    """Why `command` must run; nothing if it is up to date. `digest_of(output)` is None for what is not there."""
    if not command.all_outputs:
        return (Reason(ReasonKind.NO_OUTPUTS),)
    reasons = [Reason(ReasonKind.NO_SKIP)] if command.no_skip else []
    if last is None:
        return (*reasons, Reason(ReasonKind.NEVER_RAN))
    then = last.fingerprint
    return (
        *reasons,
        *_script_reasons(then, now),
        *_dep_reasons(dict(then.deps), dict(now.deps)),
        *_env_reasons(dict(then.env), dict(now.env)),
        *_output_reasons(command, last, digest_of),
    )


def _script_reasons(then: Fingerprint, now: Fingerprint) -> Iterable[Reason]:
    if then.script != now.script:
        old, new = then.script, now.script
        line = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        what = "removed" if line >= len(new) else "added" if line >= len(old) else _edit(old[line], new[line])
        yield Reason(ReasonKind.SCRIPT_CHANGED, f"line {line + 1}", what)
    if then.args != now.args:
        yield Reason(ReasonKind.SCRIPT_CHANGED, "arguments", f"now `{' '.join(now.args)}`" if now.args else "now none")
    if then.shell != now.shell:
        yield Reason(ReasonKind.SCRIPT_CHANGED, "shell")
    if then.workdir != now.workdir:
        yield Reason(ReasonKind.SCRIPT_CHANGED, "workdir")


def _edit(then: str, now: str) -> str:
    """What of a line was edited, with the word before it: `--lr 0.1` → `0.2`."""
    old, new = then.split(), now.split()
    if old == new:
        return "blanks"
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    before = old[max(start - 1, 0) : len(old) - end]
    after = new[max(start - 1, 0) : len(new) - end]
    return f"`{_short(before)}` → `{_short(after)}`"


def _short(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 40 else text[:39] + "…"


def _dep_reasons(then: Mapping[str, str | None], now: Mapping[str, str | None]) -> Iterable[Reason]:
    if then == now:
        return
    for path, digest in now.items():
        if path not in then:
            yield Reason(ReasonKind.DEP_ADDED, path)
        elif digest != then[path]:
            yield Reason(ReasonKind.DEP_CHANGED, path, "missing" if digest is None else None)
    for path in then:
        if path not in now:
            yield Reason(ReasonKind.DEP_REMOVED, path)


def _env_reasons(then: Mapping[str, str | None], now: Mapping[str, str | None]) -> Iterable[Reason]:
    for name in sorted(then.keys() | now.keys()):
        if name not in then:
            yield Reason(ReasonKind.ENV_CHANGED, name, "added")
        elif name not in now:
            yield Reason(ReasonKind.ENV_CHANGED, name, "removed")
        elif then[name] != now[name]:
            yield Reason(ReasonKind.ENV_CHANGED, name)


def _output_reasons(command: Command, last: Record, digest_of: Callable[[str], str | None]) -> Iterable[Reason]:
    recorded = {made.path: made.digest for made in last.all_outputs}
    if recorded.keys() != set(command.all_outputs):
        changed = sorted(recorded.keys() ^ set(command.all_outputs))
        yield Reason(ReasonKind.OUTPUTS_LIST_CHANGED, ", ".join(changed))
    for output in command.all_outputs:
        digest = digest_of(output) or ABSENT
        if output in recorded and digest != recorded[output]:
            yield Reason(ReasonKind.OUTPUT_MISSING if digest == ABSENT else ReasonKind.OUTPUT_CHANGED, output)
        elif digest == ABSENT and output in command.outputs:
            yield Reason(ReasonKind.OUTPUT_MISSING, output)
