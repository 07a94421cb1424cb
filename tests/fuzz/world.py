"""A project with everything in it, one of whose files is mutated before every subcommand is asked."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import signal
import tarfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from harness import ProjectDir

from fuzz import mutate

SECONDS = 30  # that one subcommand may take

PROJECT = """\
title: Mutants
description: "for ${vars.name}"
vars: {name: all, size: 3, nested: {deep: [1, 2]}}
env: {home: HOME}
dotenv: [.env]
directories: [data, out]
assets:
  - {dest: data/raw.txt, url: "./source.txt", checksum: "sha256:%s"}
  - {dest: data/private.txt, description: yours}
  - {dest: data/old, url: "./source.txt", extra: true}
commands:
  - name: first
    help: Copy
    script: ["cp data/raw.txt out/first.txt", "echo ${vars.name} ${env.home}"]
    deps: [data/raw.txt, "data/*.txt"]
    outputs: [out/first.txt]
    env: {LEVEL: "${vars.size}"}
    timeout: 60s
  - name: second
    shell: true
    script: ["mkdir -p out/second && cat out/first.txt > out/second/a && echo b > out/second/b"]
    deps: [out/first.txt]
    outputs: [out/second]
    outputs_no_cache: [out/metrics.json]
    retries: 1
    mutex: [disk]
    workdir: .
  - name: third
    script: ["echo done"]
    deps: [out/second]
workflows: {all: [first, second, third], some: [first, second]}
remotes: {default: ../remote, ro: {url: ../remote, read_only: true}}
"""

QUESTIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("status",),
    ("status", "--json"),
    ("status", "--remote", "default"),
    ("validate",),
    ("graph",),
    ("graph", "--mermaid"),
    ("vars",),
    ("log",),
    ("log", "-v", "second"),
    ("run", "all", "--dry"),
    ("run", "first", "--help"),
    ("push", "--dry"),
    ("pull", "--dry"),
    ("ls",),
    ("remote", "list"),
    ("document",),
    ("why", "second"),
    ("diff",),
    ("version",),
    ("artifact", "list"),
    ("snapshot", "push", "default", "--dry"),
    ("gc", "default", "--dry"),
    ("remote", "show", "default"),
    ("dvc", "all", "."),
)
CHANGES: tuple[tuple[str, ...], ...] = (
    ("push",),
    ("pull",),
    ("pull", "--force"),
    ("push", "--verify", "--repair"),
    ("lock", "reset", "second"),
    ("lock", "accept", "second"),
    ("assets",),
    ("run", "all"),
    ("snapshot", "push", "default"),
    ("gc", "default", "--yes"),
)


class Fault(NamedTuple):
    """What one mutant made `proj` do that it must not do."""

    mutant: str
    words: tuple[str, ...]
    what: str
    path: Path  # of the mutant, kept


class World:
    """The project in its pristine form, and the copy that is mutated."""

    def __init__(self, root: Path) -> None:
        self._pristine = root / "pristine"
        self._copy = root / "copy"
        self._keep = root / "faults"
        project = ProjectDir(self._copy / "project", self._copy / "scratch")
        self.environ = project.environ
        source = b"some text\n"
        project.write("source.txt", source.decode())
        import hashlib

        project.write("project.yml", PROJECT % hashlib.sha256(source).hexdigest())
        project.write(".env", "TOKEN=planted\nNAME=value\n")
        project.write(".projignore", "*.tmp\n/out/x\n")
        project.write("data/private.txt", "mine\n")
        for words in (("assets",), ("run", "all"), ("push",), ("run", "second", "--force"), ("status",), ("ls",)):
            done = project.proj(*words)
            assert done.code == 0, (words, done)
        self._copy.rename(self._pristine)  # copies are where the project was: caches that name its path hold for them
        self._beside = set(os.listdir(self._pristine))

    def files(self) -> list[tuple[str, tuple[mutate.Mutation, ...]]]:
        """Return the files to mutate, relative to the world, with the mutations that fit each."""
        found: list[tuple[str, tuple[mutate.Mutation, ...]]] = []
        for path in sorted(self._pristine.rglob("*")):
            name = str(path.relative_to(self._pristine))
            if not path.is_file() or "/locks/" in name or name.endswith((".txt", "/.gitignore")):
                continue
            if path.suffix in (".yml", ".lock"):
                found += [(name, (*mutate.BYTES, *[mutate.yaml_structure] * 7))] * 6
            elif path.suffix == ".jsonl":
                found += [(name, (*mutate.BYTES, *[mutate.json_line_structure] * 7))] * 2
            elif path.suffix == ".json" and "/.proj/cache/" not in name:  # those have a checksum
                found.append((name, (*mutate.BYTES, *[mutate.json_structure] * 5)))
            elif "/.proj/runs" in name or "remote/" in name:
                found += [(name, (*mutate.BYTES, *[_inside_gzip] * 3, *[_in_tar] * 7))] * (
                    2 if "remote/" in name else 1
                )
            else:
                found.append((name, mutate.BYTES))
        return found

    def _prepare(self, name: str, random: Random) -> None:
        """Remove what would keep `proj` from reading the mutated file `name`."""
        project = self._copy / "project"
        if name.startswith("remote/") and random.random() < 0.8:
            shutil.rmtree(project / "out")  # a pull downloads it
            (project / "out").mkdir()
        if name.startswith("remote/") and random.random() < 0.4:
            (project / "project.lock").unlink()
            shutil.rmtree(project / ".proj")

    def try_mutant(self, seed: int, questions: int) -> list[Fault]:
        """Mutate one file as `seed` says, ask `questions` subcommands, and return what went wrong."""
        random = Random(seed)
        name, mutations = random.choice(self.files())
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._pristine, self._copy, symlinks=True)
        mutation = random.choice(mutations)
        path = self._copy / name
        path.write_bytes(mutation(path.read_bytes(), random))
        self._prepare(name, random)
        mutant = f"seed {seed}: {mutation.__name__} of {name}"
        asked = random.sample(QUESTIONS, min(questions, len(QUESTIONS)))
        if not name.endswith("project.yml"):  # a mutated script line must not run
            asked += random.sample(CHANGES, min(max(questions // 2, 2), len(CHANGES)))
        return [self._kept(fault, seed) for words in asked for fault in self._ask(mutant, words)]

    def _kept(self, fault: Fault, seed: int) -> Fault:
        kept = self._keep / str(seed)
        shutil.copytree(self._copy, kept, symlinks=True, dirs_exist_ok=True)
        return fault._replace(path=kept)

    def _ask(self, mutant: str, words: tuple[str, ...]) -> Iterator[Fault]:
        project = ProjectDir(self._copy / "project", self._copy / "scratch")
        try:
            with _limit(SECONDS):
                done = project.proj(*words)
        except _TooLong:
            yield Fault(mutant, words, f"took longer than {SECONDS} s", self._copy)
            return
        except BaseException:  # noqa: BLE001 - whatever escapes is the finding
            yield Fault(mutant, words, traceback.format_exc(), self._copy)
            return
        if done.code not in (0, 1, 2):
            yield Fault(mutant, words, f"exit code {done.code}: {done.err}", self._copy)
        if "Traceback (most recent" in done.err + done.out:
            yield Fault(mutant, words, done.err, self._copy)
        if "\x1b]0;x" in done.err + done.out:
            yield Fault(mutant, words, "an escape sequence reached the terminal", self._copy)
        if set(os.listdir(self._copy)) != self._beside or os.path.lexists(project.path / ".git"):
            yield Fault(mutant, words, "something was written outside the project, or into .git", self._copy)


class _TooLong(BaseException):
    pass


@contextlib.contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _inside_gzip(data: bytes, random: Random) -> bytes:
    """Mutate what an archive holds and compress it again."""
    try:
        inner = gzip.decompress(data)
    except (OSError, EOFError):
        return mutate.flip(data, random)
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
        file.write(random.choice(mutate.BYTES)(inner, random))
    return out.getvalue()


def _in_tar(data: bytes, random: Random) -> bytes:
    """Change the members of an archive and compress it again."""
    try:
        inner = gzip.decompress(data)
        changed = mutate.tar_structure(inner, random)
    except (OSError, EOFError, ValueError, tarfile.TarError):
        return mutate.flip(data, random)
    return gzip.compress(changed, mtime=0)


def run(root: Path, seeds: range, questions: int, report: Callable[[int, list[Fault]], None]) -> list[Fault]:
    """Try a mutant for each seed; `report` gets the number tried so far and the faults of the last."""
    os.makedirs(root, exist_ok=True)
    world = World(root)
    faults: list[Fault] = []
    for count, seed in enumerate(seeds, 1):
        found = world.try_mutant(seed, questions)
        faults += found
        report(count, found)
    return faults
