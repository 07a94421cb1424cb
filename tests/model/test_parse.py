"""project.yml's text → Project, or all of its problems at once, each with its place."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from importlib.resources import files
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.errors import InvalidProject, UsageError
from weaselish.files import yaml12
from weaselish.model.locations import Places
from weaselish.model.parse import parse
from weaselish.model.project import Asset, Command, Git, ProjectModel, Remote
from weaselish.model.script import shell_word, split_words


def project(text: str, overrides: dict[str, str] | None = None) -> ProjectModel:
    data, places = yaml12.read(dedent(text), file="project.yml")
    return parse(data, places, overrides)


def problems(text: str) -> list[str]:
    """`LINE:COLUMN message | hint`, as in the file's order; the text begins with a line break that does not count."""
    with pytest.raises(InvalidProject) as caught:
        project(text.lstrip("\n"))
    return [
        f"{found.line}:{found.column} {found.message}" + (f" | {found.hint}" if found.hint else "")
        for found in caught.value.problems
    ]


def warnings(text: str) -> list[str]:
    return [f"{found.line}:{found.column} {found.message}" for found in project(text.lstrip("\n")).warnings]


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
    x-own: kept
    """
    found = project(text)
    assert (found.title, found.description, found.digest) == ("Iris 5", "A Iris 5", "blake3")
    assert (found.dotenv, found.env) == ((".env", "local.env"), {"home": "HOME"})
    assert found.vars == {"size": 5, "sets": ["a", "b"]}
    assert found.directories == ("corpus", "out")
    assert found.assets == (
        Asset("data/a.csv", url="https://x/5", checksum="d41d8cd98f00b204e9800998ecf8427e", extra=True),
        Asset("repo", git=Git("https://y", "sub", "v3"), description="code"),
        Asset("mine"),
    )
    assert found.commands == {
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
    assert found.workflows == {"all": ("train", "more"), "more": ("sh", "bash")}
    assert found.steps_of("all") == ("train", "sh", "bash")
    assert found.remotes == {
        "default": Remote("default", "s3://bucket/5"),
        "lab": Remote("lab", "s3://team", "http://127.0.0.1:9000", "minio", "eu", read_only=True),
    }
    assert found.warnings == ()


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
    "a list": ("- a\n", ["1:1 project.yml must be a mapping, not a list"]),
    "a word": ("commands", ["1:1 project.yml must be a mapping, not `commands`"]),
    "null where Weasel refuses it": (
        "vars:\ncommands:\n",
        [
            "1:6 `vars` must be a mapping, not empty | leave the key out, or give it a value",
            "2:10 `commands` must be a list, not empty | leave the key out, or give it a value",
        ],
    ),
    "a number where text belongs": (
        "commands: [{name: 1, script: [2], deps: [3.5]}]",
        [
            '1:19 `name` must be text, not `1` | did you forget quotes? "1"',
            '1:31 an entry of `script` must be text, not `2` | did you forget quotes? "2"',
            '1:42 an entry of `deps` must be text, not `3.5` | did you forget quotes? "3.5"',
        ],
    ),
    "text where a list belongs": (
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
    "a command without a name, and what else is wrong with it": (
        "commands:\n  - script: [1]\n    foo: 2\n",
        [
            "2:5 a command needs `name`",
            '2:14 an entry of `script` must be text, not `1` | did you forget quotes? "1"',
            "3:5 unknown key `foo` | known are name, help, script, deps, outputs, outputs_no_cache, no_skip, env,"
            " shell, workdir, timeout, retries, mutex, confirm",
        ],
    ),
    "commands that are none": (
        "commands: [null, 3, x]",
        [
            "1:12 a command must be a mapping, not empty | leave the key out, or give it a value",
            "1:18 a command must be a mapping, not `3`",
            "1:21 a command must be a mapping, not `x`",
        ],
    ),
    "assets that are none": (
        "assets: [{url: x}, {dest: a, git: {path: x}}, {dest: b, checksum: abc}]",
        [
            "1:10 an asset needs `dest`",
            "1:35 `git` needs `repo`",
            "1:67 `checksum` is no checksum: `abc` | an MD5 has 32 hex digits; `sha256:` and 64 is also known",
        ],
    ),
    "a choice of words": (
        "compat: wesel\ndigest: sha1\n",
        [
            "1:9 `compat` must be `weasel`, not `wesel` | did you mean `weasel`?",
            "2:9 `digest` must be `md5` or `blake3`, not `sha1`",
        ],
    ),
    "what excludes each other": (
        "compat: weasel\ndigest: blake3\n",
        ["2:9 `digest: blake3` and `compat: weasel` exclude each other | Weasel knows MD5 only"],
    ),
    "times that are none": (
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
        ["3:3 a workflow and a command are both named `a`"],
    ),
    "an unknown step": (
        "commands: [{name: train}]\nworkflows:\n  all:\n    - train\n    - trian\n",
        ["5:7 workflow `all`: no command or workflow named `trian` | did you mean `train`?"],
    ),
    "a workflow that contains itself": (
        "workflows:\n  x: [y]\n  y: [z]\n  z: [x]\n  me: [me]\n",
        ["2:3 workflow `x` contains itself: x → y → z → x", "5:3 workflow `me` contains itself: me → me"],
    ),
    "outputs inside each other": (
        "commands:\n  - name: a\n    outputs: [out, out/x]\n    outputs_no_cache: [./out/]\n",
        [
            "3:20 output `out/x` lies inside output `out` | keep one of the two",
            "4:24 output `out/x` lies inside output `out` | keep one of the two",
            "4:24 output `out` is listed twice | keep one of the two",
        ],
    ),
    "paths that leave the project": (
        "directories: [../x]\nassets: [{dest: /y}]\n"
        "commands:\n  - {name: a, deps: [../d], outputs: [a/../../o], outputs_no_cache: [..], workdir: /w}\n",
        [
            "1:15 a directory leaves the project: `../x` | name a path inside the project",
            "2:17 an asset leaves the project: `/y` | name a path inside the project",
            "4:22 a dep leaves the project: `../d` | a dep may be a link that leads outside",
            "4:39 an output leaves the project: `a/../../o` | name a path inside the project",
            "4:70 an output leaves the project: `..` | name a path inside the project",
            "4:84 a workdir leaves the project: `/w` | name a path inside the project",
        ],
    ),
    "outputs that would replace what is ours": (
        "commands:\n  - name: a\n    outputs: [x, project.yml, ., .proj/runs]\nassets: [{dest: project.lock}]\n",
        [
            "3:18 an output cannot be `project.yml` | it would replace files of the project itself",
            "3:31 an output cannot be `.` | it would replace files of the project itself",
            "3:34 an output cannot be `.proj/runs` | it would replace files of the project itself",
            "4:17 an asset cannot be `project.lock` | it would replace files of the project itself",
        ],
    ),
    "empty paths": (
        "vars: {e: ''}\ncommands: [{name: a, deps: ['', '${vars.e}']}]",
        ["2:29 an entry of `deps` must not be empty", "2:33 a dep must be a path, not empty text"],
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
    "variables made of themselves": (
        "vars:\n  a: ${vars.b}\n  b: x${vars.a}\n",
        [
            "2:6 `${vars.b}` is made of itself: vars.b → vars.a → vars.b",
            "3:6 `${vars.a}` is made of itself: vars.a → vars.b → vars.a",
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
    "a remote that is none": (
        "remotes:\n  a: 3\n  b: {urls: x, read_only: maybe}\n",
        [
            '2:6 `a` must be text or a mapping, not `3` | did you forget quotes? "3"',
            "3:6 `b` needs `url`",
            "3:7 unknown key `urls` | did you mean `url`?",
            "3:27 `read_only` must be true or false, not `maybe`",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_its_place(name: str) -> None:
    text, expected = REFUSED[name]
    assert problems(text) == expected


def test_all_problems_are_told_at_once_with_the_warnings_among_them() -> None:
    text = """
    asets: []
    commands:
      - {name: a, deps: x, retries: -1}
      - {name: a, script: ["${vars.x}"]}
    workflows: {all: [a, b, a]}
    """
    assert problems(dedent(text)) == [
        "1:1 unknown key `asets` is ignored | did you mean `assets`?",
        '3:21 `deps` must be a list, not `x` | write a list: ["x"]',
        "3:33 `retries` cannot be `-1`: -1 is less than the minimum of 0",
        "4:12 a second command is named `a` | rename one of them",
        "4:24 unknown variable `${vars.x}` | define `x` under `vars`",
        "5:22 workflow `all`: no command or workflow named `b`",
        "5:25 workflow `all` lists `a` more than once; it runs once, at its first place",
    ]


def test_the_error_names_the_file_and_every_place() -> None:
    with pytest.raises(InvalidProject) as caught:
        project("title: 5\ndigest: x\n")
    assert str(caught.value) == (
        "project.yml:1:8: `title` must be text, not `5`\nproject.yml:2:9: `digest` must be `md5` or `blake3`, not `x`"
    )
    assert caught.value.exit_code == 2


def test_a_value_that_an_anchor_brings_is_told_where_it_is_used() -> None:
    assert problems("commands:\n  - &a {name: a, deps: x}\n  - {<<: *a, name: b}\n")[0].startswith("2:")


# -- warnings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asets: []", ["1:1 unknown key `asets` is ignored"]),
        ("mine: 1\ntitle: ${project.mine}", []),
        ("x-mine: 1", []),
        ("spacy_version: 3", ["1:1 `spacy_version` is ignored: declare what you need in requirements.txt"]),
        ("check_requirements: false", ["1:1 `check_requirements` is ignored: requirements are not checked"]),
        (
            "commands: [{name: a}]\nworkflows: {w: [a, a]}",
            ["2:20 workflow `w` lists `a` more than once; it runs once, at its first place"],
        ),
    ],
)
def test_what_is_doubtful_is_a_warning(text: str, expected: list[str]) -> None:
    assert warnings(text) == expected


# -- words for a shell ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("a && b", "&&"),
        ("a || b", "||"),
        ("a | b", "|"),
        ("a ; b", ";"),
        ("a &", "&"),
        ("a > b", ">"),
        ("a >b", ">b"),
        ("a >> b", ">>"),
        ("a < b", "<"),
        ("a 2>&1", "2>&1"),
        ("cd x; ls", "x;"),
        ("a '&&' b", None),
        ('a "x; y" b', None),
        ("a x';' b", None),
        (r"find . -exec ls {} \;", None),
        (r"a \&\& b", None),
        ("a b&&c", None),
        ("a 3>x", None),
        ("sql 'select 1;'", None),
        ("a --x=1;2", None),
    ],
)
def test_a_word_that_only_a_shell_understands_is_found(line: str, word: str | None) -> None:
    assert shell_word(line) == word


# -- whatever comes in ------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2.0, 1e30]),
    st.sampled_from(
        ["a", "b", "${vars.a}", "${env.a}", "${a}", "x; y", "'", "..", ".", "project.lock", "", "1h", "md5", "weasel"]
    ),
)
known = json.loads(files("weaselish.model").joinpath("schema.json").read_text("utf-8"))
levels = [known, *(known["$defs"][name] for name in ("command", "asset", "remote"))]
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
        found = parse(data, Places(), overrides)
    except InvalidProject as error:
        assert any(problem.message and not problem.is_warning for problem in error.problems)
    except UsageError as error:
        assert overrides and error.message and error.hint
    else:
        assert all(command.name for command in found.commands.values())
    assert json.dumps(data) == before, "the data is not ours to change"


def words_of(split_words: Callable[[str], list[str]], line: str) -> list[str] | str:
    try:
        return split_words(line)
    except ValueError as error:
        return str(error)


@given(st.text(st.sampled_from("ab-#;$\u00a0\u2003\x0b\x1f \t\r\n'\"\\\\")) | st.text())
def test_a_line_is_split_as_shlex_does(line: str) -> None:
    assert words_of(split_words, line) == words_of(shlex.split, line)
