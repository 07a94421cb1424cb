"""`proj why`: reasons with their sources, the last run, and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from harness import ProjectDir


@pytest.fixture
def chain(project: ProjectDir) -> ProjectDir:
    """Three steps in a row that have run."""
    project.project(
        """
        vars:
          lr: 0.1
          api_key: one
        env: {home: WHERE}
        commands:
          - {name: prepare, script: [cp -r raw data], deps: [raw], outputs: [data]}
          - name: train
            shell: true
            script: ["echo ${vars.lr} ${vars.api_key} > model"]
            deps: [data, notes]
            env: {MODE: "${env.home}"}
            outputs: [model]
          - {name: report, script: [cp model page], deps: [model], outputs: [page]}
          - {name: publish, script: [cat page], deps: [page]}
        """
    )
    project.write("raw/a.txt", "1")
    project.write("raw/b.txt", "1")
    project.write("notes/n.txt", "1")
    assert project.proj("run", "report").code == 0
    return project


def why(project: ProjectDir, *words: str, env: dict[str, str] | None = None) -> Any:
    (found,) = project.proj("why", *words, "--json", env=env).json
    return found


def reasons(found: Any) -> list[tuple[str, list[str]]]:
    return [(reason["kind"], reason["sources"]) for reason in found["reasons"]]


def test_an_up_to_date_step_has_no_reasons(chain: ProjectDir) -> None:
    found = why(chain, "train")
    assert (found["state"], found["reasons"], found["downstream"]) == ("up to date", [], ["report", "publish"])
    assert (found["last"]["result"], found["last"]["reasons"]) == ("done", ["never ran"])


def test_a_changed_variable_is_named_with_its_line(chain: ProjectDir) -> None:
    chain.project(chain.read("project.yml").replace("lr: 0.1", "lr: 0.2"))
    assert reasons(why(chain, "train")) == [("script changed", ["`vars.lr` was `0.1`, is `0.2` (project.yml:3:7)"])]


def test_an_override_is_named_as_the_source(chain: ProjectDir) -> None:
    assert reasons(why(chain, "train", "--vars.lr", "3")) == [
        ("script changed", ["`vars.lr` was `0.1`, is `3` (command line)"])
    ]


def test_a_variable_with_the_name_of_a_secret_is_masked(chain: ProjectDir) -> None:
    found = why(chain, "train", "--vars.api_key", "two")
    assert reasons(found) == [("script changed", ["`vars.api_key` was `***`, is `***` (command line)"])]


def test_an_edited_line_is_named_with_its_location(chain: ProjectDir) -> None:
    chain.project(chain.read("project.yml").replace("echo ${vars.lr}", "printf ${vars.lr}"))
    assert reasons(why(chain, "train")) == [("script changed", ["project.yml:10:14"])]


def test_a_changed_file_in_a_directory_is_named(chain: ProjectDir) -> None:
    chain.write("raw/b.txt", "2")
    done = chain.proj("why", "prepare", "train")
    assert "dep changed: raw (changed b.txt)" in done.out
    assert "upstream will run: prepare\n      `prepare`: dep changed: raw (changed b.txt)" in done.out


def test_a_changed_dep_names_its_producer(chain: ProjectDir) -> None:
    chain.write("raw/b.txt", "2")
    chain.write("data/b.txt", "by hand")
    (kind, sources), *_ = reasons(why(chain, "train"))
    assert kind == "dep changed"
    assert sources[0].startswith("produced by `prepare`, which last ran in run ")


def test_a_changed_variable_of_the_environment_is_named_and_its_value_is_not(chain: ProjectDir) -> None:
    done = chain.proj("why", "train", env={"WHERE": "sesame99"})
    assert "env changed: MODE\n      project.yml:12:17" in done.out
    assert "env changed: env.home\n      environment variable WHERE" in done.out
    assert "sesame99" not in done.out


def test_a_step_that_never_ran_says_so(chain: ProjectDir) -> None:
    done = chain.proj("why", "publish")
    assert "none in this directory" in done.out
    assert done.code == 0


def test_an_unknown_step_is_an_error(chain: ProjectDir) -> None:
    done = chain.proj("why", "trian")
    assert done.code == 2
    assert "did you mean `train`?" in done.err
