"""Write what one version of proj leaves on disk, for later versions to read: `python write.py FOLDER`.

`python -m weaselish` must resolve to the version to sample. Samples are written once, at a release, and never again.
Each project holds that version's own answers to `status`, `push` and `log` in `answers/`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PLAIN = """\
title: A sample
remotes:
  default: ../remote
env: {level: SAMPLE_LEVEL}
workflows:
  all: [prepare, train, evaluate]
commands:
  - name: prepare
    script: ["mkdir -p corpus", "cp raw.txt corpus/a.txt", "ln -sf a.txt corpus/link"]
    deps: [raw.txt]
    outputs: [corpus]
  - name: train
    shell: bash
    env: {LEVEL: "level ${env.level}"}
    script: ["cat corpus/*.txt > model.bin; echo $LEVEL >> model.bin", "wc -c < model.bin > metrics.txt"]
    deps: [corpus, "*.cfg"]
    outputs: [model.bin]
    outputs_no_cache: [metrics.txt, plot.svg]
  - name: evaluate
    workdir: reports
    script: ["cp ../model.bin scores.txt"]
    deps: [model.bin]
    outputs: [reports/scores.txt]
  - name: with arguments
    script: ["sh copy.sh"]
    deps: [copy.sh]
    outputs: [copied.txt]
  - name: failed
    script: ["cp raw.txt failed.txt", "test ! -e broken"]
    deps: [raw.txt]
    outputs: [failed.txt]
  - name: cancelled
    script: ["sh wait.sh"]
    outputs: [cancelled.txt]
  - name: killed
    script: ["sh wait.sh"]
    outputs: [killed.txt]
  - name: inputs changed
    shell: true
    script: ["cp changing.txt changed.txt; echo more >> changing.txt"]
    deps: [changing.txt]
    outputs: [changed.txt]
  - name: reset
    script: ["cp raw.txt reset.txt"]
    deps: [raw.txt]
    outputs: [reset.txt]
  - name: accepted
    script: ["cp raw.txt weights.bin"]
    deps: [raw.txt]
    outputs: [weights.bin]
  - name: never ran
    script: ["cp raw.txt never.txt"]
    deps: [raw.txt]
    outputs: [never.txt]
  - name: clean
    script: ["rm -rf corpus"]
"""
COMPAT = """\
title: A sample shared with Weasel
compat: weasel
remotes:
  default: ../weasel-remote
commands:
  - name: prepare
    script: ["mkdir -p corpus", "cp raw.txt corpus/a.txt"]
    deps: [./raw.txt]
    outputs: [corpus/]
  - name: train
    script: ["cp corpus/a.txt model.bin"]
    deps: [corpus/]
    outputs: [model.bin]
    outputs_no_cache: [metrics.txt]
"""
BLAKE3 = """\
title: A sample with another digest
digest: blake3
remotes:
  default: ../remote
commands:
  - name: prepare
    script: ["mkdir -p corpus", "cp raw.txt corpus/b.txt"]
    deps: [raw.txt]
    outputs: [corpus]
  - name: train
    script: ["cp corpus/b.txt blake3.bin"]
    deps: [corpus]
    outputs: [blake3.bin]
    outputs_no_cache: [absent.txt]
"""
WAIT = "echo began > waiting\nuntil [ -e go ]; do sleep 0.05; done\n"


class Sample:
    def __init__(self, root: Path, project: str) -> None:
        self.root = root
        self._environ = {**os.environ, "SAMPLE_LEVEL": "3", "NO_COLOR": "1", "COLUMNS": "100"}
        root.mkdir(parents=True)
        for name, text in (("project.yml", project), ("raw.txt", "raw\n"), ("options.cfg", "[a]\n"), ("wait.sh", WAIT)):
            (root / name).write_text(text)
        (root / "copy.sh").write_text("cp raw.txt copied.txt\n")
        (root / "changing.txt").write_text("first\n")
        (root / "reports").mkdir()

    def proj(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(self._argv(words), cwd=self.root, env=self._environ, stdout=subprocess.PIPE, check=False)
        if done.returncode != code:
            raise SystemExit(f"{words}: exit code {done.returncode}")
        return done.stdout.decode()

    def _argv(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "weaselish", *words]

    def stop(self, command: str, number: signal.Signals) -> None:
        """Run a command that waits, and send proj a signal."""
        process = subprocess.Popen(self._argv(("run", command)), cwd=self.root, env=self._environ)
        while not (self.root / "waiting").exists():
            time.sleep(0.05)
        process.send_signal(number)
        process.wait()
        (self.root / "go").touch()  # ends a script that outlived proj
        time.sleep(0.5)
        for name in ("go", "waiting"):
            (self.root / name).unlink()

    def answer(self) -> None:
        answers = self.root / "answers"
        answers.mkdir()
        for name, words in (("status", ("status",)), ("push", ("push", "--dry")), ("log", ("log", "-n", "1000"))):
            text = json.dumps(json.loads(self.proj(*words, "--json")), indent=1)
            (answers / f"{name}.json").write_text(text.replace(str(self.root), "ROOT") + "\n")


def main(folder: Path) -> None:
    plain = Sample(folder / "plain", PLAIN)
    plain.proj("run", "all", "reset", "failed", "inputs changed")
    plain.proj("run", "with arguments", "--", "--fast", "two words")
    plain.proj("run", "clean")
    plain.proj("run", "all", "reset", "-F")
    plain.proj("lock", "reset", "reset")
    (plain.root / "weights.bin").write_text("from elsewhere\n")
    plain.proj("lock", "accept", "accepted")
    (plain.root / "broken").touch()
    plain.proj("run", "failed", "-F", code=1)
    (plain.root / "broken").unlink()
    plain.stop("cancelled", signal.SIGINT)
    plain.stop("killed", signal.SIGKILL)
    plain.proj("push")
    plain.answer()

    pulled = Sample(folder / "pulled", PLAIN)
    shutil.copyfile(plain.root / "project.lock", pulled.root / "project.lock")
    pulled.proj("pull")
    pulled.answer()

    for name, project in (("weasel", COMPAT), ("blake3", BLAKE3)):
        sample = Sample(folder / name, project)
        sample.proj("run", "train")
        sample.proj("push")
        sample.answer()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
