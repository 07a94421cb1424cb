"""Options that select steps of a run: `--from`, `--until`, `--force-all`, also with `--only`."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish import Project

CHAIN = """\
commands:
  - {name: a, script: [cp in.txt a.txt], deps: [in.txt], outputs: [a.txt]}
  - {name: b, script: [cp a.txt b.txt], deps: [a.txt], outputs: [b.txt]}
  - {name: c, script: [cp b.txt c.txt], deps: [b.txt], outputs: [c.txt]}
  - {name: d, script: [cp c.txt d.txt], deps: [c.txt], outputs: [d.txt]}
  - {name: other, script: [touch other.txt], outputs: [other.txt]}
workflows:
  all: [a, b, c, d]
  middle: [b, c]
"""


@pytest.fixture
def chain(project: ProjectDir) -> ProjectDir:
    project.project(CHAIN)
    project.write("in.txt", "1")
    return project


def steps_of(project: ProjectDir, *words: str) -> list[str]:
    """Return the steps of a dry run."""
    return [row["step"] for row in project.proj("run", *words, "--dry", "--json").json]


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["--from", "c"], ["c", "d"]),
        (["--until", "b"], ["a", "b"]),
        (["--from", "b", "--until", "c"], ["b", "c"]),
        (["--from", "b", "--until", "b"], ["b"]),
        (["--from", "middle"], ["b", "c", "d"]),
        (["--until", "middle"], ["a", "b", "c"]),
    ],
)
def test_from_and_until_cut_the_plan(chain: ProjectDir, words: list[str], steps: list[str]) -> None:
    assert chain.proj("run", "all").code == 0
    assert steps_of(chain, "d", *words) == steps
    run = chain.proj("run", "all", *words, "--json").json
    assert [row["step"] for row in run["steps"]] == steps
    assert steps_of(chain, "all", "--only", *words) == steps


def test_a_step_that_is_left_out_does_not_run_even_if_it_is_out_of_date(chain: ProjectDir) -> None:
    chain.proj("run", "all")
    chain.write("in.txt", "2")
    done = chain.proj("run", "all", "--from", "b", "-F", "--until", "c")
    assert (done.code, chain.read("a.txt"), chain.read("c.txt")) == (0, "1", "1")
    assert chain.proj("run", "d").code == 0
    assert chain.read("d.txt") == "2"


def test_a_missing_output_of_a_left_out_step_stops_the_run_before_it_starts(chain: ProjectDir) -> None:
    done = chain.proj("run", "all", "--from", "c")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "project.yml:4:48: error: `c` needs `b.txt`, which does not exist\n  hint: produced by `proj run b`\n"
    )
    assert not chain.exists(".proj")
    dry = chain.proj("run", "all", "--from", "c", "--dry")
    assert "`c` needs `b.txt`, which does not exist\n" in dry.out


def test_a_part_of_a_dep_that_a_left_out_step_produces_must_exist(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: one, script: [touch d/one], outputs: [d/one]}
          - {name: two, script: [touch d/two], outputs: [d/two]}
          - {name: use, script: [touch all], deps: [d], outputs: [all]}
        directories: [d]
        """)
    done = project.proj("run", "use", "--from", "two")
    assert (done.code, project.exists("d/two")) == (1, False)
    assert "`use` needs `d/one`, which does not exist\n  hint: produced by `proj run one`\n" in done.err
    project.write("d/one")
    assert project.proj("run", "use", "--from", "two").code == 0


@pytest.mark.parametrize("option", ["--from", "--until"])
@pytest.mark.parametrize("name", ["other", "nothing"])
def test_a_step_that_is_not_in_the_plan_is_an_error_with_its_steps(chain: ProjectDir, option: str, name: str) -> None:
    done = chain.proj("run", "all", option, name)
    assert done.code == 2
    assert done.err == (
        f"error: `{name}` is not a step of this run\n  hint: the steps in their order: `a`, `b`, `c`, `d`\n"
    )


def test_no_step_between_from_and_until_is_an_error(chain: ProjectDir) -> None:
    done = chain.proj("run", "all", "--from", "c", "--until", "a")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error: `c` runs after `a`, so no step is left between them",
    )


def test_arguments_for_a_command_that_is_left_out_are_an_error(chain: ProjectDir) -> None:
    for dry in ([], ["--dry"]):
        done = chain.proj("run", "d", "--until", "c", *dry, "--", "x")
        assert (done.code, done.err) == (2, "error: arguments after `--` go to `d`, which this run leaves out\n")


def test_each_position_of_a_repeated_step_has_a_name(project: ProjectDir) -> None:
    project.project("""\
        commands:
          - {name: a, script: [touch a]}
          - {name: b, script: [touch b]}
        workflows: {all: [a, b, a]}
        """)
    assert steps_of(project, "all", "--from", "a (2)") == ["a (2)"]
    assert steps_of(project, "all", "--until", "a") == ["a"]


def test_an_error_in_a_step_that_is_left_out_stops_nothing(chain: ProjectDir) -> None:
    chain.proj("run", "all")
    chain.project(CHAIN.replace("name: a,", "name: a, timeout: soon,"))
    assert chain.proj("run", "d").code == 2
    assert chain.proj("run", "d", "--from", "b").code == 0


def test_force_all_also_runs_everything_upstream(chain: ProjectDir) -> None:
    chain.proj("run", "all")
    forced = chain.proj("run", "c", "--force", "--json").json["steps"]
    assert [row["result"] for row in forced] == ["up to date", "up to date", "ran"]
    everything = chain.proj("run", "c", "--force-all", "--json").json["steps"]
    assert [(row["result"], row["reasons"]) for row in everything] == [("ran", ["forced"])] * 3
    assert steps_of(chain, "c", "--force-all", "--until", "a") == ["a"]


def test_force_all_replaces_outputs_without_a_record(chain: ProjectDir) -> None:
    chain.write("a.txt", "mine")
    assert chain.proj("run", "b").code == 0
    assert chain.read("b.txt") == "mine"
    assert chain.proj("run", "b", "--force-all").code == 0
    assert chain.read("b.txt") == "1"


def test_python_takes_the_same_options(chain: ProjectDir) -> None:
    found = Project.load(chain.path)
    assert found.run("all").exit_code == 0
    assert found.plan("all", from_step="b", until_step="c").steps == ("b", "c")
    assert [one.step for one in found.preview("all", from_step="d", force=True)] == ["d"]
    result = found.run("d", from_step="c", force_all=True)
    assert [one.step for one in result.results] == ["c", "d"]
