from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from harness import Done, ProjectDir, ran

THREE = """\
commands:
  - {name: one, script: [sh step.sh one], outputs: [one.txt]}
  - {name: two, script: [sh step.sh two], deps: [one.txt], outputs: [two.txt]}
  - {name: apart, script: [sh step.sh apart], outputs: [apart.txt]}
workflows:
  all: [one, two, apart]
"""
SAY = """\
vars: {x: from-file, nested: {y: 1}}
commands:
  - {name: say, script: ["echo ${vars.x} ${vars.nested.y}"]}
"""


@pytest.fixture
def three(project: ProjectDir) -> ProjectDir:
    """`two` needs `one`, `apart` needs nothing. A step whose name is in `fail` fails; `ran` tells what ran."""
    project.project(THREE)
    project.write("step.sh", "echo $1 >> ran; if grep -qx $1 fail; then exit 3; fi; echo done > $1.txt\n")
    project.write("fail", "")
    return project


def said(done: Done) -> str:
    """What the one script line printed."""
    assert (done.code, done.out.splitlines()[0][:17]) == (0, "Running command: ")
    return "".join(done.out.splitlines(keepends=True)[1:]).strip()


# -- what runs --------------------------------------------------------------------------------------------------------


def test_what_makes_the_deps_of_the_target_runs_before_it(three: ProjectDir) -> None:
    assert three.proj("run", "two").code == 0
    assert ran(three) == ["one", "two"]


def current_reasons(project: ProjectDir) -> dict[str, list[str]]:
    return {step["step"]: step["reasons"] for step in project.proj("status", "--json").json}


def test_a_preview_leaves_out_a_missing_dep_that_its_producer_will_write(three: ProjectDir) -> None:
    three.proj("run", "all")
    three.remove("one.txt")
    assert current_reasons(three)["two"] == ["upstream will run: one"]
    assert "two: upstream will run: one\n" in three.proj("run", "two", "--dry").out


def test_a_preview_keeps_the_reasons_that_the_producer_does_not_remove(three: ProjectDir) -> None:
    three.proj("run", "all")
    three.write("one.txt", "edited")
    assert current_reasons(three)["two"] == ["dep changed: one.txt", "upstream will run: one"]
    three.remove("one.txt")
    three.remove("two.txt")
    assert current_reasons(three)["two"] == ["output missing: two.txt", "upstream will run: one"]


def test_the_second_run_does_nothing_and_says_so_in_one_line(three: ProjectDir) -> None:
    three.proj("run", "all")
    assert ran(three) == ["one", "two", "apart"]
    assert three.proj("run", "all") == Done(0, "", "✔ all up to date (3 steps)\n")
    assert three.proj("run", "one") == Done(0, "", "✔ all up to date (1 step)\n")
    assert ran(three) == []


def test_several_targets_run_in_one_plan(three: ProjectDir) -> None:
    assert three.proj("run", "apart", "two").code == 0
    assert ran(three) == ["apart", "one", "two"]


def test_only_runs_exactly_the_named_command(three: ProjectDir) -> None:
    three.write("one.txt", "put here by hand\n")
    assert three.proj("run", "two", "--only").code == 0
    assert ran(three) == ["two"]


def test_only_runs_the_commands_of_a_workflow_in_the_listed_order(three: ProjectDir) -> None:
    three.proj("run", "one")
    three.write("one.txt", "changed\n")
    ran(three)
    three.project(THREE + "  back: [apart, two, one]\n")
    assert three.proj("run", "back", "--only", "-j4").code == 0
    assert ran(three) == ["apart", "two", "one"]


def test_only_stops_at_a_dep_that_is_not_there(three: ProjectDir) -> None:
    done = three.proj("run", "two", "--only")
    assert done.code == 1
    assert "✘ `two` needs `one.txt`, which does not exist\n  hint: produced by `proj run one`\n" in done.err
    assert ran(three) == []


def test_force_runs_what_is_named_and_not_what_makes_its_deps(three: ProjectDir) -> None:
    three.proj("run", "all")
    ran(three)
    done = three.proj("run", "two", "--force")
    assert ran(three) == ["two"]
    assert "\ntwo: forced\n" in done.err
    three.proj("run", "all", "-F")
    assert ran(three) == ["one", "two", "apart"]


def test_force_holds_for_each_of_several_names(three: ProjectDir) -> None:
    three.project(THREE + "  second: [two]\n")
    three.proj("run", "all")
    ran(three)
    assert three.proj("run", "apart", "second", "--force", "--dry").out == (
        "apart: forced\nWould run: sh step.sh apart\ntwo: forced\nWould run: sh step.sh two\n"
    )
    assert three.proj("run", "apart", "second", "--force").code == 0
    assert ran(three) == ["apart", "two"]


def test_a_step_that_a_workflow_lists_twice_is_checked_at_each_position(three: ProjectDir) -> None:
    three.project(THREE + "  twice: [apart, one, apart]\n")
    done = three.proj("run", "twice", "--json")
    assert ran(three) == ["apart", "one"]
    assert [(step["step"], step["result"]) for step in done.json["steps"]] == [
        ("apart", "ran"),
        ("one", "ran"),
        ("apart (2)", "up to date"),
    ]


def test_a_step_that_a_workflow_lists_twice_runs_again_where_it_is_out_of_date(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: train, shell: true, script: [echo train >> ran; date +%N > model], outputs: [model]}
          - {name: keep, shell: true, script: [echo keep >> ran; mkdir -p kept; mv model kept/$(ls kept | wc -l)]}
          - {name: pick, shell: true, script: [echo pick >> ran; ls kept > best], deps: [kept], outputs: [best]}
        workflows: {all: [train, keep, train, keep, pick]}
        """)
    project.write("kept/.gitkeep")
    for jobs in ("1", "4"):
        assert project.proj("run", "all", "-j", jobs).code == 0
        assert ran(project) == ["train", "keep", "train", "keep", "pick"]
    assert project.read("best").split() == ["0", "1", "2", "3"]


def test_only_and_force_run_a_repeated_step_at_each_position(three: ProjectDir) -> None:
    three.project(THREE + "  twice: [apart, one, apart]\n")
    assert three.proj("run", "twice", "--force").code == 0
    assert ran(three) == ["apart", "one", "apart"]
    assert three.proj("run", "twice", "--force", "--only").code == 0
    assert ran(three) == ["apart", "one", "apart"]


def test_a_dry_run_shows_a_repeated_step_at_each_position(three: ProjectDir) -> None:
    three.project(THREE + "  twice: [apart, one, apart]\n")
    dry = three.proj("run", "twice", "--dry", "--json").json
    assert [(step["step"], step["reasons"]) for step in dry] == [
        ("apart", ["never ran"]),
        ("one", ["never ran"]),
        ("apart (2)", ["listed again: apart"]),
    ]


def test_a_workflow_may_name_workflows(three: ProjectDir) -> None:
    three.project(THREE + "  whole: [apart, all]\n")
    three.proj("run", "whole")
    assert ran(three) == ["apart", "one", "two"]


def test_a_dep_that_nothing_makes_stops_the_run_before_anything_starts(three: ProjectDir) -> None:
    three.project(THREE.replace("name: apart", "name: apart, deps: [no.csv]"))
    done = three.proj("run", "all")
    assert done == Done(
        1,
        "",
        "project.yml:4:26: error: `apart` needs `no.csv`, which does not exist\n"
        "  hint: no command or asset provides it\n",
    )
    assert ran(three) == []


def test_a_failure_stops_the_run_and_what_needs_it(three: ProjectDir) -> None:
    three.write("fail", "one\n")
    assert three.proj("run", "all").code == 3
    assert ran(three) == ["one"]
    assert three.locked() == []


def test_keep_going_blocks_only_what_needs_the_failure(three: ProjectDir) -> None:
    three.write("fail", "one\n")
    done = three.proj("run", "all", "-k", "--json")
    assert done.code == 3
    assert ran(three) == ["one", "apart"]
    assert [(step["step"], step["result"]) for step in done.json["steps"]] == [
        ("one", "failed"),
        ("two", "blocked"),
        ("apart", "ran"),
    ]
    assert three.locked() == ["apart"]


def test_a_script_line_that_fails_is_the_last_one_to_run(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch 1, 'false', touch 2]}]")
    done = project.proj("run", "a")
    assert done.out == "Running command: touch 1\nRunning command: false\n"
    assert "✘ `a`, line 2 failed with exit code 1\n" in done.err
    assert project.exists("1") and not project.exists("2")


def test_each_line_is_announced_quoted_before_its_output(project: ProjectDir) -> None:
    project.project("""commands: [{name: a, script: ["echo 'a  b' c", "printf %s d"]}]""")
    assert project.proj("run", "a").out == "Running command: echo 'a  b' c\na  b c\nRunning command: printf %s d\nd"


def test_directories_are_made_when_something_runs(project: ProjectDir) -> None:
    project.project("directories: [a/b, c]\ncommands: [{name: touch, script: [touch a/b/x]}]")
    assert project.proj("run", "touch").code == 0
    assert project.exists("a/b/x") and project.exists("c")


# -- --dry ------------------------------------------------------------------------------------------------------------


def test_dry_prints_each_step_its_reasons_and_its_lines_on_stdout(three: ProjectDir) -> None:
    before = three.files()
    assert three.proj("run", "all", "--dry") == Done(
        0,
        "one: never ran\nWould run: sh step.sh one\n"
        "two: never ran; upstream will run: one\nWould run: sh step.sh two\n"
        "apart: never ran\nWould run: sh step.sh apart\n",
        "",
    )
    assert three.files() == before


def test_dry_shows_only_what_would_run(three: ProjectDir) -> None:
    three.proj("run", "all")
    assert three.proj("run", "all", "-n") == Done(0, "nothing to do\n", "")
    three.write("one.txt", "other\n")
    assert three.proj("run", "all", "-D") == Done(
        0,
        "one: output changed: one.txt\nWould run: sh step.sh one\n"
        "two: dep changed: one.txt; upstream will run: one\nWould run: sh step.sh two\n",
        "",
    )


def test_dry_names_a_missing_dep_and_exits_0(three: ProjectDir) -> None:
    three.project(THREE.replace("name: apart", "name: apart, deps: [no.csv]"))
    text = "apart: never ran\nWould run: sh step.sh apart\n`apart` needs `no.csv`, which does not exist\n"
    assert three.proj("run", "apart", "--dry") == Done(0, text, "")


def test_dry_as_json(three: ProjectDir) -> None:
    three.proj("run", "one")
    done = three.proj("run", "two", "--dry", "--json")
    assert (done.code, done.err) == (0, "")
    unknown = {"seconds": None, "size": 0}
    assert done.json == [
        {
            "step": "one",
            "state": "up to date",
            "runs": False,
            "action": "nothing",
            **unknown,
            "reasons": [],
            "lines": [],
        },
        {
            "step": "two",
            "state": "never ran",
            "runs": True,
            "action": "run",
            **unknown,
            "reasons": ["never ran"],
            "lines": ["sh step.sh two"],
        },
    ]


# -- --json -----------------------------------------------------------------------------------------------------------


def test_json_is_all_of_stdout_and_tells_of_each_step(three: ProjectDir) -> None:
    three.write("fail", "two\n")
    done = three.proj("run", "all", "--json")
    result = done.json
    for step in result["steps"]:
        assert step.pop("seconds") >= 0
    assert result == {
        "targets": ["all"],
        "exit_code": 3,
        "steps": [
            {"step": "one", "result": "ran", "exit_code": 0, "reasons": ["never ran"]},
            {"step": "two", "result": "failed", "exit_code": 3, "reasons": ["never ran"]},
            {"step": "apart", "result": "blocked", "exit_code": 0, "reasons": []},
        ],
    }
    assert "Running command: sh step.sh one\n" in done.err


def test_json_of_a_run_that_had_nothing_to_do(three: ProjectDir) -> None:
    three.proj("run", "one")
    step = {"step": "one", "result": "up to date", "seconds": 0.0, "exit_code": 0, "reasons": []}
    assert three.proj("run", "one", "--json").json == {"targets": ["one"], "exit_code": 0, "steps": [step]}


# -- arguments --------------------------------------------------------------------------------------------------------


def test_what_follows_two_dashes_goes_to_the_last_line_and_into_the_fingerprint(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [echo first, touch out], outputs: [out]}]")
    project.proj("run", "a")
    done = project.proj("run", "a", "--", "--no-create", "a b")
    assert done.out == "Running command: echo first\nfirst\nRunning command: touch out --no-create 'a b'\n"
    assert done.err.startswith("a: script changed: arguments (now `--no-create a b`)\n")
    assert project.proj("run", "a", "--", "--no-create", "a b").err == "✔ all up to date (1 step)\n"
    assert project.proj("run", "a").err.startswith("a: script changed: arguments (now none)\n")


def test_arguments_reach_a_shell_as_they_were_given(project: ProjectDir) -> None:
    project.project("commands: [{name: a, shell: true, script: [printf '%s|']}]")
    assert said(project.proj("run", "a", "--", "$HOME", "a b", "--vars.x")) == "$HOME|a b|--vars.x|"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["all"], "error: arguments after `--` go to one command\n  hint: name one command, not a workflow\n"),
        (["one", "apart"], "error: arguments after `--` go to one command\n  hint: name one command, not a workflow\n"),
    ],
)
def test_arguments_for_more_than_one_command_are_refused(three: ProjectDir, words: list[str], message: str) -> None:
    assert three.proj("run", *words, "--", "x") == Done(2, "", message)
    assert ran(three) == []


def test_arguments_for_a_command_without_a_script_are_refused(project: ProjectDir) -> None:
    project.project("commands: [{name: a}]")
    done = project.proj("run", "a", "--", "x")
    assert done == Done(2, "", "error: `a` has no script that could take arguments\n")


# -- positions and overrides ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "run say --vars.x 1",
        "run say --vars.x=1",
        "run say . --vars.x 1",
        "run --vars.x 1 say",
        "--vars.x 1 run say",
        "run say --vars.x 0 --vars.x 1",
    ],
)
def test_an_override_may_stand_anywhere_and_the_last_one_wins(project: ProjectDir, words: str) -> None:
    project.project(SAY)
    assert said(project.proj(*words.split())) == "1 1"


@pytest.mark.parametrize("words", ["run say project --vars.x 1", "run say ./project/ --vars.x 1"])
def test_the_directory_follows_the_name_as_in_weasel(project: ProjectDir, words: str) -> None:
    project.project(SAY)
    assert said(project.proj(*words.split(), cwd="..")) == "1 1"


def test_a_directory_that_is_a_project_itself_does_not_hide_the_command_of_its_name(project: ProjectDir) -> None:
    project.project(SAY)
    project.write("say/project.yml", "vars: {x: inner, nested: {y: 1}}\ncommands: [{name: say, script: [echo inner]}]")
    assert said(project.proj("run", "say")) == "from-file 1"
    assert said(project.proj("run", "say", "say")) == "inner"
    assert "say       always runs" in project.proj("run", "./say").out
    assert project.proj("status", "say").out.count("no outputs declared") == 1


def test_the_project_is_found_from_a_directory_inside_it(project: ProjectDir) -> None:
    project.project("commands: [{name: where, script: [pwd]}]")
    project.write("deep/er/file")
    assert said(project.proj("run", "where", cwd="deep/er")) == str(project.path)


@pytest.mark.parametrize(
    ("words", "said_then"),
    [
        ("--vars.nested.y 2", "from-file 2"),
        ("--vars.x 007", "007 1"),
        ("--vars.x 1e3", "1e3 1"),
        ("--vars.x true", "true 1"),
        ("--vars.x", "true 1"),
        ("--vars.x --vars.nested.y 2", "true 2"),
        ("--vars.x=--a=b", "--a=b 1"),
        ("--vars.x -1", "-1 1"),
        ("--vars.x= ", "1"),
        ("--vars.x ${vars.nested.y}", "1 1"),
    ],
)
def test_override_values_stay_as_they_were_written(project: ProjectDir, words: str, said_then: str) -> None:
    project.project(SAY)
    assert said(project.proj("run", "say", *words.split())) == said_then


def test_the_command_line_wins_over_our_variable_and_that_over_weasels(project: ProjectDir) -> None:
    project.project(SAY)
    weasel = {"WEASEL_CONFIG_OVERRIDES": "--vars.x weasel --vars.nested.y 8"}
    both = {**weasel, "PROJ_CONFIG_OVERRIDES": "--vars.x 'of proj'"}
    assert said(project.proj("run", "say", env=weasel)) == "weasel 8"
    assert said(project.proj("run", "say", env=both)) == "of proj 8"
    assert said(project.proj("run", "say", "--vars.x", "line", env=both)) == "line 8"


def test_an_override_is_a_changed_script(project: ProjectDir) -> None:
    project.project("vars: {x: 1}\ncommands: [{name: a, script: ['touch out ${vars.x}.txt'], outputs: [out]}]")
    project.proj("run", "a")
    done = project.proj("run", "a", "--vars.x", "2")
    assert done.err.startswith("a: script changed: line 1 (`out 1.txt` → `out 2.txt`)\n")
    assert project.proj("run", "a", "--vars.x", "2").err == "✔ all up to date (1 step)\n"


def test_an_override_of_the_environment_is_the_value_itself(project: ProjectDir) -> None:
    project.project("env: {who: NAME_OF_A}\ncommands: [{name: say, script: ['echo ${env.who}']}]")
    env = {"NAME_OF_A": "ada"}
    assert said(project.proj("run", "say", env=env)) == "ada"
    assert said(project.proj("run", "say", "--env.who", "eve", env=env)) == "eve"
    assert "no variable under `env` named `whom`" in project.proj("run", "say", "--env.whom", "eve").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--vars.X 1", "nothing to override: `vars.X`\n  hint: did you mean `--vars.x`?"),
        ("--var.x 1", "cannot override `var.x`\n  hint: overrides are `--vars.NAME VALUE`: did you mean `--vars.…`?"),
        ("--vars.x.y 1", "cannot override `vars.x.y`\n  hint: `vars.x` is not a mapping"),
        ("--project.commands []", "cannot override `project.commands`\n  hint: only a single value can be overridden"),
    ],
)
def test_an_override_of_nothing_is_an_error(project: ProjectDir, words: str, message: str) -> None:
    project.project(SAY)
    assert project.proj("run", "say", *words.split()) == Done(2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "PROJ_CONFIG_OVERRIDES: not an override: `nonsense`\n  hint: overrides are `--vars.NAME VALUE`"),
        ("--vars.x 'a", "PROJ_CONFIG_OVERRIDES cannot be split into words: no closing quotation"),
    ],
)
def test_a_variable_that_holds_no_overrides_is_an_error(project: ProjectDir, text: str, message: str) -> None:
    project.project(SAY)
    assert project.proj("run", "say", env={"PROJ_CONFIG_OVERRIDES": text}) == Done(2, "", f"error: {message}\n")


# -- usage ------------------------------------------------------------------------------------------------------------


def test_an_unknown_name_is_an_error_with_the_near_match(three: ProjectDir) -> None:
    assert three.proj("run", "tow") == Done(
        2, "", "error: no command or workflow named `tow`\n  hint: did you mean `two`?\n"
    )
    assert three.proj("run", "xyzzy") == Done(
        2, "", "error: no command or workflow named `xyzzy`\n  hint: defined: `all`, `one`, `two`, `apart`\n"
    )
    assert not three.exists(".proj")


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_jobs_that_is_none_is_an_error(three: ProjectDir, jobs: str) -> None:
    message = f"error: `{jobs}` is not a valid number of jobs\n  hint: give a number from 1 on, or `auto`\n"
    assert three.proj("run", "all", f"--jobs={jobs}") == Done(2, "", message)
    assert ran(three) == []


def test_the_number_of_jobs_comes_from_the_option_else_from_the_environment(three: ProjectDir) -> None:
    prefixed = "one   | Running command: sh step.sh one\n"
    assert three.proj("run", "one", "-F").out == "Running command: sh step.sh one\n"
    assert three.proj("run", "two", "one", "-F", env={"PROJ_JOBS": "2"}).out.startswith("one | ")
    assert three.proj("run", "all", "-F", "-j", "auto", env={"PROJ_JOBS": "0"}).code == 0
    assert three.proj("run", "all", "-F", "-j", "2").out.startswith((prefixed, "apart | "))
    assert three.proj("run", "all", "-F", "-j", "1", env={"PROJ_JOBS": "4"}).out.startswith("Running command: ")


def test_a_directory_without_a_project_is_an_error(project: ProjectDir) -> None:
    os.mkdir(project.path / "sub")
    message = "error: no project.yml in the current directory or in one above\n  hint: `cd` into a project; "
    message += "or `proj init` writes one, and `proj clone --list` shows templates\n"
    assert project.proj("run", "a") == Done(2, "", message)
    assert project.proj("run", "a", "./sub") == Done(2, "", "error: no project.yml in `./sub`\n")
    assert project.proj("status", "nowhere") == Done(2, "", message)


def test_an_unknown_subcommand_or_option_is_an_error(three: ProjectDir) -> None:
    for words, message in (
        (["rnu", "all"], "error: no subcommand named `rnu`\n  hint: did you mean `proj run`?\n"),
        (["run", "all", "--drj"], "error: `proj run` has no option `--drj`"),
    ):
        done = three.proj(*words)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    assert ran(three) == []


def test_it_runs_as_a_module_and_as_a_program_alike(three: ProjectDir) -> None:
    alone = three.process("run", "all")
    assert alone.code == 0
    assert alone.out == "".join(f"Running command: sh step.sh {name}\n" for name in ("one", "two", "apart"))
    assert json.loads(three.process("run", "all", "--json").out)["exit_code"] == 0


def test_a_reader_of_stdout_may_go_away(three: ProjectDir) -> None:
    three.project("commands: [{name: a, script: [seq 100000]}]")
    for verb in ("status --json | true", "run a | head -n1"):
        environ = {**three.environ, "PYTHON": sys.executable}
        line = f'"$PYTHON" -m weaselish {verb}'
        done = subprocess.run(line, shell=True, cwd=three.path, env=environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0
        assert "Error" not in done.stderr and "Exception" not in done.stderr


def test_a_console_may_be_closed_or_unable_to_show_a_character(three: ProjectDir) -> None:
    for redirected in (">&-", "2>&-", "<&-", ">&- 2>&- <&-"):
        line = f'"$PYTHON" -m weaselish run all --force {redirected}'
        environ = {**three.environ, "PYTHON": sys.executable}
        assert subprocess.run(line, shell=True, cwd=three.path, env=environ, timeout=60).returncode == 0
    done = three.process(env={"PYTHONIOENCODING": "latin-1"})
    assert (done.code, done.err) == (0, "")
    assert "all        one \\u2192 two \\u2192 apart\n" in done.out


@pytest.mark.parametrize("words", [("run", "use"), ("status",), ("run", "use", "--dry")], ids=" ".join)
def test_a_digest_whose_library_is_not_installed_says_what_to_install(
    words: tuple[str, ...], project: ProjectDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "blake3", None)
    project.project(
        """
        digest: blake3
        commands: [{name: use, script: [cp in.txt out.txt], deps: [in.txt], outputs: [out.txt]}]
        """
    )
    project.write("in.txt", "1")
    done = project.proj(*words)
    assert done.code == 1
    assert "`digest: blake3` in project.yml needs a library that is not installed" in done.err
    assert "weaselish[blake3]" in done.err


NO_TEXT = "d\udcff"  # what Python makes of the bytes `d` and 0xff


@pytest.mark.parametrize(
    "words", [("run", "all", "--vars.x", NO_TEXT), ("run", "use", "--", NO_TEXT), ("run", "all", "-j", "9" * 5000)]
)
def test_an_argument_that_is_not_text_or_a_number_is_refused(words: tuple[str, ...], project: ProjectDir) -> None:
    project.project(
        """
        vars: {x: a}
        commands: [{name: use, script: ["touch out ${vars.x}"], outputs: [out]}]
        workflows: {all: [use]}
        """
    )
    done = project.proj(*words)
    assert (done.code, done.out, "error: " in done.err) == (2, "", True)


def test_a_path_from_the_environment_must_be_text_and_a_fault_stops_only_its_step(project: ProjectDir) -> None:
    project.project(
        """
        env: {D: D}
        commands:
          - {name: one, script: [touch one], outputs: [one]}
          - {name: use, script: [touch out], deps: ["${env.D}"], outputs: [out]}
        """
    )
    project.environ["D"] = NO_TEXT
    done = project.proj("run", "use")
    assert (done.code, "UTF-8" in done.err) == (2, True)
    assert project.proj("run", "one").code == 0


def test_half_a_line_on_a_terminal_is_ended_before_proj_goes_on(project: ProjectDir) -> None:
    project.project("commands: [{name: half, script: [printf half], outputs_no_cache: [x]}]")
    master, slave = os.openpty()
    with open(master, "rb", buffering=0) as screen:
        with open(slave, "wb", buffering=0) as terminal:
            words = [sys.executable, "-m", "weaselish", "run", "half"]
            environ = {**project.environ, "NO_COLOR": "1"}
            done = subprocess.run(
                words, cwd=project.path, env=environ, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
            )
        lines = screen.read(1 << 16).decode().split("\r\n")
    assert done.returncode == 0
    assert lines[1:3] == ["Running command: printf half", "half"]
    assert lines[3].startswith("✔ half")


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_verbose_shows_the_program_that_each_line_executes(project: ProjectDir, jobs: str) -> None:
    project.project(
        """
        commands:
          - {name: a, script: [python -c pass, ./own.sh], outputs_no_cache: [a]}
          - {name: b, script: [echo 1 > b], shell: true, outputs: [b]}
        workflows: {all: [a, b]}
        """
    )
    project.write("own.sh", "#!/bin/sh\n").chmod(0o755)
    assert "executes" not in project.proj("run", "all", jobs).err
    done = project.proj("run", "all", "--force", "-v", jobs)
    programs = {line.partition(" executes ")[2] for line in done.err.splitlines() if " executes " in line}
    assert programs == {sys.executable, f"{project.path}/./own.sh", shutil.which("sh")}
    assert "executes" not in done.out
