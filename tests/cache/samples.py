"""A project whose steps leave a trace of each run, and what tests ask about it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from textwrap import dedent

from harness import Done, ProjectDir

CHAIN = dedent("""\
    vars: {size: 1}
    cache: local
    commands:
      - name: prep
        script: [sh step.sh prep corpus data]
        deps: [corpus, step.sh]
        outputs: [data]
      - name: train
        script: ["sh step.sh train data model ${vars.size}"]
        deps: [data, step.sh]
        outputs: [model]
      - name: evaluate
        script: [sh step.sh evaluate model report]
        deps: [model, step.sh]
        outputs: [report]
    workflows: {all: [prep, train, evaluate]}
    """)
STEP = 'echo $1 >> ran.txt; cat $2 > $3; echo "$1 $4" >> $3'


def write_chain(project: ProjectDir, text: str = CHAIN) -> None:
    project.project(text)
    project.write("step.sh", STEP)
    project.write("corpus", "words\n")


def run(project: ProjectDir, *words: str) -> dict[str, str]:
    """Run `proj run WORDS`, which must succeed; return step -> result."""
    done = project.proj("run", *words, "--json")
    assert done.code == 0, done.err
    return results(done)


def results(done: Done) -> dict[str, str]:
    return {step["step"]: step["result"] for step in done.json["steps"]}


def ran(project: ProjectDir) -> list[str]:
    """Return the steps whose scripts ran since the last call, in order."""
    file = project.path / "ran.txt"
    names = file.read_text().split() if file.exists() else []
    file.unlink(missing_ok=True)
    return names


def colleague(project: ProjectDir, name: str = "colleague") -> ProjectDir:
    """Return what a colleague gets by git: the sources and project.lock, without outputs and `.proj`."""
    other = project.beside(name)
    for file in ("project.yml", "project.lock", "step.sh", "corpus"):
        shutil.copy(project.path / file, other.path)
    return other


def records_in(cache: Path) -> list[Path]:
    """Return the files of the records in a cache, the oldest first."""
    return sorted((cache / ".proj" / "runs").rglob("*.json"), key=lambda path: int(path.stem))


def objects_in(cache: Path, output: str) -> list[Path]:
    """Return the files of an output's objects in a cache."""
    return sorted(path for path in (cache / output).rglob("*") if path.is_file())


def object_of(cache: Path, output: str, run: int = -1) -> Path:
    """Return the file of an output's object, of the last record that has it."""
    documents = [json.loads(path.read_text()) for path in records_in(cache)]
    keys = [each["key"] for one in documents for each in one["objects"] if each["path"] == output]
    return cache / str(keys[run])
