"""Projects for tests of pages: one that has run several times, and some that are unusual."""

from __future__ import annotations

from pathlib import Path

from harness import ProjectDir

HOSTILE = '"><script>alert(2)</script>'
ESC = "\x1b"
_TRAIN = r"""
import json, sys
print("\x1b[1mEpoch\x1b[0m 1 \x1b[32mgreen\x1b[0m")
print("\r 10%", end=""); print("\r100%")
print("<script>alert(3)</script><img src=x onerror=alert(4)> \x1b]0;title\x07\u202eend")
json.dump({"accuracy": 1 - 1 / float(sys.argv[1]), "<b>loss": 0.5}, open("metrics.json", "w"))
open("model.txt", "w").write(sys.argv[1])
"""


def measured(directory: Path, scratch: Path) -> ProjectDir:
    """Return a project with three runs of each step, the data of which is data.csv."""
    project = ProjectDir(directory, scratch)
    project.project(
        """
        title: Measured
        description: Trains on data
        vars: {epochs: 2}
        remotes: {default: ../remote}
        workflows:
          all: [prepare, train, report]
        commands:
          - name: prepare
            help: Clean the data
            script: ["cp data.csv clean.csv"]
            deps: [data.csv]
            outputs: [clean.csv]
          - name: train
            script: ["python train.py ${vars.epochs}"]
            deps: [train.py, clean.csv]
            outputs: [model.txt]
            metrics: [metrics.json]
          - name: report
            script: ["cp model.txt report.txt"]
            deps: [model.txt]
            outputs: [report.txt]
        """
    )
    project.write("train.py", _TRAIN)
    project.write("data.csv", "a,b\n")
    for epochs in ("2", "4", "5"):
        assert project.proj("run", "all", "--vars.epochs", epochs).code == 0
    return project


def hostile(directory: Path, scratch: Path) -> ProjectDir:
    """Return a project whose names, texts, log and metrics try to be markup, and one step of which fails."""
    project = ProjectDir(directory, scratch)
    project.project(
        f"""
        title: "<script>alert(1)</script>"
        description: "<img src=x onerror=alert(1)> &amp;"
        workflows:
          "<i>all": ['{HOSTILE}']
        commands:
          - name: '{HOSTILE}'
            help: "</title><script>alert(5)</script>"
            script: ["python train.py 2", "touch '<b>x.txt'"]
            deps: [train.py]
            outputs: ["<b>x.txt", model.txt]
            metrics: [metrics.json]
          - name: fails
            script: ["python -c \\"import sys; print('<u>no</u>'); sys.exit(3)\\""]
            deps: [model.txt]
            outputs: [never.txt]
          - name: {"a-very-long-name-" * 8}end
            script: ["touch long.txt"]
            outputs: [long.txt]
        """
    )
    project.write("train.py", _TRAIN)
    project.proj("run", HOSTILE)
    project.proj("run", "fails")
    return project


def thousand(directory: Path, scratch: Path) -> ProjectDir:
    """Return a project of 1,000 steps, none of which ran."""
    project = ProjectDir(directory, scratch)
    lines = ["title: A thousand", "commands:"]
    for number in range(1000):
        dep = f"deps: [out{number - 2 - number % 7}.txt]" if number > 10 else "deps: []"
        lines.append(f"  - {{name: step-{number:04}, script: ['touch x'], {dep}, outputs: [out{number}.txt]}}")
    project.write("project.yml", "\n".join(lines) + "\n")
    return project
