"""A project with a command of every kind that a lock entry may tell of, and both tools to run it with."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from real_weasel import Finished, Weasel, clean_environ

from weaselish.__main__ import main

PROJECT_YML = r"""
title: Every kind of lock entry
vars:
  rate: 1e-5
  factor: 1.50
  sizes: [1, 2.5, 300]
  words: [eins zwei, drei]
  strict: true
  nothing: null
  none: ""
  seed: 0042
  run: {seed: 7, name: "seed-${vars.seed}"}
workflows:
  all: [file, directory, slashes, names, dotted, kept, absent, lines, variables, long, in place, no deps, empty, links,
    twice, chain]
  few: [file, directory, slashes, kept, lines, variables, chain]
commands:
  - name: file
    script: ["python make.py file out/file.txt data/in.txt"]
    deps: [data/in.txt]
    outputs: [out/file.txt]
  - name: directory
    script: ["python make.py directory out/directory/ corpus"]
    deps: [corpus]
    outputs: [out/directory]
  - name: slashes
    script: ["python make.py slashes out/slashes/ corpus/"]
    deps: [corpus/, data/in.txt]
    outputs: [out/slashes/]
  - name: names
    script: ["python make.py names 'out/Ergebnis für Ännchen/' 'data/Größe der Wörter.txt'"]
    deps: ["data/Größe der Wörter.txt"]
    outputs: [out/Ergebnis für Ännchen]
  - name: dotted
    script: ["python make.py dotted ./out/dotted.txt ./data/in.txt"]
    deps: [./data/in.txt, data//other.txt]
    outputs: [./out/dotted.txt]
  - name: kept
    script: ["python make.py kept out/kept.txt data/in.txt", "python make.py - out/metrics.json data/in.txt"]
    deps: [data/in.txt]
    outputs: [out/kept.txt]
    outputs_no_cache: [out/metrics.json]
  - name: absent
    script: ["python make.py absent out/absent.txt data/in.txt"]
    deps: [data/in.txt]
    outputs: [out/absent.txt]
    outputs_no_cache: [out/never.json]
  - name: lines
    script:
      - mkdir -p out/lines
      - python make.py lines out/lines/one.txt data/in.txt
      - python make.py - "out/lines/two words.txt" data/other.txt
      - rm -f out/lines/none.txt
    deps: [data/in.txt, data/other.txt]
    outputs: [out/lines/one.txt, out/lines/two words.txt]
  - name: variables
    script:
      - >-
        python make.py variables out/variables.txt data/in.txt --rate ${vars.rate} --factor=${vars.factor}
        --sizes '${vars.sizes}' --words '${vars.words}' --strict ${vars.strict} --nothing ${vars.nothing} ${vars.none}
      - python make.py - out/${vars.run.name}.txt data/in.txt ${vars.run.seed} ${vars.seed}
    deps: [data/in.txt]
    outputs: [out/variables.txt, "out/${vars.run.name}.txt"]
  - name: long
    script:
      - "python make.py long out/long.txt data/in.txt --pattern '<S>\n  two  lines: # - {x: [1, 2]} & *all'\
        \ \"it's\\t\\\\ 100 % – ≠ 😀\" ${vars.none} a\u00a0b  "
      - "echo yes"
      - "echo '~' null 1e5 0x1f 12:30"
    deps: [data/in.txt]
    outputs: [out/long.txt]
  - name: in place
    script: ["python make.py 'in place' data/state.txt data/in.txt"]
    deps: [data/in.txt, data/state.txt]
    outputs: [data/state.txt]
  - name: no deps
    script: ["python make.py 'no deps' out/no-deps.txt"]
    outputs: [out/no-deps.txt]
  - name: empty
    script: ["python make.py empty out/empty.txt", "mkdir -p out/empty"]
    outputs: [out/empty.txt, out/empty]
  - name: links
    script: ["python make.py links out/links/ linked", "ln -sf a.txt out/links/b.txt"]
    deps: [linked, link.txt]
    outputs: [out/links]
  - name: twice
    script: ["python make.py twice out/twice.txt data/in.txt"]
    deps: [data/in.txt, corpus, data/in.txt]
    outputs: [out/twice.txt]
  - name: chain
    script: ["python make.py chain out/chain.txt out/directory out/file.txt"]
    deps: [out/directory, out/file.txt, out/slashes/]
    outputs: [out/chain.txt]
"""

MAKE_PY = '''\
"""make.py NAME OUT [IN…]: write OUT (a directory if it ends in /) from what IN hold, and note NAME in ran.log."""

import sys
from pathlib import Path


def content(path):
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return "".join(file.read_text() for file in files if file.is_file())


name, out, *words = sys.argv[1:]
text = "".join(content(Path(word)) for word in words if Path(word).exists())
target = Path(out)
if out.endswith("/"):
    (target / "sub").mkdir(parents=True, exist_ok=True)
    (target / "a.txt").write_text(text)
    (target / "sub" / "c.txt").write_text(f"{name}: {len(text)}")
else:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
if name != "-":
    with open("ran.log", "a") as log:
        log.write(name + "\\n")
'''

COMMANDS: list[str] = yaml.safe_load(PROJECT_YML)["workflows"]["all"]
FEW: list[str] = yaml.safe_load(PROJECT_YML)["workflows"]["few"]  # Weasel reads project.yml again for each step


@dataclass(frozen=True, slots=True)
class Sample:
    """A project directory. Both tools are driven by their command lines, as users would."""

    root: Path
    weasel_itself: Weasel

    def weasel(self, *argv: str, environ: dict[str, str] | None = None) -> list[str]:
        """Run Weasel; the commands that it ran."""
        return self._ran(self.weasel_itself(self.root, *argv, environ=environ))

    def proj(self, *argv: str, environ: dict[str, str] | None = None) -> list[str]:
        """Run proj; the commands that it ran."""
        return self._ran(self.call_proj(*argv, environ=environ))

    def call_proj(self, *argv: str, environ: dict[str, str] | None = None) -> Finished:
        """In this process, which is quicker than one of its own."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            wanted = clean_environ(environ)
            for name in set(os.environ) - set(wanted):
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            patch.chdir(self.root)
            code = main(argv)
        return Finished(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))

    def _ran(self, done: Finished) -> list[str]:
        assert done.code == 0, done.out + done.err
        log = self.root / "ran.log"
        names = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return names

    def reasons(self) -> dict[str, list[str]]:
        """Why proj would run what it would run."""
        done = self.call_proj("status", "--json")
        assert done.code == 0, done.err
        return {row["step"]: row["reasons"] for row in json.loads(done.out) if row["reasons"]}

    @property
    def lock(self) -> dict[str, Any]:
        data = yaml.safe_load((self.root / "project.lock").read_bytes())
        assert isinstance(data, dict)
        return data

    def write_lock(self, data: dict[str, Any]) -> None:
        self.write("project.lock", yaml.safe_dump(data, sort_keys=False, allow_unicode=True))

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text("utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def copy(self, root: Path) -> Sample:
        """The same project at another place."""
        shutil.copytree(self.root, root, symlinks=True)
        return replace(self, root=root)


def sample(root: Path, weasel: Weasel, project_yml: str = PROJECT_YML, *, compat: bool = False) -> Sample:
    """A fresh project with all that its commands read."""
    made = Sample(root, weasel)
    made.write("project.yml", project_yml + ("\ncompat: weasel\n" if compat else ""))
    made.write("make.py", MAKE_PY)
    for path in ("data/in.txt", "data/other.txt", "data/state.txt", "data/Größe der Wörter.txt"):
        made.write(path, f"from {path}\n")
    for path in ("corpus/a/b.txt", "corpus/a-b.txt", "corpus/B.txt", "corpus/.hidden", "corpus/ü/é.txt", "far/x.txt"):
        made.write(path, f"from {path}\n")
    (root / "corpus" / "nothing").mkdir()
    for link, target in {"linked": "corpus", "link.txt": "data/in.txt", "corpus/to-dir": "../far"}.items():
        os.symlink(target, root / link)
    os.symlink("../data/other.txt", root / "corpus" / "to-file.txt")
    os.symlink("nowhere", root / "corpus" / "dangling")
    return made
