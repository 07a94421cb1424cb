"""The console output of every subcommand, in full. `make golden` rewrites the files."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from harness import Done, ProjectDir

from weaselish.cli.subcommand import MODULES

Golden = Callable[..., None]
SESSIONS = {  # subcommand -> the rest of each call, in order
    "run": ["all -n", "all", "all", "count -F -q", "all -F -j 2 --output quiet", "nothing", "all --json -q"],
    "exec": ["", "./empty/job.json", "./empty/.proj/jobs/0-1.json"],
    "status": ["", "all --json", "count --remote default", "-v --check"],
    "ps": ["", "--json"],
    "stop": ["count", ""],
    "shell": ["", "nothing"],
    "executor list": ["", "--json"],
    "executor test": ["", "nowhere"],
    "executor clean": ["local", "nowhere"],
    "log": ["-q"],
    "why": ["count", "all --vars.lines 1", ""],
    "diff": ["", "count", "--json", "count 000000000000"],
    "graph": ["", "count --dot", "--mermaid", "--svg --html", "--html graph.html", "nothing"],
    "serve": ["nowhere", "--port 70000"],
    "serve export": ["", "."],
    "serve user add": ["", "ada", "a/b", "ada --role boss", "ada@acme.com --oidc", "ada@acme.com --oidc"],
    "serve user role": ["ada", "ada runner"],
    "serve user password": ["ada"],
    "serve user remove": ["ada"],
    "serve user list": ["", "--json"],
    "serve token create": ["--expires 0", "--role boss"],
    "serve token list": ["", "--json"],
    "serve token revoke": ["", "5f3a9c01"],
    "serve manifest": ["--format docker"],
    "vars": ["", "--vars.lines 5", "--json"],
    "validate": [""],
    "push": ["--dry", "", "", "-c report", "nowhere"],
    "pull": ["--dry", "", "-c count", "./empty"],
    "clean": ["--dry", "count", "all --yes", ""],
    "gc": ["./empty --dry", "./empty --keep-last 2 --yes", "./empty --keep-last two", "nowhere"],
    "ls": ["./empty"],
    "remote add": ["shared /dev --no-test", "shared ./nowhere", "lab s3://bucket --access-key AK"],
    "remote list": ["", "--json"],
    "remote show": ["default", "default --json"],
    "remote rename": ["nowhere other"],
    "remote remove": ["nowhere", ""],
    "remote test": ["", "nowhere"],
    "assets": ["", "nothing"],
    "lock accept": ["count", "--all", ""],
    "lock reset": ["count", "", "nothing"],
    "snapshot push": ["./empty --dry", "./empty -m first", "", "nowhere"],
    "snapshot pull": [
        "",
        "--from ./empty",
        "--project lines --from ./empty --into other",
        "nothing --from ./empty --project lines",
    ],
    "snapshot list": ["--from ./empty", "--from ./empty --project nothing", ""],
    "snapshot show": ["latest --from ./empty --project lines", ""],
    "snapshot diff": ["", "latest latest --from ./empty --project lines"],
    "snapshot verify": ["--from ./empty --project lines", "@first --from ./empty --project lines"],
    "artifact push": ["counts", "counts --alias champion", "ALL", "ALL --json", "nothing", ""],
    "artifact pull": ["counts LATEST", "counts LATEST", "ALL newest", "counts ^2", "counts"],
    "artifact list": ["", "counts", "nothing"],
    "artifact show": ["counts", "counts@2.0.0", "nothing"],
    "artifact diff": ["counts 1.0.0 newest", "counts 1.0.0"],
    "artifact verify": ["counts@1.0.0", "counts@1.0.0 --rerun", "counts@2.0.0"],
    "artifact alias": ["counts 1.0.0 champion", "counts 1.0.0 latest", "counts 2.0.0 champion"],
    "artifact yank": ["counts 1.0.0 --reason wrong", "counts LATEST"],
    "artifact update": ["", "counts"],
    "import skelebot": ["", "nothing.yaml"],
    "import lab": ["", "nothing"],
    "import kuberlab": ["", "nothing"],
    "version": ["", "bump minor", "--json", "bump", "bump middle"],
    "snapshot prune": ["--from ./empty --project lines --dry", "--from ./empty --project lines --keep 0", "--keep x"],
    "snapshot schedule": ["--at 25:00", "--keep x"],
    "init": ["demo", "demo"],
    "clone": ["--list", "--list --json", "penguins birds", "penguins birds", ""],
    "document": [""],
    "dvc": ["all .", ". all", "nothing"],
    "completion": ["fish", "", "csh"],
    "schema": ["x"],
}

ARTIFACTS = 'version: "1.0.0"\nartifacts: {counts: {path: count.txt}, data: {path: data.txt}}\n'


def test_every_subcommand_has_a_session() -> None:
    assert SESSIONS.keys() == MODULES.keys(), "add or remove its line in SESSIONS, above"


@pytest.mark.parametrize("name", SESSIONS)
def test_golden_session(pipeline: ProjectDir, golden: Golden, name: str) -> None:
    pipeline.project(pipeline.read("project.yml") + "remotes: {default: ../remote}\n")
    if name.startswith(("artifact", "version")):
        pipeline.project(pipeline.read("project.yml") + ARTIFACTS)
    pipeline.proj("run", "all")
    calls: list[tuple[str, Done]] = []
    if name.startswith("artifact") and name != "artifact push":
        pipeline.proj("artifact", "push", "ALL")
    if name.startswith("snapshot") and name != "snapshot push":
        pipeline.proj("snapshot", "push", "./empty", "-m", "first", "--project", "lines")
    for rest in SESSIONS[name]:
        line = f"{name} {rest}".strip()
        calls.append((f"proj {line}", pipeline.proj(*line.split())))
    golden(*calls)


@pytest.mark.parametrize("name", MODULES)
def test_golden_help(pipeline: ProjectDir, golden: Golden, name: str) -> None:
    golden((f"proj {name} --help", pipeline.proj(*name.split(), "--help")))


def test_golden_overview(pipeline: ProjectDir, golden: Golden) -> None:
    golden(
        ("proj --help", pipeline.proj("--help")),
        ("proj lock", pipeline.proj("lock")),
        ("proj train", pipeline.proj("train")),
        ("proj count", pipeline.proj("count")),
        ("proj list", pipeline.proj("list")),
        ("proj repro", pipeline.proj("repro")),
        ("proj stauts", pipeline.proj("stauts")),
        ("proj lock acept", pipeline.proj("lock", "acept")),
        ("proj push a b c", pipeline.proj("push", "a", "b", "c")),
        ("proj run --nothing", pipeline.proj("run", "--nothing")),
        ("proj push -j 0", pipeline.proj("push", "-j", "0")),
        ("proj -C nowhere", pipeline.proj("-C", "nowhere")),
        ("proj in an empty directory", pipeline.beside("empty").proj()),
    )
