"""A project whose steps run elsewhere, and what is on its remote."""

from __future__ import annotations

from pathlib import Path

from cache.samples import results as results
from cache.samples import run as run
from harness import ProjectDir

CHAIN = """\
    executors:
      away: {type: directory, remote: team}
    remotes: {team: REMOTE}
    commands:
      - name: prep
        script: [python prep.py]
        deps: [prep.py, raw]
        outputs: [corpus]
        outputs_no_cache: [notes]
      - name: train
        script: [python train.py]
        deps: [train.py, corpus]
        outputs: [model]
        metrics: [model/scores.json]
    workflows: {all: [prep, train]}
    """
PREP = """\
    import os, shutil
    shutil.rmtree("corpus", ignore_errors=True)
    os.makedirs("corpus/deep")
    text = "".join(sorted(open(f"raw/{name}").read() for name in "ab"))
    open("corpus/deep/text", "w").write(text)
    os.symlink("deep/text", "corpus/link")
    open("notes", "w").write("prepared")
    print("prepared", len(text))
    """
TRAIN = """\
    import json, os
    os.makedirs("model", exist_ok=True)
    text = open("corpus/link").read()
    json.dump({"size": len(text)}, open("model/scores.json", "w"))
    """


def write_chain(project: ProjectDir, remote: Path | str, text: str = CHAIN) -> None:
    project.project(text.replace("REMOTE", str(remote)))
    project.write("prep.py", PREP)
    project.write("train.py", TRAIN)
    project.write("raw/a", "words\n")
    project.write("raw/b", "more words\n")
    project.write("raw/__pycache__/x", "left out")


def below(remote: Path, folder: str) -> list[str]:
    """Return the names below a folder of a remote, sorted."""
    return sorted(str(path.relative_to(remote / folder)) for path in (remote / folder).rglob("*") if path.is_file())
