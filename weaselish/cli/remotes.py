"""`proj push`, `pull`, `ls`, `remote`, and `status --remote`."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import md5
from pathlib import Path

from weaselish.cli.console import paint, say, say_hint, table, warn
from weaselish.cli.interrupts import cancelling_at_once
from weaselish.cli.progress import TransferReporter, shown_size
from weaselish.engine.remote.candidates import current_fingerprint
from weaselish.engine.remote.pull import Pulled, PullOptions, pull
from weaselish.engine.remote.push import Pushed, PushOptions, push
from weaselish.engine.remote.tree import Published, RemoteTree, outputs_of
from weaselish.engine.run.planning import Preview
from weaselish.errors import ProjError, StoreError, UnknownName, in_short
from weaselish.files.state_dir import cache_dir
from weaselish.model.interpolate import put_env
from weaselish.model.project import Remote
from weaselish.model.urls import without_secrets
from weaselish.stores.base import Store, Stored
from weaselish.workspace import Workspace

DEFAULT = "default"


def find_remote(workspace: Workspace, name: str) -> Remote:
    """The remote of that name, or the one that a URL or path plainly names. Raises UnknownName."""
    remotes = workspace.project.remotes
    if name in remotes:
        remote = remotes[name]

        def resolved(text: str | None) -> str | None:
            return text and put_env(text, workspace.env)

        return remote._replace(
            url=put_env(remote.url, workspace.env),
            endpoint_url=resolved(remote.endpoint_url),
            profile=resolved(remote.profile),
            region=resolved(remote.region),
        )
    if "://" in name:
        return Remote(without_secrets(name), name)
    if name.startswith(("./", "../", "/", "~")):
        return Remote(name, str(Path(name).expanduser().resolve()))
    hint = None
    if not remotes:
        hint = "define it in project.yml: `remotes: {default: ../cache}`, or name a path that begins with `./` or `/`"
    raise UnknownName("remote", name, remotes, hint=hint)


def open_tree(workspace: Workspace, remote: Remote) -> RemoteTree:
    return RemoteTree(lambda: _open(workspace, remote), _cache(workspace, remote))


def _open(workspace: Workspace, remote: Remote) -> Store:
    from weaselish.stores.open import open_store

    return open_store(remote, root=workspace.root)


def _cache(workspace: Workspace, remote: Remote) -> Path | None:
    directory = cache_dir(workspace.root)
    text = json.dumps([remote.url, remote.endpoint_url])
    name = md5(text.encode(), usedforsecurity=False).hexdigest()
    return None if directory is None else directory / f"remote-{name}.json"


def _check_commands(workspace: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    for name in names:
        if name not in workspace.project.commands:
            raise UnknownName("command", name, workspace.project.commands)
    return tuple(dict.fromkeys(names))


def run_push(workspace: Workspace, remote: Remote, options: PushOptions, *, as_json: bool) -> int:
    options = dataclasses.replace(options, commands=_check_commands(workspace, options.commands))
    if remote.read_only:
        raise StoreError(f"remote `{remote.name}` is read-only", hint="remove `read_only: true` to push to it")
    if not options.dry:
        workspace.prepare_to_change()
    with cancelling_at_once(workspace.cancel), TransferReporter() as reporter:
        results = push(workspace, open_tree(workspace, remote), options, report=reporter)
    workspace.save()
    for result in results:
        _show_pushed(result, dry=options.dry)
    there = [one.already_there for one in results]
    _say_counts("pushed to", remote, [bool(one.stored) for one in results], there, "there", dry=options.dry)
    return _end(results, as_json=as_json)


def _show_pushed(result: Pushed, *, dry: bool) -> None:
    if result.refused is not None:
        _show_refused(result, "pushed")
    elif result.already_there or not result.stored:
        say(f"{paint('✔', 'green')} {result.command}: {'already there' if result.already_there else 'recorded'}")
    else:
        objects = "1 output" if len(result.stored) == 1 else f"{len(result.stored)} outputs"
        verb = "would push" if dry else "pushed"
        say(f"{paint('✔', 'green')} {result.command}: {verb} {objects}, {shown_size(result.size)}")


def _show_refused(result: Pushed | Pulled, done: str) -> None:
    mark = paint("✘", "red") if result.is_error else paint("–", "yellow")
    say(f"{mark} {result.command}: not {done}: {result.refused}")
    say_hint(result.hint)


def run_pull(workspace: Workspace, remote: Remote, options: PullOptions, *, as_json: bool) -> int:
    options = dataclasses.replace(options, commands=_check_commands(workspace, options.commands))
    if not options.dry:
        workspace.prepare_to_change()
    with cancelling_at_once(workspace.cancel), TransferReporter() as reporter:
        results = pull(workspace, open_tree(workspace, remote), options, report=reporter)
    for result in results:
        _show_pulled(result, dry=options.dry)
    here = [one.already_here for one in results]
    _say_counts("pulled from", remote, [bool(one.restored) for one in results], here, "here", dry=options.dry)
    return _end(results, as_json=as_json)


def _show_pulled(result: Pulled, *, dry: bool) -> None:
    if result.refused is not None:
        _show_refused(result, "pulled")
    elif result.already_here:
        say(f"{paint('✔', 'green')} {result.command}: already here")
    else:
        verb = "would pull" if dry else "pulled"
        say(f"{paint('✔', 'green')} {result.command}: {verb} {in_short(result.restored, separator=', ')}")
    for note in result.notes:
        say_hint(f"{result.command}: {note}")


def _say_counts(
    done: str, remote: Remote, moved: Sequence[bool], already: Sequence[bool], where: str, *, dry: bool
) -> None:
    rest = len(moved) - sum(moved) - sum(already)
    parts = [f"{sum(moved)} {'would be ' if dry else ''}{done} {remote.name}"]
    parts += [f"{sum(already)} already {where}"] if any(already) else []
    parts += [f"{rest} not"] if rest else []
    say(", ".join(parts) if moved else "no command has outputs to push or pull")


def _end(results: Sequence[Pushed | Pulled], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps([dataclasses.asdict(result) for result in results], indent=2))
    return 1 if any(result.is_error for result in results) else 0


def list_runs(workspace: Workspace, remote: Remote, *, as_json: bool) -> int:
    """What a remote holds: runs with their outputs, sizes, ages, and who made them."""
    tree = open_tree(workspace, remote)
    found = sorted(tree.all_published(), key=lambda pair: (pair[1].record.command, -pair[0].modified))
    tree.save()
    if as_json:
        print(json.dumps([_run_json(stored, run) for stored, run in found], indent=2))
        return 0
    rows = [row for stored, run in found for row in _run_rows(stored, run)]
    if not rows:
        say(f"nothing is published on {remote.name}")
        return 0
    print(table(rows, ("command", "output", "size", "stored", "age", "made by", "run"), stream=sys.stdout))
    return 0


def _run_rows(stored: Stored, run: Published) -> Iterable[tuple[str, ...]]:
    for made in run.record.outputs:
        yield (
            _plain(run.record.command),
            _plain(made.path),
            shown_size(made.size or 0),
            shown_size(run.objects[made.path][1]),
            _age(stored.modified),
            _plain(_made_by(run)),
            str(run.record.run),
        )


def _plain(text: str) -> str:
    """Text of others without what could upset a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]


def _run_json(stored: Stored, run: Published) -> dict[str, object]:
    record = run.record
    return {
        "command": record.command,
        "run": record.run,
        "key": record.fingerprint.key,
        "published": stored.modified,
        "made_by": _made_by(run),
        "git": record.facts.get("git"),
        "outputs": [
            {"path": made.path, "digest": made.digest, "size": made.size, "stored": run.objects[made.path][1]}
            for made in record.outputs
        ],
    }


def _made_by(run: Published) -> str:
    host = run.record.facts.get("host")
    return str(host.get("name", "?")) if isinstance(host, dict) else run.record.origin


def _age(modified: float) -> str:
    seconds = max(0.0, time.time() - modified)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def remote_states(workspace: Workspace, remote: Remote, previews: Sequence[Preview]) -> dict[str, str]:
    """Per command with outputs: whether a run of it as it stands is on the remote. Downloads no output."""
    tree = open_tree(workspace, remote)
    tree.list_at_once()
    states: dict[str, str] = {}
    coming: dict[str, str] = {}
    for item in previews:
        command = workspace.project.commands[item.step]
        if command.outputs and item.staleness is None:
            states[item.step] = "unknown"
        elif command.outputs:
            now = current_fingerprint(workspace, command, coming)
            runs = [run for _, run in tree.published(now.key) if outputs_of(run.record).keys() == set(command.outputs)]
            whole = [run for run in runs if tree.is_whole(run)]
            absent = "unknown" if any(path in coming for path, _ in now.deps) else "missing"
            states[item.step] = "there" if whole else "broken" if runs else absent
            for run in whole[:1] if item.reasons else ():
                coming |= outputs_of(run.record)
    tree.save()
    return states


def show_remotes(workspace: Workspace, *, as_json: bool) -> int:
    remotes = [
        remote._replace(
            url=without_secrets(remote.url),
            endpoint_url=remote.endpoint_url and without_secrets(remote.endpoint_url),
        )
        for remote in workspace.project.remotes.values()
    ]
    if as_json:
        print(json.dumps([remote._asdict() for remote in remotes], indent=2))
        return 0
    if not remotes:
        say("project.yml defines no remotes")
        return 0
    rows = [(remote.name, remote.url, "read-only" if remote.read_only else "") for remote in remotes]
    print(table(rows, ("remote", "url", ""), stream=sys.stdout))
    return 0


def test_remote(workspace: Workspace, remote: Remote) -> int:
    """List, write, read back and delete a small object, each with its time; stops at the first failure."""
    import os

    from weaselish.stores.open import credentials_source

    store = _open(workspace, remote)
    print(f"{remote.name}: {remote.url}")
    source = credentials_source(remote)
    if source is not None:
        print(f"  credentials: {source}")
    key, data = f".proj/test/{os.urandom(8).hex()}", os.urandom(1 << 16)

    def read_back() -> None:
        if b"".join(store.get(key)) != data:
            raise StoreError(f"remote `{remote.name}` gave back other bytes than were stored")

    def look() -> None:
        next(iter(store.list(".proj")), None)

    def write() -> None:
        store.put(key, [data])

    def delete() -> None:
        store.delete(key)

    steps: list[tuple[str, Callable[[], None]]] = [("list", look)]
    if not remote.read_only:
        steps += [("write", write), ("read back", read_back), ("delete", delete)]
    for name, action in steps:
        begun = time.monotonic()
        try:
            action()
        except ProjError:
            print(f"  {name}: {paint('failed', 'red', sys.stdout)}")
            with contextlib.suppress(ProjError):
                store.delete(key)
            raise
        print(f"  {name}: ok, {1000 * (time.monotonic() - begun):.0f} ms")
    if remote.read_only:
        warn("it is read-only here: writing was not tried")
    return 0
