"""`proj`, `status`, `validate`, `run NAME --help`: what they print, and that they change nothing on disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest
from harness import Done, ProjectDir

Golden = Callable[..., None]


def called(project: ProjectDir, line: str) -> tuple[str, Done]:
    return f"proj {line}".strip(), project.proj(*line.split())


# -- whole sessions ---------------------------------------------------------------------------------------------------


def test_golden_a_first_run_and_a_second(pipeline: ProjectDir, golden: Golden) -> None:
    golden(*[called(pipeline, line) for line in ("", "run all --dry", "run all", "run all", "run count", "status", "")])


def test_golden_what_changes_and_why(pipeline: ProjectDir, golden: Golden) -> None:
    pipeline.proj("run", "all")
    calls = [called(pipeline, "run count --vars.lines 3")]
    pipeline.write("raw.txt", "other\nlines\n")
    calls += [called(pipeline, "status"), called(pipeline, "run report --dry"), called(pipeline, "run report")]
    pipeline.write("log.txt", "new")
    pipeline.remove("count.txt")
    calls += [called(pipeline, "status count"), called(pipeline, "run count"), called(pipeline, "run count --force")]
    golden(*calls)


def test_golden_a_failure(pipeline: ProjectDir, golden: Golden) -> None:
    pipeline.write("prepare.sh", "echo broken >&2; exit 3\n")
    golden(called(pipeline, "run all"), called(pipeline, "run all -k"), called(pipeline, "status --check"))


def test_golden_bad_usage(pipeline: ProjectDir, golden: Golden) -> None:
    lines = ("run al", "status cuont", "run all --vars.line 3", "run all -j many", "run all -- x")
    golden(*[called(pipeline, line) for line in lines])


def test_golden_help_for_one_name(pipeline: ProjectDir, golden: Golden) -> None:
    golden(
        *[called(pipeline, line) for line in ("run count --help", "run all --help", "run -h report", "run cuont -h")]
    )


def test_golden_validate(pipeline: ProjectDir, golden: Golden) -> None:
    calls = [called(pipeline, "validate")]
    text = pipeline.read("project.yml")
    pipeline.project(text.replace("deps: [prepare.sh, raw.txt]", "deps: [raw.txt]") + "titel: x\n")
    calls.append(called(pipeline, "validate"))
    pipeline.project(text.replace("outputs: [data.txt]", "output: [data.txt]").replace("${vars.lines}", "${vars.line}"))
    calls.append(called(pipeline, "validate"))
    golden(*calls)


# -- status -----------------------------------------------------------------------------------------------------------


def test_check_exits_with_1_when_something_is_stale_and_0_otherwise(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, script: [touch x], outputs: [x]}
          - {name: b, script: [touch y], outputs: [y]}
        """)
    assert project.proj("status", "--check").code == 1
    project.proj("run", "a")
    assert project.proj("status", "--check").code == 1
    assert project.proj("status", "a", "--check").code == 0
    project.proj("run", "b")
    assert project.proj("status", "--check").code == 0
    assert project.proj("status").code == 0


def test_status_as_json_has_state_reasons_key_and_run(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: [touch x], outputs: [x]}]")
    [step] = project.proj("status", "--json").json
    key = step["key"]
    assert step == {"step": "a", "state": "never ran", "reasons": ["never ran"], "key": key, "run": None}
    assert len(key) == 32
    project.proj("run", "a")
    [step] = project.proj("status", "--json").json
    run = project.lock()[".proj"]["commands"]["a"]["run"]
    assert step == {"step": "a", "state": "up to date", "reasons": [], "key": key, "run": run}


def test_status_of_a_command_includes_its_dependencies(pipeline: ProjectDir) -> None:
    assert [step["step"] for step in pipeline.proj("status", "count", "--json").json] == ["prepare", "count"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"script": "[touch x y]"}, "script changed: line 1 (`x` → `x y`)"),
        ({"script": "[touch x, touch y]"}, "script changed: line 2 (added)"),
        ({"deps": "[in, more]"}, "dep added: more"),
        ({"deps": "[]"}, "dep removed: in"),
        ({"outputs": "[x, z]"}, "outputs list changed: z; output missing: z"),
        ({"outputs": "[]"}, "always runs (no outputs declared)"),
        ({"no_skip": "true"}, "no_skip"),
        ({"env": "{A: 1}"}, "env changed: A (added)"),
        ({"workdir": "sub"}, "script changed: workdir"),
        ({"help": "another text", "timeout": "3s", "mutex": "[m]", "retries": "3"}, ""),
    ],
    ids=str,
)
def test_a_change_of_a_command_is_a_reason_unless_it_cannot_matter(
    project: ProjectDir, change: dict[str, str], reason: str
) -> None:
    def write(keys: dict[str, str]) -> None:
        keys = {"name": "a", "script": "[touch x]", "deps": "[in]", "outputs": "[x]", **keys}
        project.project(f"commands: [{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}]")

    project.write("in")
    project.write("more")
    write({})
    project.proj("run", "a")
    write(change)
    assert "; ".join(project.proj("status", "a", "--json").json[0]["reasons"]) == reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("echo more >> in.txt", "dep changed: in.txt"),
        ("rm in.txt", "dep changed: in.txt (missing)"),
        ("rm out/a", "output changed: out (gone a)"),
        ("touch out/new; echo y > out/a", "output changed: out (changed a, new new)"),
        ("rm -r out", "output missing: out"),
        ("rm log", "output missing: log"),
        ("touch in.txt out/a; chmod +x out/a", ""),
        ("cp in.txt copy; mv copy in.txt", ""),
    ],
)
def test_a_change_on_disk_is_a_reason_that_names_it(project: ProjectDir, change: str, reason: str) -> None:
    project.project("""\
        commands:
          - {name: a, script: [sh a.sh], deps: [in.txt], outputs: [out], outputs_no_cache: [log]}
        """)
    project.write("in.txt", "x\n")
    project.write("a.sh", "mkdir -p out && cp in.txt out/a && touch log")
    project.proj("run", "a")
    subprocess.run(change, shell=True, cwd=project.path, check=True)
    assert "; ".join(project.proj("status", "a", "--json").json[0]["reasons"]) == reason


def test_an_output_not_cached_may_be_missing_from_the_start(project: ProjectDir) -> None:
    project.project("commands: [{name: a, script: ['true'], outputs_no_cache: [log]}]")
    assert project.proj("run", "a").code == 0
    assert project.proj("run", "a").err == "✔ all up to date (1 step)\n"
    project.write("log", "x")
    assert project.proj("status", "a", "--json").json[0]["reasons"] == ["output changed: log"]


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_an_empty_project_is_listed(project: ProjectDir) -> None:
    project.project("title: Nothing yet\n")
    assert project.proj() == Done(
        0, "Nothing yet\n\n`proj run NAME` runs one. `proj --help` shows all subcommands.\n", ""
    )
    assert project.proj("run") == project.proj()
    assert project.proj("status").code == 0


def test_version_prints_the_version(project: ProjectDir) -> None:
    done = project.proj("--version")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("proj ")


def test_colours_only_on_a_terminal(pipeline: ProjectDir) -> None:
    done = pipeline.process("run", "all", env={"NO_COLOR": ""})
    assert "\x1b" not in done.out + done.err


def test_git_ignores_the_state_directory(pipeline: ProjectDir) -> None:
    pipeline.git("init", "-q")
    pipeline.proj("run", "all")
    assert pipeline.exists(".proj/.gitignore")
    untracked = pipeline.git("status", "--porcelain", "--untracked-files=all").split()[1::2]
    assert untracked == ["count.txt", "data.txt", "prepare.sh", "project.lock", "project.yml", "raw.txt"]


def test_a_file_named_like_the_state_directory_stops_runs_only(pipeline: ProjectDir) -> None:
    pipeline.write(".proj", "a file")
    assert pipeline.proj("status").code == 0
    message = "error: `.proj` is not a directory\n  hint: remove or rename it\n"
    assert pipeline.proj("run", "all") == Done(1, "", message)
    assert pipeline.read(".proj") == "a file"


def test_an_unreadable_dep_affects_only_its_step(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: plain, script: [touch x], outputs: [x]}
          - {name: piped, script: [cat pipe], deps: [pipe], outputs: [y]}
        """)
    os.mkfifo(project.path / "pipe")
    reason = "unknown (`pipe` is neither a file nor a directory)"
    states = {row["step"]: row for row in project.proj("status", "--json").json}
    assert states["piped"] == {"step": "piped", "state": "unknown", "reasons": [reason], "key": None, "run": None}
    assert states["plain"]["state"] == "never ran"
    dry = project.proj("run", "plain", "piped", "--dry")
    assert dry == Done(0, f"plain: never ran\nWould run: touch x\npiped: {reason}\nWould run: cat pipe\n", "")
    assert project.proj("run", "plain").code == 0
    assert project.proj("status", "--check").code == 1
    pushed = project.proj("push", "./remote")
    assert pushed.code == 1
    assert "✔ plain: pushed 1 output" in pushed.err
    assert "✘ piped: not pushed: `pipe` is neither a file nor a directory" in pushed.err
    there = {row["step"]: row["remote"] for row in project.proj("status", "--remote", "./remote", "--json").json}
    assert there == {"plain": "there", "piped": "unknown"}
