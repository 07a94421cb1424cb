"""The text of project.yml becomes a project, or all its problems are reported together, each with its location."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.errors import InvalidProject, Problem, UsageError
from weaselish.files import yaml12
from weaselish.model.locations import Locations
from weaselish.model.parse import parse
from weaselish.model.paths import ProjectRoot
from weaselish.model.project import Asset, Command, Git, ProjectModel, Remote


def project(text: str, overrides: dict[str, str] | None = None) -> ProjectModel:
    """The project in `/srv/iris` that `text` describes."""
    data, locations = yaml12.read(dedent(text), file="project.yml")
    return parse(data, locations, overrides, ProjectRoot("/srv/iris"))


def problems(text: str) -> list[str]:
    """`LINE:COLUMN message | hint` of each error, and where project.yml is refused of each warning, in file order."""
    try:
        errors: Sequence[Problem] = project(text.lstrip("\n")).faults
        assert errors
    except InvalidProject as error:
        errors = error.problems
    return [
        f"{problem.line}:{problem.column} {problem.message}" + (f" | {problem.hint}" if problem.hint else "")
        for problem in errors
    ]


def warnings(text: str) -> list[str]:
    return [f"{warning.line}:{warning.column} {warning.message}" for warning in project(text.lstrip("\n")).warnings]


# -- what is read -----------------------------------------------------------------------------------------------------


def test_every_key_is_read() -> None:
    text = """
    title: Iris ${vars.size}
    description: A ${project.title}
    digest: blake3
    dotenv: [.env, local.env]
    vars: {size: 5, sets: [a, b]}
    env: {home: HOME}
    directories: [corpus/, ./out]
    assets:
      - {dest: data/a.csv, url: "https://x/${vars.size}", checksum: D41D8CD98F00B204E9800998ECF8427E, extra: true}
      - {dest: repo, git: {repo: "https://y", branch: v3, path: sub}, description: code}
      - {dest: mine}
    commands:
      - name: train
        help: Train it
        script: ["python train.py --n ${vars.size} ${vars.sets}", "echo ${env.home}"]
        deps: [./data/, "data/*.csv", "a/../b"]
        outputs: [out/model/]
        outputs_no_cache: [metrics.json]
        no_skip: "yes"
        env: {A: 1, B: true, C: 1.5, D: "${vars.size}"}
        workdir: sub
        timeout: 1.5h
        retries: 2
        mutex: [gpu0]
        confirm: Really?
        x-mine: {anything: goes}
      - {name: sh, shell: true, script: ["a && b > ${c}"]}
      - {name: bash, shell: bash}
    workflows:
      all: [train, more]
      more: [sh, bash]
    remotes:
      default: s3://bucket/${vars.size}
      lab: {url: s3://team, endpoint_url: "http://127.0.0.1:9000", profile: minio, region: eu, read_only: true}
      safe: {url: s3://safe, sse: "aws:kms", kms_key: "alias/${vars.size}", requester_pays: true}
      public: {url: gs://public, anonymous: true}
    x-own: kept
    """
    model = project(text)
    assert (model.title, model.description, model.digest) == ("Iris 5", "A Iris 5", "blake3")
    assert (model.dotenv, model.env) == ((".env", "local.env"), {"home": "HOME"})
    assert model.vars == {"size": 5, "sets": ["a", "b"]}
    assert model.directories == ("corpus", "out")
    assert model.assets == (
        Asset("data/a.csv", url="https://x/5", checksum="d41d8cd98f00b204e9800998ecf8427e", extra=True),
        Asset("repo", git=Git("https://y", "sub", "v3"), description="code"),
        Asset("mine"),
    )
    assert model.commands == {
        "train": Command(
            name="train",
            help="Train it",
            script=('python train.py --n 5 ["a", "b"]', "echo ${env.home}"),
            deps=("data", "data/*.csv", "b"),
            outputs=("out/model",),
            outputs_no_cache=("metrics.json",),
            no_skip=True,
            env=(("A", "1"), ("B", "true"), ("C", "1.5"), ("D", "5")),
            workdir="sub",
            timeout=5400.0,
            retries=2,
            mutex=("gpu0",),
            confirm="Really?",
            written=(("out/model", "out/model/"), ("data", "./data/"), ("b", "a/../b")),
        ),
        "sh": Command("sh", shell="sh", script=("a && b > ${c}",)),
        "bash": Command("bash", shell="bash"),
    }
    assert model.workflows == {"all": ("train", "more"), "more": ("sh", "bash")}
    assert model.steps_of("all") == ("train", "sh", "bash")
    assert model.remotes == {
        "default": Remote("default", "s3://bucket/5"),
        "lab": Remote("lab", "s3://team", "http://127.0.0.1:9000", "minio", "eu", read_only=True),
        "safe": Remote("safe", "s3://safe", sse="aws:kms", kms_key="alias/5", requester_pays=True),
        "public": Remote("public", "gs://public", anonymous=True),
    }
    assert model.warnings == ()


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("90s", 90), ("1.5", 1.5), ("250ms", 0.25), ("15 m", 900), ("2h", 7200), ("1d", 86400), ("1e3", 1000)],
)
def test_a_timeout_is_read_in_seconds(written: str, seconds: float) -> None:
    assert project(f"commands: [{{name: a, timeout: {written}}}]").commands["a"].timeout == seconds


@pytest.mark.parametrize(
    ("written", "value"), [("yes", True), ("on", True), ("true", True), ("1", True), ("no", False), ("0", False)]
)
def test_no_skip_is_read_as_weasel_reads_it(written: str, value: bool) -> None:
    assert project(f"commands: [{{name: a, no_skip: {written}}}]").commands["a"].no_skip is value


def test_texts_between_two_references_are_never_read_again() -> None:
    text = """
    vars: {a: '"], "x": ["', b: "$1 \\\\ '", n: "42"}
    commands: [{name: a, script: ["echo '${vars.a}' , \\"${vars.n}\\" $HOME"]}]
    """
    assert project(text).commands["a"].script == ("""echo '"], "x": ["' , "42" $HOME""",)


# -- what is refused --------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, list[str]]] = {
    "an empty file": ("", ["1:1 project.yml is empty | begin with `commands:`"]),
    "a list": (
        "- a\n",
        [
            "1:1 project.yml must be a mapping, not a list | write `commands:` in a line above it, and indent the list"
        ],
    ),
    "a word": ("commands", ["1:1 project.yml must be a mapping, not `commands`"]),
    "null that Weasel refuses too": (
        "vars:\ncommands:\n",
        [
            "1:6 `vars` must be a mapping, not empty | leave the key out, or give it a value",
            "2:10 `commands` must be a list, not empty | leave the key out, or give it a value",
        ],
    ),
    "a number instead of text": (
        "commands: [{name: 1, script: [2], deps: [3.5]}]",
        [
            '1:19 `name` must be text, not `1` | did you forget quotes? "1"',
            '1:31 an entry of `script` must be text, not `2` | did you forget quotes? "2"',
            '1:42 an entry of `deps` must be text, not `3.5` | did you forget quotes? "3.5"',
        ],
    ),
    "text instead of a list": (
        "commands: [{name: a, deps: data}]",
        ['1:28 `deps` must be a list, not `data` | write a list: ["data"]'],
    ),
    "forgotten quotes": (
        "commands:\n  - name: a\n    script:\n      - echo: x\n",
        [
            "4:9 an entry of `script` must be text, not a mapping"
            " | did you forget quotes? `: ` in a text without quotes makes it a mapping"
        ],
    ),
    "an unknown key": (
        "commands:\n  - name: a\n    output: [b]\n",
        ["3:5 unknown key `output` | did you mean `outputs`?"],
    ),
    "a command without a name and with other errors": (
        "commands:\n  - script: [1]\n    foo: 2\n",
        [
            "2:5 a command needs `name`",
            '2:14 an entry of `script` must be text, not `1` | did you forget quotes? "1"',
            "3:5 unknown key `foo` | valid keys are name, help, matrix, script, deps, outputs, outputs_no_cache, "
            "metrics, cache, no_skip, env, shell, workdir, timeout, executor, image, roles, replicas, "
            "queue_timeout, resources, retries, mutex, interactive, confirm",
        ],
    ),
    "commands that are not mappings": (
        "commands: [null, 3, x]",
        [
            "1:12 a command must be a mapping, not empty | leave the key out, or give it a value",
            "1:18 a command must be a mapping, not `3`",
            "1:21 a command must be a mapping, not `x`",
        ],
    ),
    "invalid assets": (
        "assets: [{url: x}, {dest: a, git: {path: x}}, {dest: b, checksum: abc}]",
        [
            "1:10 an asset needs `dest`",
            "1:35 `git` needs `repo`",
            "1:67 `checksum` is not a valid checksum: `abc`"
            " | write 32 hex digits for an MD5, or `sha256:` and 64 hex digits",
        ],
    ),
    "a choice of words": (
        "compat: wesel\ndigest: sha1\n",
        [
            "1:9 `compat` must be `weasel`, not `wesel` | did you mean `weasel`?",
            "2:9 `digest` must be `md5` or `blake3`, not `sha1`",
        ],
    ),
    "keys that exclude each other": (
        "compat: weasel\ndigest: blake3\n",
        ["2:9 `digest: blake3` and `compat: weasel` exclude each other | Weasel knows MD5 only"],
    ),
    "invalid times": (
        "commands:\n" + "".join(f"  - {{name: a{i}, timeout: {t}}}\n" for i, t in enumerate(["soon", ".inf", "0s"])),
        [
            "2:25 `timeout` must be a time, not `soon` | for example `90s`, `15m`, `2h`",
            "3:25 `timeout` must be a finite number, not `Infinity`",
            "4:25 `timeout` must be a time, not `0s` | for example `90s`, `15m`, `2h`",
        ],
    ),
    "names of variables that cannot be": (
        "commands: [{name: a, env: {'A=B': x, '': y, env.X: z}}]",
        [f"1:{at} an environment variable cannot be named `{name}` | rename it" for at, name in
         ((28, "A=B"), (38, ""), (45, "env.X"))],
    ),
    "a duplicate command": (
        "commands:\n  - name: a\n  - {name: b}\n  - {name: a}\n",
        ["4:12 a second command is named `a` | rename one of them"],
    ),
    "a duplicate command after interpolation": (
        "vars: {x: a}\ncommands:\n  - name: a\n  - {name: '${vars.x}'}\n",
        ["4:12 a second command is named `a` | rename one of them"],
    ),
    "a workflow named like a command": (
        "commands: [{name: a}]\nworkflows:\n  a: [a]\n",
        ["3:3 a workflow and a command are both named `a` | rename one of them; the command is in line 1, column 19"],
    ),
    "an unknown step": (
        "commands: [{name: train}]\nworkflows:\n  all:\n    - train\n    - trian\n",
        ["5:7 workflow `all`: no command or workflow named `trian` | did you mean `train`?"],
    ),
    "a workflow that contains itself": (
        "workflows:\n  x: [y]\n  y: [z]\n  z: [x]\n  me: [me]\n",
        [
            "2:3 workflow `x` contains itself: x → y → z → x | remove one of these steps",
            "5:3 workflow `me` contains itself: me → me | remove one of these steps",
        ],
    ),
    "paths that may not be outside the project": (
        "assets: [{dest: /y, url: 'https://x'}, {dest: ../z, git: {repo: 'https://y'}}]\n"
        "commands: [{name: a, workdir: ..}]\n",
        [
            "1:17 an asset is outside the project: `/y` | name a path inside the project",
            "1:47 an asset is outside the project: `../z` | name a path inside the project",
            "2:31 a workdir is outside the project: `..` | name a path inside the project",
        ],
    ),
    "paths that contain the project": (
        "assets: [{dest: ../..}]\ncommands: [{name: a, deps: [.., /, /srv], outputs: [x/../..]}]\n",
        [
            "1:17 a private asset cannot be `../..` | it contains the project itself",
            "2:29 a dep cannot be `..` | it contains the project itself",
            "2:33 a dep cannot be `/` | it contains the project itself",
            "2:36 a dep cannot be `/srv` | it contains the project itself",
            "2:53 an output cannot be `..` | it contains the project itself",
        ],
    ),
    "locations that tools execute": (
        "assets: [{dest: .git/hooks/post-checkout, url: x}, {dest: .envrc, git: {repo: x}}]\n"
        "commands: [{name: a, outputs: [.Git/config], outputs_no_cache: [sub/.proj/x]}]\n",
        [
            "1:17 an asset cannot be `.git/hooks/post-checkout`"
            " | tools execute what they find there, without being asked",
            "1:59 an asset cannot be `.envrc` | tools execute what they find there, without being asked",
            "2:32 an output cannot be `.Git/config` | tools execute what they find there, without being asked",
            "2:65 an output cannot be `sub/.proj/x` | tools execute what they find there, without being asked",
        ],
    ),
    "globs that are not deps": (
        "assets: [{dest: 'a/*'}]\ndirectories: ['b*']\ncommands: [{name: a, outputs: ['*.csv']}]\n",
        [
            "1:17 a private asset cannot be a glob: `a/*` | name the file, or the directory that contains the files",
            "2:15 a directory cannot be a glob: `b*` | name the file, or the directory that contains the files",
            "3:32 an output cannot be a glob: `*.csv` | name the file, or the directory that contains the files",
        ],
    ),
    "names that no file can have": (
        f"commands: [{{name: a, deps: [{'x' * 300}, {'y/' * 2100}]}}, {{name: b, outputs: [\"x\\0\"]}}]",
        [
            "1:29 a dep cannot have a name of more than 255 bytes | shorten it",
            "1:331 a dep cannot have more than 4,095 bytes | shorten it",
            "1:4555 an output cannot be 'x\\x00' | a path cannot contain NUL, nor bytes that are not UTF-8",
        ],
    ),
    "outputs that would replace files of the project": (
        "commands:\n  - name: a\n    outputs: [x, project.yml, ., .proj/runs]\nassets: [{dest: project.lock}]\n",
        [
            "3:18 an output cannot be `project.yml` | it would replace files of the project itself",
            "3:31 an output cannot be `.` | it would replace files of the project itself",
            "3:34 an output cannot be `.proj/runs` | it would replace files of the project itself",
            "4:17 a private asset cannot be `project.lock` | it would replace files of the project itself",
        ],
    ),
    "empty paths": (
        "vars: {e: ''}\ncommands: [{name: a, deps: ['', '${vars.e}']}]",
        ["2:29 an entry of `deps` must not be empty", "2:33 a dep must be a path, not empty text"],
    ),
    "an asset that is still to be filled in": (
        "assets:\n  - dest: ''\n    description: ''\n",
        ["2:11 `dest` must not be empty | name the path, or remove the asset"],
    ),
    "names that are empty after all": (
        "vars: {e: ''}\ncommands: [{name: '${vars.e}'}]\nassets: [{dest: '${vars.e}'}]",
        ["2:19 `name` must not be empty", "3:17 `dest` must not be empty | name the path, or remove the asset"],
    ),
    "values that are too long, too many or too large": (
        "commands:\n  - {name: a, timeout: 366d, retries: 1001}\n  - {name: b, timeout: 40000000}\n",
        [
            "2:24 `timeout` cannot be longer than 365 days | leave the key out",
            "2:39 `retries` must be from 0 to 1000, not `1001`",
            "3:24 `timeout` cannot be longer than 365 days | leave the key out",
        ],
    ),
    "NUL where a system call cannot take it": (
        'commands:\n  - {name: a, script: ["echo \\0"]}\n  - {name: b, env: {A: "\\0"}}\n',
        [
            "2:24 the script line contains a NUL character | remove it",
            "3:24 the value contains a NUL character | remove it",
        ],
    ),
    "a checksum to be filled in": (
        "assets: [{dest: a, checksum: ''}]",
        ["1:30 `checksum` must not be empty | leave the key out"],
    ),
    "unknown variables": (
        "vars: {size: 1, deep: {er: 2}}\nenv: {home: HOME}\n"
        "title: ${vars.sise}\ndescription: ${vars.deep.err}\nworkflows: {all: ['${env.hom}', '${project.nope}']}\n",
        [
            "3:8 unknown variable `${vars.sise}` | did you mean `${vars.size}`?",
            "4:14 unknown variable `${vars.deep.err}` | did you mean `${vars.deep.er}`?",
            "5:19 unknown variable `${env.hom}` | did you mean `${env.home}`?",
            "5:33 unknown variable `${project.nope}` | define `nope` under `project`",
        ],
    ),
    "a reference without a section": (
        "vars: {size: 1}\ncommands: [{name: a, script: ['echo ${size}', 'echo ${var.size}']}]",
        [
            "2:31 `${size}` names nothing"
            " | references begin with `vars.`, `env.` or `project.`: did you mean `${vars.size}`?",
            "2:47 `${var.size}` names nothing"
            " | references begin with `vars.`, `env.` or `project.`: did you mean `${vars.size}`?",
        ],
    ),
    "variables that contain themselves": (
        "vars:\n  a: ${vars.b}\n  b: x${vars.a}\n",
        [
            "2:6 `${vars.b}` contains itself: vars.b → vars.a → vars.b",
            "3:6 `${vars.a}` contains itself: vars.a → vars.b → vars.a",
        ],
    ),
    "a mapping in a text": (
        "vars: {d: {x: 1}}\ntitle: ${vars.d}\n",
        ["2:8 a mapping cannot be put into text | name one of its keys: `${vars.NAME.KEY}`"],
    ),
    "lines that cannot be split": (
        "commands:\n  - name: a\n    script: [\"echo 'x\", ' ']\n",
        [
            "3:14 the script line cannot be split into words: no closing quotation"
            " | close the quote, or put a backslash before it",
            "3:25 the script line is empty",
        ],
    ),
    "lines for a shell": (
        "vars: {and: '&&'}\ncommands:\n  - name: a\n    script: [a && b, 'a; b', 'x ${vars.and} y']\n",
        [
            "4:14 `&&` has no meaning without a shell"
            " | add `shell: true` to the command, or put the word in quotes",
            "4:22 `a;` has no meaning without a shell"
            " | add `shell: true` to the command, or put the word in quotes",
        ],
    ),
    "invalid remotes": (
        "remotes:\n  a: 3\n  b: {urls: x, read_only: maybe}\n  c: {url: s3://b, sse: aes256, anonymous: 1}\n",
        [
            '2:6 `a` must be text or a mapping, not `3` | did you forget quotes? "3"',
            "3:6 `b` needs `url`",
            "3:7 unknown key `urls` | did you mean `url`?",
            "3:27 `read_only` must be true or false, not `maybe`",
            "4:25 `sse` must be `AES256` or `aws:kms`, not `aes256` | did you mean `AES256`?",
            "4:44 `anonymous` must be true or false, not `1`",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_error_is_reported_with_its_location(name: str) -> None:
    text, expected = REFUSED[name]
    assert problems(text) == expected


def test_all_problems_are_reported_together_with_the_warnings_among_them() -> None:
    text = """
    asets: []
    title: 5
    commands:
      - {name: a, deps: x, retries: -1}
      - {name: a, script: ["${vars.x}"]}
    workflows: {all: [a, b, a]}
    """
    assert problems(dedent(text)) == [
        "1:1 unknown key `asets` is ignored | did you mean `assets`?",
        '2:8 `title` must be text, not `5` | did you forget quotes? "5"',
        '4:21 `deps` must be a list, not `x` | write a list: ["x"]',
        "4:33 `retries` must be from 0 to 1000, not `-1`",
        "5:12 a second command is named `a` | rename one of them",
        "6:22 workflow `all`: no command or workflow named `b`",
    ]


def test_the_error_names_the_file_and_every_place() -> None:
    with pytest.raises(InvalidProject) as caught:
        project("title: 5\ndigest: x\n")
    assert str(caught.value) == (
        "project.yml:1:8: `title` must be text, not `5`\nproject.yml:2:9: `digest` must be `md5` or `blake3`, not `x`"
    )
    assert caught.value.exit_code == 2


def test_a_problem_of_an_anchored_value_is_located_at_the_anchor() -> None:
    assert problems("commands:\n  - &a {name: a, deps: x}\n  - {<<: *a, name: b}\n")[0].startswith("2:")


# -- faults: errors confined to one part ------------------------------------------------------------------------------

CONFINED = {
    "commands: [{name: a, script: ['a | b']}, {name: b}]": ("commands", "a"),
    "vars: {n: a}\ncommands: [{name: '${vars.n}', deps: x}]": ("commands", "a"),
    "commands: [{name: a}, {name: b}, {name: b}]": ("commands", "b"),
    "commands: [{nmae: a}]": ("commands", ""),
    "commands: [x]": ("commands", ""),
    "commands: [{name: .proj}]": ("commands", ".proj"),
    "assets: [{dest: ./x/, checksum: abc}]": ("assets", "x"),
    "assets: [{dest: '*'}]": ("assets", "*"),
    "commands: [{name: a}]\nworkflows: {all: [b]}": ("workflows", "all"),
    "commands: [{name: a}]\nworkflows: {a: [a]}": ("workflows", "a"),
    "workflows: {a: [b], b: [a]}": ("workflows", "a"),
    "workflows: {a: 3}": ("workflows", "a"),
    "remotes: {lab: gcs://x}": ("remotes", "lab"),
    "vars: {x: '${vars.y}'}": ("vars", "x"),
}


@pytest.mark.parametrize("text", CONFINED)
def test_an_error_in_one_part_is_confined_to_it(text: str) -> None:
    model = project(text)
    assert {problem.confined_to for problem in model.faults} == {CONFINED[text]}
    assert model.faults_in(*CONFINED[text]) == model.faults


@pytest.mark.parametrize("text", ["commands: x", "title: 5", "env: {a: 1}", "vars: []", "directories: ['']"])
def test_an_error_elsewhere_refuses_the_project(text: str) -> None:
    with pytest.raises(InvalidProject):
        project(text)


def test_a_plan_has_the_problems_of_its_steps_and_of_the_workflows_that_it_names() -> None:
    model = project("""
    commands: [{name: good}, {name: bad, deps: x}]
    workflows: {fine: [good], inner: [nope], outer: [inner, good], circle: [fine, circle], both: [outer, bad]}
    """)
    expected = {"good": 0, "bad": 1, "fine": 0, "inner": 1, "outer": 1, "circle": 1, "both": 2}
    assert {name: len(model.problems_of([name])) for name in expected} == expected
    assert len(model.problems_of(expected)) == 3
    assert model.problems_of(["never heard of it"]) == ()
    assert {name: model.steps_of(name) for name in model.workflows} == {
        "fine": ("good",),
        "inner": (),
        "outer": ("good",),
        "circle": ("good",),
        "both": ("good", "bad"),
    }


# -- paths outside the project ----------------------------------------------------------------------------------------


def test_deps_private_assets_directories_and_outputs_may_be_outside() -> None:
    model = project("""
    directories: [../models, /srv/models]
    assets: [{dest: ../data/x}, {dest: /data/y}]
    commands:
      - {name: a, deps: ["../data/*.csv", /data], outputs: [../out, x], outputs_no_cache: [/scratch/log]}
    """)
    assert (model.warnings, model.faults) == ((), ())
    assert model.directories == ("../models", "/srv/models")
    assert [asset.dest for asset in model.assets] == ["../data/x", "/data/y"]
    command = model.commands["a"]
    assert command.deps == ("../data/*.csv", "/data")
    assert command.all_outputs == ("../out", "x", "/scratch/log")
    assert command.pushed_outputs == ("x",)


def test_a_path_that_leads_into_the_project_is_relative() -> None:
    command = project("""
    commands: [{name: a, deps: [/srv/iris/x, ../iris/y, "/srv/iris/d/*"], outputs: [/srv/iris/out/]}]
    """).commands["a"]
    assert (command.deps, command.outputs) == (("x", "y", "d/*"), ("out",))
    assert command.as_written("out") == "/srv/iris/out/"


def test_an_output_inside_another_is_pushed_with_it() -> None:
    command = project("""
    commands: [{name: a, outputs: [m/best, out, out/x, out2], outputs_no_cache: [m, out/log]}]
    """).commands["a"]
    assert command.outputs == ("m/best", "out", "out/x", "out2")
    assert command.pushed_outputs == ("m/best", "out", "out2")


# -- bounds -----------------------------------------------------------------------------------------------------------


def test_workflows_that_name_each_other_twice_have_too_many_steps() -> None:
    levels = "".join(f"  w{n}: [w{n - 1}, w{n - 1}]\n" for n in range(1, 60))
    model = project(f"commands: [{{name: a}}]\nworkflows:\n  w0: [a]\n{levels}")
    assert {problem.confined_to.name for problem in model.faults if problem.confined_to} == {
        f"w{n}" for n in range(16, 60)
    }
    assert model.faults[0].message == "workflow `w16` has more than 50,000 steps"
    assert len(model.steps_of("w15")) == 32_768
    assert len(model.steps_of("w59")) == 50_001


def test_empty_workflows_that_name_each_other_twice_have_no_steps() -> None:
    levels = "".join(f"  w{n}: [w{n - 1}, w{n - 1}]\n" for n in range(1, 60))
    model = project(f"workflows:\n  w0: []\n{levels}")
    assert (model.faults, model.steps_of("w59")) == ((), ())


def test_a_chain_of_workflows_may_be_long() -> None:
    levels = "".join(f"  w{n}: [w{n - 1}]\n" for n in range(1, 3000))
    model = project(f"commands: [{{name: a}}]\nworkflows:\n{levels}  w0: [a]\n")
    assert (model.faults, model.steps_of("w2999")) == ((), ("a",))


# -- warnings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asets: []", ["1:1 unknown key `asets` is ignored"]),
        ("mine: 1\ntitle: ${project.mine}", []),
        ("mine: {a: 1}\ntitle: ${project.mine.a}", []),
        ("mine: 1\ntitle: ${mine}", []),
        ("x-mine: 1", []),
        ("spacy_version: 3", ["1:1 `spacy_version` is ignored: declare what you need in requirements.txt"]),
        ("check_requirements: false", ["1:1 `check_requirements` is ignored: requirements are not checked"]),
        ("commands: [{name: a}]\nworkflows: {w: [a, a]}", []),
        ("assets: [{dest: a, url: ''}]", ["1:25 `url` is empty: asset `a` counts as private"]),
        ("vars: {u: ''}\nassets: [{dest: a, url: '${vars.u}'}]", ["2:25 `url` is empty: asset `a` counts as private"]),
        ("assets: [{dest: a, git: {repo: }}]", ["1:32 `git.repo` is empty: asset `a` counts as private"]),
        (
            "assets: [{dest: a}, {dest: ./a, url: x}]",
            ["1:28 asset `a` is listed twice, and only the first counts"],
        ),
        ("commands: [{name: a, outputs: [x, ./x]}]", ["1:35 output `x` is listed twice, and counts once"]),
        (
            "vars: {a: x, b: x}\ncommands: [{name: a, outputs: ['${vars.a}'], outputs_no_cache: ['${vars.b}', y]}]",
            ["2:65 output `x` is listed twice, and counts once"],
        ),
        ("commands: [{name: a, outputs: [x, x/y], outputs_no_cache: [x/z, w]}]", []),
    ],
)
def test_a_doubtful_entry_is_a_warning(text: str, expected: list[str]) -> None:
    assert warnings(text) == expected


# -- whatever comes in ------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2.0, 1e30]),
    st.sampled_from(
        ["a", "b", "${vars.a}", "${env.a}", "${a}", "x; y", "'", "..", ".", "project.lock", "", "1h", "md5", "weasel"]
    ),
)
schema = json.loads(files("weaselish.model").joinpath("schema.json").read_text("utf-8"))
levels = [schema, *(schema["$defs"][name] for name in ("command", "asset", "remote"))]
keys = st.sampled_from(["a", "x-a", "repo", *(key for level in levels for key in level["properties"])])
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=8,
)
command = st.dictionaries(keys, anything, max_size=5).map(lambda fields: {"name": "a", **fields})
documents = st.one_of(
    anything,
    st.fixed_dictionaries(
        {},
        optional={
            "commands": st.lists(st.one_of(command, anything), max_size=3),
            "assets": st.lists(anything, max_size=2),
            "vars": st.dictionaries(st.sampled_from("ab"), anything, max_size=2),
            "env": st.dictionaries(st.sampled_from("ab"), scalars, max_size=2),
            "workflows": st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("abcd")), max_size=3),
            "remotes": st.dictionaries(st.sampled_from("ab"), anything, max_size=2),
            "compat": scalars,
            "digest": scalars,
            "dotenv": anything,
            "directories": anything,
        },
    ),
)
overrides = st.dictionaries(
    st.sampled_from(
        ["vars.a", "vars.a.b", "env.a", "project.title", "project.commands", "project.remotes.a", "x.y", "z"]
    ),
    st.sampled_from(["1", "${vars.a}", "[]"]),
    max_size=2,
)


@given(documents, overrides)
def test_any_data_is_a_project_or_refused_with_a_message(data: Any, overrides: dict[str, str]) -> None:
    before = json.dumps(data)
    try:
        model = parse(data, Locations(), overrides)
    except InvalidProject as error:
        assert any(problem.message and not problem.is_warning for problem in error.problems)
    except UsageError as error:
        assert overrides and error.message and error.hint
    else:
        assert all(command.name for command in model.commands.values())
    assert json.dumps(data) == before, "parse must not change its data"
