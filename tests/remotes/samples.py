"""A small project, clones of it, and helpers that read remotes without push and pull."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from harness import Done, ProjectDir

from weaselish.archive.unpack import unpack
from weaselish.stores.base import Store
from weaselish.stores.directory import DirectoryStore

PIPELINE = """\
remotes:
  default: {remote}
commands:
  - name: prepare
    script: [sh prepare.sh]
    deps: [prepare.sh, in.txt]
    outputs: [data, linked, list of words.txt]
  - name: train
    script: [cp data/a.txt model.bin]
    deps: [data]
    outputs: [model.bin]
workflows: {{all: [prepare, train]}}
"""
PREPARE = """\
mkdir -p data/sub data/empty linked
cp in.txt data/a.txt
sort in.txt > data/sub/b.txt
ln -sf list.txt linked/list
chmod +x data/sub/b.txt
cp in.txt 'list of words.txt'
"""
OUTPUTS = ("data", "linked", "list of words.txt", "model.bin")

# Two outputs that a run makes anew each time, and that belong together: equal bytes.
TWINS = """\
remotes:
  default: {remote}
commands:
  - name: make
    script: [sh make.sh]
    deps: [make.sh]
    outputs: [one.txt, two]
"""
MAKE_TWINS = """\
head -c 20000 /dev/urandom > one.txt
mkdir -p two && cp one.txt two/same.txt
"""

ALL_UP_TO_DATE = "✔ all up to date (2 steps)\n"


def pipeline(project: ProjectDir, remote: object) -> ProjectDir:
    """The sample project, run."""
    project.project(PIPELINE.format(remote=remote))
    project.write("prepare.sh", PREPARE)
    project.write("in.txt", "two\none\n")
    assert project.proj("run", "all").code == 0
    return project


def twins(project: ProjectDir, remote: object) -> ProjectDir:
    project.project(TWINS.format(remote=remote))
    project.write("make.sh", MAKE_TWINS)
    assert project.proj("run", "make").code == 0
    return project


def twin(project: ProjectDir) -> bytes | None:
    """Return the content of both outputs of `make`, None if they are missing. Fail if they are of different runs."""
    paths = [project.path / "one.txt", project.path / "two" / "same.txt"]
    contents = [path.read_bytes() for path in paths if path.exists()]
    assert len(contents) in (0, 2) and len(set(contents)) <= 1, "outputs of different runs"
    return contents[0] if contents else None


def clone(project: ProjectDir, name: str, *, with_lock: bool = False) -> ProjectDir:
    """Return what a colleague gets by git: the sources, and project.lock if it is committed."""
    other = project.beside(name)
    for path in sorted(project.path.iterdir()):
        if path.suffix in (".yml", ".sh") or path.name == "in.txt" or (with_lock and path.name == "project.lock"):
            shutil.copy(path, other.path)
    return other


def outputs(project: ProjectDir) -> dict[str, bytes | None]:
    """Return the files of the outputs."""
    return {
        name: content
        for name, content in project.files().items()
        if name.startswith(("data", "linked", "list", "model", "one", "two", "out"))
    }


def leftovers(project: ProjectDir) -> list[str]:
    """Return what an interrupted pull or push should not have left in a project."""
    names = [name for name in project.files() if ".proj-" in name or "verify-" in name]
    return names + [name for name in project.files() if name.endswith(".tmp")]


def states(project: ProjectDir, *words: str) -> dict[str, str]:
    return {step["step"]: step["state"] for step in project.proj("status", "--json", *words).json}


def lines_of(done: Done) -> dict[str, str]:
    """Return the line of each command that push or pull printed."""
    lines = [line[2:].partition(": ") for line in done.err.splitlines() if line[:2] in ("✔ ", "✘ ", "– ")]
    return {name: text for name, _, text in lines}


# -- remotes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """A published run whose objects all exist and have the content that their keys name. `outputs`: path -> digest."""

    command: str
    run: int
    outputs: Mapping[str, str]


def intact_runs(remote: Path | Store, below: str = "") -> list[Run]:
    """Return the runs on a remote, or `below` a key in a store, after checking all of its objects and records."""
    store: Store = DirectoryStore(remote) if isinstance(remote, Path) else remote
    base = f"{below}/" if below else ""
    keys = {stored.key.removeprefix(base): stored.size for stored in store.list(below)}
    for key in keys:
        if not key.startswith(".proj/"):
            check_object(store, key, base)
    records = {key: json.loads(b"".join(store.get(base + key))) for key in keys if key.startswith(".proj/runs/")}
    for record in records.values():
        for item in record["objects"]:
            assert keys.get(item["key"]) == item["size"], f"{item['key']} is not as the record says"
    return [
        Run(record["command"], record["run"], {output["path"]: output["digest"] for output in record["outputs"]})
        for _, record in sorted(records.items())
    ]


def check_object(store: Store, key: str, base: str = "") -> None:
    output, _, digest = key.split("/")
    with tempfile.TemporaryDirectory() as place:
        found = unpack(store.get(base + key), unquote_plus(output), Path(place), algorithm="md5").digested()
    assert found.digest == digest, f"{key} holds {found.digest}"


def objects(remote: Path, output: str) -> list[Path]:
    """Return the objects of an output in a directory, the oldest first."""
    return sorted((path for path in (remote / output).glob("*/*")), key=lambda path: path.stat().st_mtime_ns)


def records(remote: Path) -> list[Path]:
    return sorted(remote.glob(".proj/runs/*/*.json"), key=lambda path: path.stat().st_mtime_ns)


def edit_record(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
