"""`digest:` in project.yml changes: a record stays good as long as its own algorithm verifies it."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish.plan.digests import algorithm_of

COMMANDS = """\
commands:
  - {name: make, script: [sh make.sh], deps: [source.txt, make.sh], outputs: [made]}
  - {name: use, script: [cp made/a used.txt], deps: [made], outputs: [used.txt]}
workflows: {all: [make, use]}
remotes: {default: store}
"""
ALL_UP_TO_DATE = "✔ all up to date (2 steps)\n"


@pytest.fixture(params=[("md5", "blake3"), ("blake3", "md5")], ids="-to-".join)
def changed(request: pytest.FixtureRequest, project: ProjectDir) -> ProjectDir:
    """A project that ran everything before its digest was changed."""
    before, after = request.param
    project.write("source.txt", "1\n")
    project.write("make.sh", "mkdir -p made; cp source.txt made/b; echo a > made/a\n")
    project.project(f"digest: {before}\n{COMMANDS}")
    assert project.proj("run", "all").code == 0
    project.project(f"digest: {after}\n{COMMANDS}")
    return project


def algorithms(project: ProjectDir) -> dict[str, set[str]]:
    """Return the algorithms that each entry of project.lock names."""
    lock = project.lock()
    lock.pop(".proj")
    return {
        name: {key for item in (*entry["deps"], *entry["outs"]) for key in item} - {"path"}
        for name, entry in lock.items()
    }


def test_nothing_runs_and_nothing_is_written(changed: ProjectDir) -> None:
    lock = changed.read("project.lock")
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE
    assert changed.proj("run", "all", "--dry").out == "nothing to do\n"
    assert changed.proj("status", "--check").code == 0
    assert changed.read("project.lock") == lock


def test_a_change_is_noticed_and_named_and_the_next_run_records_with_the_new_algorithm(changed: ProjectDir) -> None:
    before = algorithms(changed)["make"]
    changed.write("source.txt", "2\n")
    assert changed.proj("status", "make").out.count("dep changed: source.txt") == 1
    done = changed.proj("run", "all")
    assert done.code == 0
    assert "make: dep changed: source.txt\n" in done.err
    assert "use: dep changed: made (changed b)\n" in done.err
    assert algorithms(changed)["make"].isdisjoint(before)
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE


def test_a_consumer_with_the_old_algorithm_stays_up_to_date_if_its_dep_is_unchanged(changed: ProjectDir) -> None:
    old = algorithms(changed)["use"]
    assert changed.proj("run", "make", "--force").code == 0
    assert algorithms(changed)["use"] == old
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE


@pytest.mark.parametrize(("path", "what"), [("made/a", "changed a"), ("made/c", "new c")])
def test_an_output_that_changed_is_noticed_in_a_directory(changed: ProjectDir, path: str, what: str) -> None:
    changed.write(path, "other\n")
    assert f"output changed: made ({what})" in changed.proj("status", "make").out


def test_the_digest_may_be_changed_back(changed: ProjectDir) -> None:
    text = changed.read("project.yml")
    other = text.replace("blake3", "md5") if "blake3" in text else text.replace("md5", "blake3")
    changed.proj("run", "make", "--force")
    changed.write("project.yml", other)
    assert changed.proj("run", "all").err == ALL_UP_TO_DATE


def test_what_several_commands_produce_still_comes_from_the_one_whose_run_verifies(changed: ProjectDir) -> None:
    changed.write(
        "project.yml",
        changed.read("project.yml").replace(
            "workflows:",
            """\
  - {name: copy, script: [cp -r other made], deps: [other], outputs: [made]}
workflows:""",
        ),
    )
    assert changed.proj("run", "use").err == ALL_UP_TO_DATE


def test_push_publishes_a_record_as_it_is_and_a_later_push_finds_it(changed: ProjectDir) -> None:
    algorithm = algorithms(changed)["make"].pop()
    done = changed.proj("push")
    assert done.code == 0
    objects = [
        path.name for path in (changed.path / "store").rglob("*") if path.is_file() and ".proj" not in path.parts
    ]
    assert {algorithm_of(name) for name in objects} == {algorithm}
    assert changed.proj("push", "--verify").code == 0
    assert len(objects) == 2
