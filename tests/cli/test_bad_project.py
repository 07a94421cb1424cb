"""Everything that can be wrong with project.yml: one message with its location and a hint, and nothing written."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest
from harness import Done, ProjectDir

from weaselish.model.schema import KEYS_OF_OTHER_TOOLS, schema_text

WRONG = {
    "nothing in it": (
        "",
        "1:1: error: project.yml is empty\n  hint: begin with `commands:`",
    ),
    "a list": (
        "- a\n",
        "1:1: error: project.yml must be a mapping, not a list\n"
        "  hint: write `commands:` in a line above it, and indent the list",
    ),
    "not YAML": (
        "commands: [{name: a}\n",
        "2:1: error: this is not YAML: while parsing a flow sequence, did not find expected ',' or ']'"
        "; this part begins in line 1",
    ),
    "a tab": (
        "commands:\n\t- name: a\n",
        "2:1: error: this is not YAML: while scanning for the next token, "
        "found character that cannot start any token\n  hint: indent with spaces, not tabs",
    ),
    "a text with a colon": (
        "title: a: b\n",
        "1:9: error: this is not YAML: mapping values are not allowed in this context\n"
        "  hint: did you forget quotes? A text with `: ` in it needs them",
    ),
    "a text that begins with a star": (
        "commands: [{name: a, deps: [*.csv]}]\n",
        "1:30: error: this is not YAML: while scanning an alias, "
        "did not find expected alphabetic or numeric character\n"
        "  hint: did you forget quotes? A text may not begin with `*`, `&`, `@`, `%` or a backtick",
    ),
    "a key that occurs twice": (
        "title: a\ntitle: b\n",
        "2:1: error: the key `title` occurs a second time\n  hint: remove one of the two",
    ),
    "a misspelt key": (
        "commands: [{name: a, output: [x]}]",
        "1:22: error: unknown key `output`\n  hint: did you mean `outputs`?",
    ),
    "a key of another tool": (
        "commands: [{name: a, params: [lr]}]",
        "1:22: error: unknown key `params`\n  hint: put values under `vars` at the top, and `${vars.NAME}` into the "
        "script: another value is a reason to run",
    ),
    "a key without a near match": (
        "commands: [{name: a, xyzzy: 1}]",
        "1:22: error: unknown key `xyzzy`\n  hint: valid keys are name, help, matrix, script, deps, outputs, "
        "outputs_no_cache, metrics, cache, no_skip, env, shell, workdir, timeout, executor, image, roles, replicas, "
        "queue_timeout, "
        "resources, retries, mutex, interactive, confirm",
    ),
    "a command without a name": (
        "commands: [{help: a}]",
        "1:12: error: a command needs `name`",
    ),
    "a number as a name": (
        "commands: [{name: 1}]",
        '1:19: error: `name` must be text, not `1`\n  hint: did you forget quotes? "1"',
    ),
    "a number as a script line": (
        "commands: [{name: a, script: [1]}]",
        '1:31: error: an entry of `script` must be text, not `1`\n  hint: did you forget quotes? "1"',
    ),
    "a script line without quotes": (
        "commands:\n  - name: a\n    script:\n      - echo a: b\n",
        "4:9: error: an entry of `script` must be text, not a mapping\n"
        "  hint: did you forget quotes? `: ` in a text without quotes makes it a mapping",
    ),
    "a script that is not a list": (
        "commands: [{name: a, script: echo}]",
        '1:30: error: `script` must be a list, not `echo`\n  hint: write a list: ["echo"]',
    ),
    "an empty list of commands": (
        "commands:\n",
        "1:10: error: `commands` must be a list, not empty\n  hint: leave the key out, or give it a value",
    ),
    "an empty path": (
        'commands: [{name: a, deps: [""]}]',
        "1:29: error: an entry of `deps` must not be empty",
    ),
    "an empty script line": (
        'commands: [{name: a, script: [""]}]',
        "1:31: error: the script line is empty",
    ),
    "a quote that is not closed": (
        """commands: [{name: a, script: ["echo 'a"]}]""",
        "1:31: error: the script line cannot be split into words: no closing quotation\n"
        "  hint: close the quote, or put a backslash before it",
    ),
    "an invalid time": (
        "commands: [{name: a, timeout: soon}]",
        "1:31: error: `timeout` must be a time, not `soon`\n  hint: for example `90s`, `15m`, `2h`",
    ),
    "a negative number of retries": (
        "commands: [{name: a, retries: -1}]",
        "1:31: error: `retries` must be from 0 to 1000, not `-1`",
    ),
    "an invalid switch": (
        "commands: [{name: a, no_skip: maybe}]",
        "1:31: error: `no_skip` must be true or false, not `maybe`",
    ),
    "two commands of one name": (
        "commands:\n  - {name: a, help: the first}\n  - {name: a}\n",
        "3:12: error: a second command is named `a`\n  hint: rename one of them",
    ),
    "a workflow named as a command": (
        "commands: [{name: a, script: ['true']}]\nworkflows: {a: [a]}\n",
        "2:13: error: a workflow and a command are both named `a`\n"
        "  hint: rename one of them; the command is in line 1, column 19",
    ),
    "an unknown step": (
        "commands: [{name: train, script: ['true']}]\nworkflows: {all: [trian]}\n",
        "2:19: error: workflow `all`: no command or workflow named `trian`\n  hint: did you mean `train`?",
    ),
    "a workflow that contains itself": (
        "commands: [{name: x, script: ['true']}]\nworkflows:\n  a: [x, b]\n  b: [c]\n  c: [a]\n",
        "3:3: error: workflow `a` contains itself: a → b → c → a\n  hint: remove one of these steps",
    ),
    "a workdir that leaves the project": (
        "commands: [{name: a, workdir: ..}]",
        "1:31: error: a workdir is outside the project: `..`\n  hint: name a path inside the project",
    ),
    "an asset that leaves the project": (
        "assets: [{dest: ../x, url: https://example.org/x}]",
        "1:17: error: an asset is outside the project: `../x`\n  hint: name a path inside the project",
    ),
    "an output that is a file of the project": (
        "commands: [{name: a, outputs: [project.lock]}]",
        "1:32: error: an output cannot be `project.lock`\n  hint: it would replace files of the project itself",
    ),
    "an output that is the project": (
        "commands: [{name: a, outputs: [.]}]",
        "1:32: error: an output cannot be `.`\n  hint: it would replace files of the project itself",
    ),
    "an unknown variable": (
        "vars: {epochs: 3}\ncommands: [{name: a, script: ['echo ${vars.epoch}']}]",
        "2:31: error: unknown variable `${vars.epoch}`\n  hint: did you mean `${vars.epochs}`?",
    ),
    "an unknown nested variable": (
        "vars: {data: {seed: 3}}\ncommands: [{name: a, deps: ['${vars.data.sead}']}]",
        "2:29: error: unknown variable `${vars.data.sead}`\n  hint: did you mean `${vars.data.seed}`?",
    ),
    "an unknown variable of the environment": (
        "env: {token: TOKEN}\ncommands: [{name: a, script: ['echo ${env.tokn}']}]",
        "2:31: error: unknown variable `${env.tokn}`\n  hint: did you mean `${env.token}`?",
    ),
    "a reference without a section": (
        "vars: {x: 1}\ncommands: [{name: a, script: ['echo ${x}']}]",
        "2:31: error: `${x}` names nothing\n"
        "  hint: references begin with `vars.`, `env.` or `project.`: did you mean `${vars.x}`?",
    ),
    "a variable that contains itself": (
        "vars: {x: '${vars.y}', y: '${vars.x}'}\ncommands: []",
        "1:11: error: `${vars.y}` contains itself: vars.y → vars.x → vars.y\n"
        "project.yml:1:27: error: `${vars.x}` contains itself: vars.x → vars.y → vars.x",
    ),
    "a mapping in a text": (
        "vars: {x: {y: 1}}\ncommands: [{name: a, script: ['echo ${vars.x}']}]",
        "2:31: error: a mapping cannot be put into text\n  hint: name one of its keys: `${vars.NAME.KEY}`",
    ),
    "two algorithms": (
        "compat: weasel\ndigest: blake3\n",
        "2:9: error: `digest: blake3` and `compat: weasel` exclude each other\n  hint: Weasel knows MD5 only",
    ),
    "an unknown algorithm": (
        "digest: sha1\n",
        "1:9: error: `digest` must be `md5` or `blake3`, not `sha1`",
    ),
    "an invalid checksum": (
        "assets: [{dest: x, url: https://example.org/x, checksum: 123abc}]",
        "1:58: error: `checksum` is not a valid checksum: `123abc`\n"
        "  hint: write 32 hex digits for an MD5, or `sha256:` and 64 hex digits",
    ),
    "a remote without its address": (
        "remotes: {lab: {profile: x}}",
        "1:16: error: `lab` needs `url`",
    ),
    "a secret in a remote": (
        "remotes: {lab: {url: s3://x, secret_key: x}}",
        "1:30: error: unknown key `secret_key`\n  hint: "
        "never put a secret here: `proj remote add` stores it outside, "
        "or `auth: {type: bearer, token: env:NAME}` names it",
    ),
    "an unknown tag": (
        "commands: [{name: a, script: [!x y]}]",
        "1:31: error: unknown tag `!x`\n  hint: did you forget quotes? A text may not begin with `!`",
    ),
}


NOT_RUN = {  # what is wrong concerns no step
    "a command without a name",
    "a number as a name",
    "an asset that leaves the project",
    "an invalid checksum",
    "a variable that contains itself",
    "a remote without its address",
    "a secret in a remote",
}
TARGETS = {"an unknown step": "all", "a workflow that contains itself": "b"}


@pytest.mark.parametrize("case", WRONG)
def test_validate_reports_a_problem_with_its_location_and_hint_and_writes_nothing(
    project: ProjectDir, case: str
) -> None:
    text, report = WRONG[case]
    project.project(text)
    before = project.files()
    assert project.proj("validate") == Done(2, "", f"project.yml:{report}\n")
    assert project.files() == before


@pytest.mark.parametrize("case", [case for case in WRONG if case not in NOT_RUN])
def test_a_run_reports_the_problem_in_the_same_words_and_writes_nothing(project: ProjectDir, case: str) -> None:
    text, report = WRONG[case]
    project.project(text)
    before = project.files()
    for words in ([], ["--dry"], ["-j2", "--force"], ["--only"]):
        assert project.proj("run", TARGETS.get(case, "a"), *words) == Done(2, "", f"project.yml:{report}\n")
    assert project.files() == before


@pytest.mark.parametrize("case", WRONG)
def test_no_subcommand_shows_a_traceback(project: ProjectDir, case: str) -> None:
    project.project(WRONG[case][0])
    target = TARGETS.get(case, "a")
    for words in ([], ["status"], ["status", target], ["graph"], ["why", target], ["log"], ["vars"], ["ls"]):
        done = project.proj(*words)
        assert "Traceback" not in done.err, (words, done.err)
        assert "project.yml:" in done.err, words


BROKEN = {
    "a workflow's name": "commands: [{name: a, script: ['true']}, {name: b, script: [touch x], outputs: [x]}]\n"
    "workflows: {a: [b]}",
    "a key of a command": "title: a\ncommands: [{name: a, output: [x]}, {name: b, script: [touch x], outputs: [x]}]\n",
    "an output": "title: a\ncommands: [{name: a, outputs: [.git/x]}, {name: b, script: [touch x], outputs: [x]}]\n",
    "a step": "title: a\ncommands: [{name: b, script: [touch x], outputs: [x]}]\nworkflows: {a: [b, c]}\n",
    "an asset": "commands: [{name: b, script: [touch x], outputs: [x]}]\nassets: [{dest: ../x, url: y}]",
    "a remote": "commands: [{name: b, script: [touch x], outputs: [x]}]\nremotes: {lab: gcs://x}",
    "a variable": "commands: [{name: b, script: [touch x], outputs: [x]}]\nvars: {x: '${vars.y}'}",
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_error_confined_to_one_part_is_a_warning_elsewhere(project: ProjectDir, case: str) -> None:
    project.project(BROKEN[case])
    first = project.proj()
    assert first.code == 0
    assert first.err.count(": warning: ") == 1
    for words in (["run"], ["run", "b"], ["status"], ["graph"], ["vars"], ["log"], ["document"], ["run", "b", "--dry"]):
        done = project.proj(*words)
        assert (done.code, done.err.count(": warning: ")) == (0, 1), words
    assert project.exists("x")
    assert project.proj("validate").code == 2


def test_status_and_graph_show_a_broken_command_as_unknown(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch a], output: [x]}, {name: b, script: [touch b], outputs: [b]}]")
    state = {row["step"]: (row["state"], row["reasons"]) for row in project.proj("status", "--json").json}
    assert state["a"][0] == "unknown"
    assert "project.yml:1:41: unknown key `output`" in state["a"][1][0]
    assert state["b"][0] == "never ran"


def test_a_name_of_a_command_and_a_workflow_is_that_of_the_command_except_in_a_run(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['true']}, {name: b, script: ['true']}]\nworkflows: {a: [b]}")
    assert [row["step"] for row in project.proj("status", "--json").json] == ["a", "b"]
    assert [row["step"] for row in project.proj("status", "a", "--json").json] == ["a"]
    assert project.proj("run", "a").code == 2


def test_a_plan_with_a_broken_upstream_step_is_refused(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: raw, script: [touch raw], outputs: [raw], retires: 3}
          - {name: model, script: [touch model], deps: [raw], outputs: [model]}
        workflows: {all: [model]}
        """)
    for words in (["model"], ["all"], ["model", "--dry"]):
        assert project.proj("run", *words) == Done(
            2, "", "project.yml:2:54: error: unknown key `retires`\n  hint: did you mean `retries`?\n"
        )
    assert not project.exists("raw")
    assert "✘ project.yml:2:54: unknown key `retires`" in project.proj("lock", "accept", "raw").err


def test_an_unknown_target_is_reported_with_the_problems_of_project_yml(project: ProjectDir) -> None:
    project.project("commands: [{nmae: train, script: ['true']}]")
    done = project.proj("run", "train")
    assert done.code == 2
    assert "project.yml:1:12: warning: a command needs `name`\n" in done.err
    assert done.err.endswith("error: no command or workflow named `train`\n")


def test_all_problems_are_reported_together_in_the_order_of_the_file(project: ProjectDir) -> None:
    project.project("""\
        titel: x
        vars: {n: 1}
        commands:
          - name: a
            scirpt: [x]
            deps: [..]
            timeout: never
          - name: a
            script: ["echo ${vars.m}", "a | b"]
            outputs: [x, .git/y]
          - name: c
            script: ["echo ${vars.m}", "a | b"]
            outputs: [z, .git/y]
        workflows:
          all: [a, b]
        """)
    assert project.proj("validate") == Done(
        2,
        "",
        dedent("""\
        project.yml:1:1: warning: unknown key `titel` is ignored
          hint: did you mean `title`?
        project.yml:5:5: error: unknown key `scirpt`
          hint: did you mean `script`?
        project.yml:6:12: error: a dep cannot be `..`
          hint: it contains the project itself
        project.yml:7:14: error: `timeout` must be a time, not `never`
          hint: for example `90s`, `15m`, `2h`
        project.yml:8:11: error: a second command is named `a`
          hint: rename one of them
        project.yml:12:14: error: unknown variable `${vars.m}`
          hint: define `m` under `vars`
        project.yml:12:32: error: `|` has no meaning without a shell
          hint: add `shell: true` to the command, or put the word in quotes
        project.yml:13:18: error: an output cannot be `.git/y`
          hint: tools execute what they find there, without being asked
        project.yml:15:12: error: workflow `all`: no command or workflow named `b`
        """),
    )


# -- problems of the graph --------------------------------------------------------------------------------------------

CIRCLE = """\
title: A circle
commands:
  - {name: apart, script: [touch x], outputs: [x]}
  - {name: a, script: [touch a], deps: [c], outputs: [a]}
  - {name: b, script: [touch b], deps: [a], outputs: [b]}
  - {name: c, script: [touch c], deps: [b], outputs: [c]}
"""


def test_a_cycle_is_an_error_that_shows_its_path(project: ProjectDir) -> None:
    project.project(CIRCLE)
    before = project.files()
    hint = "  hint: each needs what the next one produces; remove a dep, or run one of them with `--only`\n"
    report = "error: the commands need each other: a → c → b → a\n"
    assert project.proj("validate") == Done(2, "", f"project.yml:4:5: {report}{hint}")
    assert project.proj("run", "a") == Done(2, "", f"project.yml:4:5: {report}{hint}")
    report = report.replace("a → c → b → a", "b → a → c → b")
    assert project.proj("run", "b", "--dry") == Done(2, "", f"project.yml:5:5: {report}{hint}")
    assert project.files() == before


def test_commands_outside_a_cycle_can_run(project: ProjectDir) -> None:
    project.project(CIRCLE)
    assert project.proj("status").code == 0
    assert project.proj("run", "apart").code == 0


def test_a_dep_that_is_the_commands_own_output_is_not_a_cycle(project: ProjectDir) -> None:
    project.project("commands: [{name: grow, shell: true, script: [echo x >> log], deps: [log], outputs: [log]}]")
    assert project.proj("validate").code == 0
    assert project.proj("run", "grow").code == 0
    assert project.proj("run", "grow").err == "✔ all up to date (1 step)\n"


# -- warnings ---------------------------------------------------------------------------------------------------------


def warned(project: ProjectDir) -> str:
    done = project.proj("validate")
    assert done.code == 0
    assert done.out.startswith("project.yml is valid: ")
    return done.err


def test_a_script_that_names_a_file_missing_from_its_deps_is_a_warning(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: whole, script: [python scripts/a.py in.csv], deps: [scripts/, "*.csv"]}
          - {name: train, script: [python ../scripts/a.py --config c.cfg], workdir: sub, deps: [in.csv], outputs: [m]}
          - {name: no outputs, script: [python scripts/a.py]}
          - {name: always, script: [python scripts/a.py], no_skip: true, outputs: [n]}
        """)
    for path in ("scripts/a.py", "in.csv", "sub/c.cfg"):
        project.write(path)
    report = "project.yml:3:5: warning: `train` names `{0}`, which is not among its deps: "
    report += "`proj` ignores its changes\n  hint: add `{0}` to deps\n"
    assert warned(project) == report.format("scripts/a.py") + report.format("sub/c.cfg")
    assert not project.exists(".proj")


def test_alternatives_are_a_warning(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: cpu, script: [touch model], outputs: [model]}
          - {name: gpu, script: [touch model], outputs: [model]}
        """)
    assert warned(project) == (
        "project.yml:3:5: warning: `cpu`, `gpu` both produce `model`, so they can never all be up to date\n"
    )


@pytest.mark.parametrize(
    ("text", "report"),
    [
        ("titel: a", "1:1: warning: unknown key `titel` is ignored\n  hint: did you mean `title`?\n"),
        (
            "xyzzy: a",
            "1:1: warning: unknown key `xyzzy` is ignored\n"
            "  hint: begin its name with `x-` to keep it without this warning\n",
        ),
        (
            "check_requirements: true",
            "1:1: warning: `check_requirements` is ignored: requirements are not checked\n",
        ),
        ("commands: [{name: a}]", "1:12: warning: `a` has no script: running it does nothing\n"),
    ],
)
def test_a_doubtful_entry_is_a_warning(project: ProjectDir, text: str, report: str) -> None:
    project.project(text)
    assert warned(project) == f"project.yml:{report}"


@pytest.mark.parametrize("text", ["x-notes: {a: 1}", "commands: [{name: a, script: ['true'], x-owner: ada}]"])
def test_keys_that_begin_with_x_are_ignored(project: ProjectDir, text: str) -> None:
    project.project(text)
    assert warned(project) == ""


# -- entries that look wrong and are right ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "echo 'a && b' \"| c\" '>' x>y a|b",
        "grep -E ^(a|b)$ x",
        "find . -exec ls {} \\;",
        "echo a&b \\& \\>",
    ],
)
def test_a_word_with_an_operator_inside_or_in_quotes_is_a_word(project: ProjectDir, line: str) -> None:
    project.project(f"commands:\n  - name: a\n    script:\n      - >-\n        {line}\n")
    assert project.proj("run", "a", "--dry").code == 0


def test_an_operator_in_a_variable_is_a_word(project: ProjectDir) -> None:
    project.project("vars: {op: '&&'}\ncommands: [{name: a, script: ['echo x ${vars.op} y']}]")
    assert project.proj("run", "a").out == "Running command: echo x && y\nx && y\n"


def test_yaml_is_read_as_version_1_2_as_weasel_does(project: ProjectDir) -> None:
    project.project("""\
        vars: {a: no, b: on, c: 010, d: 1_000, e: 1.50, f: "010", g: true, h: [1, two], i: null, j: 1e3, k: 0o17}
        commands: [{name: say, script: ["echo ${vars.a} ${vars.b} ${vars.c} ${vars.d} ${vars.e} ${vars.f} ${vars.g}",
                    "echo '${vars.h}' ${vars.i} ${vars.j} ${vars.k}"]}]
        """)
    assert project.proj("run", "say", "--dry").out.partition("\n")[2] == (
        "Would run: echo no on 10 1000 1.5 010 true\n"
        """Would run: echo '[1, "two"]' null 1000.0 15\n"""
    )


def test_the_keys_of_other_tools_are_none_of_proj() -> None:
    command = json.loads(schema_text())["$defs"]["command"]["properties"]
    assert not KEYS_OF_OTHER_TOOLS.keys() & command.keys()


MISPLACED = {
    ".": "remote `default` is the directory of the project itself",
    "./models/remote": "remote `default` is inside `models`, an output of `train`",
    "corpus/remote": "remote `default` is inside `corpus`, a dep of `train`",
}


@pytest.mark.parametrize("url", MISPLACED)
def test_a_remote_that_would_change_the_project_is_refused(project: ProjectDir, url: str) -> None:
    project.project(f"""\
        remotes: {{default: {url}}}
        commands: [{{name: train, script: [mkdir -p models], deps: [corpus], outputs: [models]}}]
        """)
    project.write("corpus/a", "1")
    report = f"{MISPLACED[url]}\n  hint: choose a directory beside the project, such as `../remote`\n"
    assert project.proj("validate") == Done(2, "", f"project.yml:1:11: error: {report}")
    assert project.proj("run", "train").code == 0
    before = project.files()
    for words in (["push"], ["pull"], ["ls"]):
        assert project.proj(*words) == Done(1, "", f"error: {report}")
    assert project.files() == before


def test_an_output_inside_one_of_another_command_is_a_warning(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, script: [mkdir -p models], outputs: [models]}
          - {name: b, script: [touch models/y], outputs: [models/y]}
        """)
    assert (
        "project.yml:3:5: warning: `models/y` is inside `models`, an output of `a`: "
        "a run of one puts the other out of date\n  hint: name outputs that do not contain each other\n"
    ) in project.proj("validate").err


def test_what_a_removed_step_left_for_a_glob_is_a_warning(project: ProjectDir) -> None:
    text = dedent("""\
        commands:
          - {name: train, matrix: {x: [1, 2]}, script: ["touch m-${matrix.x}"], outputs: ["m-${matrix.x}"]}
          - {name: best, shell: true, script: ["ls m-* > best"], deps: ["m-*"], outputs: [best]}
        """)
    project.project(text)
    assert "warning" not in project.proj("run", "best").err
    project.project(text.replace("[1, 2]", "[1]"))
    report = (
        "`best` reads `m-2`, which only `train@2` wrote, a step that no longer exists\n"
        "  hint: delete it, unless it is to count\n"
    )
    assert f"project.yml:3:5: warning: {report}" in project.proj("validate").err
    assert f"warning: project.yml:3:5: {report}" in project.proj("run", "best", "--force").err
    project.remove("m-2")
    assert project.proj("run", "best").code == 0
    assert project.read("best") == "m-1\n"
    assert "warning" not in project.proj("validate").err
