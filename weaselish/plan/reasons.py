"""Why a step must run: its last record compared with the current state."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping

from weaselish.model.interpolate import MASK
from weaselish.model.paths import is_glob
from weaselish.model.project import Command
from weaselish.model.secret_words import masked_words
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import ABSENT
from weaselish.plan.fingerprint import ENV_FILE, Fingerprint
from weaselish.plan.record import Record


class ReasonKind(enum.Enum):
    NEVER_RAN = "never ran"
    FAILED = "last run failed"
    INTERRUPTED = "was interrupted"
    INPUTS_CHANGED = "inputs changed while it ran"
    SCRIPT_CHANGED = "script changed"
    DEP_ADDED = "dep added"
    DEP_REMOVED = "dep removed"
    DEP_CHANGED = "dep changed"
    ENV_CHANGED = "env changed"
    ENVIRONMENT_CHANGED = "environment changed"  # of the software: an image
    OUTPUT_MISSING = "output missing"
    OUTPUT_CHANGED = "output changed"
    OUTPUTS_LIST_CHANGED = "outputs list changed"
    ENTRY_CHANGED = "entry in project.lock was merged or edited"
    UPSTREAM_WILL_RUN = "upstream will run"
    UPSTREAM_WILL_BE_RESTORED = "upstream will be restored"
    LISTED_AGAIN = "listed again"
    FORCED = "forced"
    NO_SKIP = "no_skip"
    NO_OUTPUTS = "always runs (no outputs declared)"
    UNKNOWN = "unknown"


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


def reasons_to_run(
    command: Command,
    now: Fingerprint,
    last: Record | None,
    digest_of: Callable[[str], str | None],
    secrets: Callable[[], Collection[str]] = frozenset,
) -> tuple[Reason, ...]:
    """Why `command` must run; nothing if it is up to date. `digest_of(output)` is None for what is not there.

    `secrets` returns the values that no reason may show. It is called only if the script has changed.
    """
    if not command.all_outputs:
        return (Reason(ReasonKind.NO_OUTPUTS),)
    reasons = [Reason(ReasonKind.NO_SKIP)] if command.no_skip else []
    if last is None:
        return (*reasons, Reason(ReasonKind.NEVER_RAN))
    then = last.fingerprint
    return (
        *reasons,
        *_script_reasons(then, now, secrets),
        *_dep_reasons(dict(then.deps), dict(now.deps)),
        *_changed_names(ReasonKind.ENV_CHANGED, dict(then.env), dict(now.env)),
        *_environment_reasons(dict(then.environment), dict(now.environment)),
        *_output_reasons(command, last, digest_of),
    )


def _script_reasons(then: Fingerprint, now: Fingerprint, secrets: Callable[[], Collection[str]]) -> Iterable[Reason]:
    if then.script != now.script:
        old, new = then.script, now.script
        line = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        is_edit = line < min(len(old), len(new))
        what = _edit(old[line], new[line], secrets()) if is_edit else "added" if line < len(new) else "removed"
        yield Reason(ReasonKind.SCRIPT_CHANGED, f"line {line + 1}", what)
    if then.args != now.args:
        shown = " ".join(masked_words(now.args, secrets()))
        yield Reason(ReasonKind.SCRIPT_CHANGED, "arguments", f"now `{shown}`" if now.args else "now none")
    if then.shell != now.shell:
        yield Reason(ReasonKind.SCRIPT_CHANGED, "shell")
    if then.workdir != now.workdir:
        yield Reason(ReasonKind.SCRIPT_CHANGED, "workdir")


def _edit(then: str, now: str, secrets: Collection[str]) -> str:
    """Describe the edit of a line, with the word before it: `--lr 0.1` → `0.2`.

    Only the current values of secrets are known. Where one of them has replaced something, that counts as secret.
    """
    old, new = then.split(), now.split()
    if old == new:
        return "blanks"
    if old[:1] == new[:1] and old[1:2] == ["×"] == new[1:2] and old[3:] == new[3:]:  # a line of a role
        return f"`{' '.join(old[:3])}` → `{' '.join(new[:3])}`"
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    shown_old, shown_new = masked_words(old, secrets), masked_words(new, secrets)
    if shown_new[start : len(new) - end] != new[start : len(new) - end]:
        for index in range(start, len(old) - end):
            shown_old[index] = MASK if shown_old[index] == old[index] else shown_old[index]
    before = shown_old[max(start - 1, 0) : len(old) - end]
    after = shown_new[max(start - 1, 0) : len(new) - end]
    return f"`{_short(before)}` → `{_short(after)}`"


def _short(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 40 else text[:39] + "…"


def _dep_reasons(then: Mapping[str, str | None], now: Mapping[str, str | None]) -> Iterable[Reason]:
    if then == now:
        return
    for path, digest in now.items():
        if path not in then:
            absent = "nothing matches" if is_glob(path) else "missing"  # a glob without a match stands for itself
            yield Reason(ReasonKind.DEP_ADDED, path, absent if digest is None else None)
        elif digest != then[path]:
            yield Reason(ReasonKind.DEP_CHANGED, path, "missing" if digest is None else None)
    for path in then:
        if path not in now:
            yield Reason(ReasonKind.DEP_REMOVED, path)


def _changed_names(kind: ReasonKind, then: Mapping[str, str | None], now: Mapping[str, str | None]) -> Iterable[Reason]:
    for name in sorted(then.keys() | now.keys()):
        if name not in then:
            yield Reason(kind, name, "added")
        elif name not in now:
            yield Reason(kind, name, "removed")
        elif then[name] != now[name]:
            yield Reason(kind, name)


def _environment_reasons(then: Mapping[str, str], now: Mapping[str, str]) -> Iterable[Reason]:
    for reason in _changed_names(ReasonKind.ENVIRONMENT_CHANGED, then, now):
        yield reason._replace(subject=(reason.subject or "").removeprefix(ENV_FILE))


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
