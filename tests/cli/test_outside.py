"""Deps, private assets, directories and outputs outside the project; and values of the environment in paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Done, ProjectDir


@pytest.fixture
def monorepo(project: ProjectDir) -> ProjectDir:
    """A project in `mono/iris`, with data and models beside it."""
    iris = ProjectDir(project.path / "mono" / "iris", project.path / "scratch")
    iris.write("../data/a.csv", "1")
    iris.write("../data/b.csv", "2")
    return iris


def test_a_project_reads_and_writes_outside_and_notices_changes_there(monorepo: ProjectDir) -> None:
    monorepo.project("""\
        directories: [../models, ../logs]
        assets: [{dest: ../data/a.csv}]
        commands:
          - name: join
            shell: true
            script: [cat ../data/*.csv > ../models/all]
            deps: ["../data/*.csv"]
            outputs: [../models/all]
          - {name: use, script: [cp ../models/all used], deps: [../models/all], outputs: [used]}
        """)
    assert monorepo.proj("validate").err == ""
    assert monorepo.proj("run", "use").code == 0
    assert monorepo.read("used") == "12"
    assert monorepo.exists("../logs")
    assert "up to date" in monorepo.proj("run", "use").err
    monorepo.write("../data/b.csv", "3")
    assert monorepo.proj("run", "use").code == 0
    assert monorepo.read("used") == "13"
    monorepo.write("../models/all", "edited")
    states = {row["step"]: row["state"] for row in monorepo.proj("status", "--json").json}
    assert "up to date" not in states["join"]
    assert monorepo.proj("assets").code == 0


def test_an_absolute_path_into_the_project_is_relative(monorepo: ProjectDir) -> None:
    monorepo.project(f"""\
        commands:
          - {{name: make, script: [cp in out], deps: [{monorepo.path}/in], outputs: [{monorepo.path}/out]}}
          - {{name: use, script: [cp out used], deps: [../iris/out], outputs: [used]}}
        """)
    monorepo.write("in", "1")
    assert monorepo.proj("validate").err == ""
    assert monorepo.proj("run", "use").code == 0
    assert monorepo.lock()["make"]["deps"][0]["path"] == "in"


def test_an_absolute_path_into_the_project_may_go_through_a_link(monorepo: ProjectDir) -> None:
    home = monorepo.path.parent / "home"
    home.symlink_to(monorepo.path.parent)
    linked = home / "iris"
    monorepo.project(f"""\
        env: {{out: OUT}}
        commands:
          - {{name: make, script: [cp in out], deps: [{linked}/in], outputs: ["${{env.out}}"]}}
          - {{name: use, script: [cp out used], deps: [../home/iris/out], outputs: [used]}}
        """)
    monorepo.write("in", "1")
    assert monorepo.proj("run", "use", env={"OUT": f"{linked}/out"}).code == 0
    assert [entry["path"] for entry in monorepo.lock()["make"]["outs"]] == ["out"]


def test_an_absolute_path_elsewhere_is_reported_as_not_portable(monorepo: ProjectDir) -> None:
    data = monorepo.path.parent / "data"
    monorepo.project(
        f"env: {{data: DATA}}\ncommands:\n  - {{name: a, script: ['true'], deps: [{data}, '${{env.data}}']}}\n"
    )
    monorepo.environ["DATA"] = str(data)
    done = monorepo.proj("validate")
    assert (done.code, done.err.count("warning")) == (0, 1)
    assert f"project.yml:3:40: warning: `{data}` is absolute: on other machines it may not exist\n" in done.err


@pytest.mark.parametrize("value", ["", None, "/", "a\udcff", "../..", ".git"])
def test_an_output_that_the_environment_makes_unusable_is_a_fault_of_its_command(
    project: ProjectDir, value: str | None
) -> None:
    project.project("""\
        env: {out: OUT}
        commands:
          - {name: a, script: [touch x], outputs: ["${env.out}"]}
          - {name: b, script: [touch b], outputs: [b]}
        """)
    if value is not None:
        project.environ["OUT"] = value
    assert project.proj("run", "b").code == 0
    assert project.proj("status").code == 0
    done = project.proj("run", "a")
    assert done.code == 2
    assert done.err.startswith("project.yml: error: `a`: `${env.out}` ")
    assert "set the environment variable OUT" in done.err or value
    assert not project.exists("x")


def test_an_unset_variable_never_turns_a_path_into_an_absolute_one(project: ProjectDir) -> None:
    project.project("env: {out: OUT}\ncommands: [{name: a, script: ['true'], deps: ['${env.out}/etc/passwd']}]")
    done = project.proj("run", "a")
    assert done == Done(
        2,
        "",
        "project.yml: error: `a`: `${env.out}/etc/passwd` needs `env.out`\n  hint: set the environment variable OUT\n",
    )


def test_a_secret_in_a_path_is_not_shown(project: ProjectDir) -> None:
    project.project("env: {token: TOKEN}\ncommands: [{name: a, script: ['true'], outputs: ['${env.token}']}]")
    project.environ["TOKEN"] = "../../s3cr3t*"
    for words in (["run", "a"], ["status"], ["validate"]):
        done = project.proj(*words)
        assert "s3cr3t" not in done.out + done.err


def test_a_directory_may_come_from_the_environment(project: ProjectDir, tmp_path: Path) -> None:
    project.project(
        "env: {d: D, e: E}\ndirectories: ['${env.d}', '${env.e}/x']\ncommands: [{name: a, script: ['true']}]"
    )
    project.environ["D"] = str(tmp_path / "made")
    done = project.proj("run", "a")
    assert done.code == 0
    assert (tmp_path / "made").is_dir()
    assert "`${env.e}/x` needs `env.e`" in done.err


@pytest.mark.parametrize(("one", "other"), [("../models", "{top}/models"), ("{top}/models", "../models")])
def test_an_absolute_and_a_relative_path_to_one_place_are_one(monorepo: ProjectDir, one: str, other: str) -> None:
    top = monorepo.path.parent
    one, other = one.format(top=top), other.format(top=top)
    monorepo.project(f"""\
        commands:
          - {{name: use, script: [cp ../models/new used], deps: [{other}/new], outputs: [used]}}
          - {{name: make, script: [cp in ../models/new], deps: [in], outputs: [{one}]}}
        directories: [../models]
        """)
    monorepo.write("in", "1")
    assert monorepo.proj("run", "use").code == 0
    assert monorepo.read("used") == "1"
    monorepo.write("in", "2")
    assert monorepo.proj("run", "use").code == 0
    assert monorepo.read("used") == "2"
    assert "all up to date" in monorepo.proj("run", "use").err
    lock = monorepo.lock()
    assert (lock["use"]["deps"][0]["path"], lock["make"]["outs"][0]["path"]) == ("../models/new", "../models")


def test_two_forms_of_an_output_are_alternatives_and_of_a_glob_match_it(monorepo: ProjectDir) -> None:
    top = monorepo.path.parent
    monorepo.project(f"""\
        commands:
          - {{name: a, script: [cp in ../data/new.csv], deps: [in], outputs: [../data/new.csv, {top}/data/new.csv]}}
          - {{name: b, script: [cp in ../data/new.csv], deps: [in], outputs: [{top}/data/new.csv]}}
          - {{name: c, script: [touch c], deps: ["{top}/data/*.csv"], outputs: [c]}}
        """)
    monorepo.write("in", "1")
    assert monorepo.proj("run", "a").code == 0
    assert len(monorepo.lock()["a"]["outs"]) == 1
    assert monorepo.proj("run", "a", "c").code == 0
    assert [dep["path"] for dep in monorepo.lock()["c"]["deps"]] == [
        "../data/a.csv",
        "../data/b.csv",
        "../data/new.csv",
    ]


def test_a_link_and_its_target_are_one_place(monorepo: ProjectDir, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (monorepo.path.parent / "models").symlink_to(tmp_path / "disk")
    monorepo.project("""\
        env: {disk: DISK}
        commands:
          - {name: use, script: [cp ../models/new used], deps: ["${env.disk}/new"], outputs: [used]}
          - {name: make, script: [cp in ../models/new], deps: [in], outputs: [../models/new]}
        """)
    monorepo.environ["DISK"] = str(tmp_path / "disk")
    monorepo.write("in", "1")
    assert monorepo.proj("run", "use").code == 0
    assert monorepo.read("used") == "1"


def test_an_absolute_path_alone_stays_as_it_is(monorepo: ProjectDir) -> None:
    """So do keys, and records of it."""
    data = monorepo.path.parent / "data"
    monorepo.project(
        f"commands: [{{name: a, script: [cp {data}/a.csv a], deps: [{data}/a.csv, ../other], outputs: [a]}}]"
    )
    monorepo.write("../other")
    assert monorepo.proj("run", "a").code == 0
    assert [dep["path"] for dep in monorepo.lock()["a"]["deps"]] == [f"{data}/a.csv", "../other"]
