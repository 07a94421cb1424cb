"""Messages of `proj` that people search for and that have no class of their own, for docs/errors.md."""

from __future__ import annotations

from typing import NamedTuple

from pages.error_cases import COPY, SHARED, Case, without_blake3


class Message(NamedTuple):
    """`title` is the message, cut to what is always the same. `cause` and `cure` are Markdown."""

    title: str
    cause: str
    cure: str
    case: Case


def _sh(code: str, keys: str = "outputs: [out]") -> str:
    return f"commands:\n  - {{name: train, script: [\"sh -c '{code}'\"], {keys}}}\n"


MESSAGES = (
    Message(
        "failed with exit code",
        "A script ended with an error of its own. `proj` exits with the script's code.",
        "read what the script printed above; `proj log -v NAME` shows it again.",
        Case("", "run train", project=_sh("exit 3")),
    ),
    Message(
        "has no module",
        "A script imports a module that its Python does not have. The message names that Python.",
        "install the module there, or activate the environment that has it.",
        Case(
            "",
            "run train",
            project="commands: [{name: train, script: [python train.py]}]\n",
            files=(("train.py", "import torche\n"),),
        ),
    ),
    Message(
        "did not produce its output",
        "The script ended without an error, and a path under `outputs` does not exist.",
        "correct the script or the path; list optional outputs under `outputs_no_cache`.",
        Case("", "run train", project=_sh("echo 1 >result"), files=()),
    ),
    Message(
        "inputs changed while it ran",
        "A dep was written during the run: by the script itself, an editor or another process. Nothing is recorded.",
        "do not list a path that the script writes under `deps`; run again when the file stays as it is.",
        Case("", "run train", project=_sh("echo 2 >in; echo 1 >out", "deps: [in], outputs: [out]")),
    ),
    Message(
        "was ended after its timeout",
        "The script ran longer than its `timeout`. The exit code is 124.",
        "raise `timeout`, or find out what the script waits for.",
        Case("", "run train", project=_sh("sleep 30", "timeout: 100ms")),
    ),
    Message(
        "needs a library that is not installed",
        "A feature needs an extra: `s3`, `gs`, `azure`, `blake3`, `keyring`, `dask`, `kubernetes` or `serve`.",
        "install it as the hint says: see [Installation](install.md).",
        Case("", "run copy", project="digest: blake3\n" + COPY, around=without_blake3),
    ),
    Message(
        "answer with `--yes`",
        "A command has `confirm:`, and `proj` has no terminal on which to ask.",
        "`--yes` answers all questions.",
        Case("", "run train", project=_sh("true", "confirm: Publish?")),
    ),
    Message(
        "would be lost",
        "A pull would replace an output that exists only locally, or that differs from what the remote has.",
        "move it away or push it first; `--force` replaces it.",
        Case("", "pull", project=SHARED, before=("run copy", "push", "!echo mine > out")),
    ),
    Message(
        "no matching run",
        "The remote has no run with the current script, deps and env.",
        "run the step, or pull another run: `proj ls`, then `proj pull --run ID`.",
        Case("", "pull", project=SHARED, before=("run copy", "push", "!echo 2 > in; rm out")),
    ),
    Message(
        "already exists",
        "`proj clone` writes only into a directory that does not exist.",
        "name another directory: `proj clone NAME DEST`.",
        Case("", "clone minimal words", project=None, before=("!mkdir words",)),
    ),
    Message(
        "requests",
        "A command needs more processors, memory or GPUs than the machine has.",
        "lower `resources`, or choose an executor that has more.",
        Case("", "run train", project=_sh("true", "resources: {cpus: 5000}")),
    ),
)
