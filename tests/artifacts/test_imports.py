"""A project that uses an artifact of another one: pinned, restored in a clone, moved only by an update."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from harness import ProjectDir, ran

from .conftest import PROJECT, publish

USER = """\
remotes: {releases: ../remote}
artifacts:
  model: {remote: releases, path: in/model.pkl}
commands:
  - name: eval
    shell: true
    script: [cat in/model.pkl > score.txt, echo eval >> ran]
    deps: ["artifact:model@^1.2"]
    outputs: [score.txt]
"""


@pytest.fixture
def publisher(project: ProjectDir) -> ProjectDir:
    """Project A, which has published 1.2.0."""
    project.project(PROJECT)
    publish(project, "1.1.0", "1.2.0", "2.0.0")
    return project


@pytest.fixture
def user(publisher: ProjectDir) -> ProjectDir:
    """Project B, which imports `model`."""
    user = publisher.beside("user")
    shutil.rmtree(user.path)
    user.path.mkdir()
    user.project(USER.replace("../remote", str(publisher.path.parent / "remote")))
    return user


def pin(project: ProjectDir) -> dict[str, str]:
    found: dict[str, str] = project.lock()[".proj"]["artifacts"]["model"]
    return found


def key(project: ProjectDir) -> str:
    found: str = project.lock()[".proj"]["commands"]["eval"]["key"]
    return found


def test_the_first_run_resolves_the_range_and_pins_it(user: ProjectDir) -> None:
    assert user.proj("run", "eval").code == 0
    assert user.read("score.txt") == "model 1.2.0\n"
    assert {name: pin(user)[name] for name in ("range", "version", "remote")} == {
        "range": "^1.2",
        "version": "1.2.0",
        "remote": "releases",
    }
    assert user.lock()["eval"]["deps"] == [{"path": "in/model.pkl", "md5": pin(user)["digest"]}]


def test_a_new_version_changes_nothing_until_an_update_moves_the_pin(user: ProjectDir, publisher: ProjectDir) -> None:
    user.proj("run", "eval")
    before = key(user)
    publish(publisher, "1.3.0")
    assert ran(user) == ["eval"]
    assert user.proj("run", "eval").code == 0
    assert (ran(user), pin(user)["version"]) == ([], "1.2.0")
    done = user.proj("artifact", "update")
    assert (done.code, "model: 1.2.0 → 1.3.0" in done.err) == (0, True)
    why = user.proj("why", "eval").out
    assert "artifact `model` 1.2.0 → 1.3.0" in why
    assert "artifact `model` of remote `releases`, ^1.2, pinned to 1.3.0" in why
    assert "artifact `model` 1.2.0 → 1.3.0" in user.proj("status", "-v").out
    assert "artifact `model` 1.2.0 → 1.3.0" in user.proj("run", "eval", "--dry").out
    assert user.proj("run", "eval").code == 0
    assert (ran(user), user.read("score.txt")) == (["eval"], "model 1.3.0\n")
    assert key(user) != before
    assert "already 1.3.0" in user.proj("artifact", "update", "model").err


def test_a_clone_restores_exactly_the_pin(user: ProjectDir, publisher: ProjectDir) -> None:
    user.proj("run", "eval")
    publish(publisher, "1.3.0")
    clone = user.beside("clone")
    for name in ("project.yml", "project.lock", "score.txt"):
        clone.write(name, user.read(name))
    assert clone.proj("status", "eval").out == user.proj("status", "eval").out
    assert clone.proj("run", "eval").code == 0
    assert (ran(clone), clone.read("in/model.pkl"), pin(clone)["version"]) == ([], "model 1.2.0\n", "1.2.0")


def test_a_moved_pin_from_a_colleague_replaces_the_old_version(user: ProjectDir, publisher: ProjectDir) -> None:
    user.proj("run", "eval")
    old = user.read("project.lock")
    publish(publisher, "1.3.0")
    user.proj("artifact", "update")
    user.proj("run", "eval")
    user.write("project.lock", old)
    ran(user)
    assert "Would run: cat in/model.pkl" in user.proj("run", "eval", "-n").out
    assert user.proj("run", "eval").code == 0
    assert (user.read("in/model.pkl"), user.read("score.txt")) == ("model 1.2.0\n", "model 1.2.0\n")


def test_equal_bytes_under_another_number_are_the_same_input(user: ProjectDir, publisher: ProjectDir) -> None:
    user.proj("run", "eval")
    ran(user)
    publisher.write("out/model.pkl", "model 1.2.0\n")
    assert publisher.proj("artifact", "push", "model", "--version", "1.2.1").code == 0
    assert "1.2.0 → 1.2.1" in user.proj("artifact", "update").err
    user.proj("run", "eval")
    assert ran(user) == []


def test_a_changed_range_is_resolved_anew(user: ProjectDir) -> None:
    user.proj("run", "eval")
    user.project(user.read("project.yml").replace("^1.2", "^2.0"))
    assert user.proj("run", "eval").code == 0
    assert (user.read("score.txt"), pin(user)["range"], pin(user)["version"]) == ("model 2.0.0\n", "^2.0", "2.0.0")


def test_local_content_is_not_lost(user: ProjectDir) -> None:
    user.write("in/model.pkl", "mine")
    done = user.proj("run", "eval")
    assert (done.code, user.read("in/model.pkl")) == (1, "mine")
    assert "`proj artifact pull model 1.2.0 --override --force` replaces it" in done.err
    assert user.proj("artifact", "pull", "model", "1.2.0", "--override", "--force").code == 0
    assert user.proj("run", "eval").code == 0


def test_no_remote_is_asked_if_everything_is_in_place(user: ProjectDir, publisher: ProjectDir) -> None:
    user.proj("run", "eval")
    remote = publisher.path.parent / "remote"
    remote.rename(remote.with_name("away"))
    user.write("score.txt", "changed")
    assert user.proj("run", "eval").code == 0
    user.remove("in/model.pkl")
    done = user.proj("run", "eval")
    assert (done.code, user.read("score.txt")) == (1, "model 1.2.0\n")


def test_replaced_bytes_are_still_found_by_a_pin(user: ProjectDir, publisher: ProjectDir) -> None:
    user.proj("run", "eval")
    publisher.write("out/model.pkl", "other 1.2.0\n")
    assert publisher.proj("artifact", "push", "model", "--version", "1.2.0", "--force").code == 0
    user.remove("in/model.pkl")
    assert user.proj("run", "eval").code == 0
    assert user.read("in/model.pkl") == "model 1.2.0\n"
    shutil.rmtree(publisher.path.parent / "remote" / ".proj" / "artifacts" / "model" / "replaced")
    user.remove("in/model.pkl")
    done = user.proj("run", "eval")
    assert (done.code, "differs from what project.lock pins" in done.err) == (1, True)
    assert user.proj("artifact", "update").code == 0
    assert user.read("in/model.pkl") == "other 1.2.0\n"


def test_a_withdrawn_pin_still_works_with_a_warning(user: ProjectDir, publisher: ProjectDir) -> None:
    user.proj("run", "eval")
    publish(publisher, "1.2.5")
    publisher.proj("artifact", "yank", "model", "1.2.0")
    user.remove("in/model.pkl")
    done = user.proj("run", "eval")
    assert (done.code, "model 1.2.0 was withdrawn" in done.err) == (0, True)
    assert "1.2.0 → 1.2.5" in user.proj("artifact", "update").err


def test_status_says_what_a_run_will_do_with_an_import(user: ProjectDir) -> None:
    user.proj("run", "eval")
    assert "warning" not in user.proj("status").err
    user.write("in/model.pkl", "edited")
    assert (
        "warning: `in/model.pkl` is not `model` 1.2.0: a run replaces it, if it is on the remote\n"
        in user.proj("status").err
    )
    user.project(user.read("project.yml").replace("^1.2", "~1.1"))
    assert "warning: artifact `model` is pinned for `^1.2`: a run looks for `~1.1`\n" in user.proj("status").err


def test_the_exact_number_of_a_withdrawn_version_selects_it_with_a_warning(
    user: ProjectDir, publisher: ProjectDir
) -> None:
    publisher.proj("artifact", "yank", "model", "1.2.0")
    user.project(user.read("project.yml").replace("^1.2", "1.2.0"))
    done = user.proj("run", "eval")
    assert (done.code, "model 1.2.0 was withdrawn" in done.err) == (0, True), done.err
    assert pin(user)["version"] == "1.2.0"


def test_a_directory_is_imported_to_another_path(user: ProjectDir, publisher: ProjectDir) -> None:
    assert publisher.proj("artifact", "push", "corpus", "--version", "1.0.0").code == 0
    text = user.read("project.yml")
    text = text.replace("artifacts:\n", "artifacts:\n  corpus: {remote: releases, path: data/words, version: '*'}\n")
    text = text.replace('deps: ["', 'deps: ["artifact:corpus", "').replace("in/model.pkl >", "data/words/a.txt >")
    user.project(text)
    assert user.proj("run", "eval").code == 0
    assert user.read("score.txt") == publisher.read("out/corpus/a.txt")
    shutil.rmtree(user.path / "data")
    assert user.proj("status").out.split()[-2:] == ["to", "date"]
    assert user.proj("run", "eval").code == 0
    assert user.exists("data/words/a.txt")


def test_files_of_other_tools_can_be_imported(user: ProjectDir, publisher: ProjectDir) -> None:
    (publisher.path.parent / "remote" / "model_v1.9.0.pkl").write_text("foreign\n")
    assert user.proj("run", "eval").code == 0
    assert (user.read("score.txt"), pin(user)["version"]) == ("foreign\n", "1.9.0")
    user.remove("in/model.pkl")
    assert user.proj("run", "eval").code == 0
    (publisher.path.parent / "remote" / "model_v1.9.0.pkl").write_text("changed\n")
    user.remove("in/model.pkl")
    assert user.proj("run", "eval").code == 1


def test_nothing_fits_the_range(user: ProjectDir) -> None:
    user.project(user.read("project.yml").replace("^1.2", "^7"))
    done = user.proj("run", "eval")
    assert (done.code, "no version of `model` in `^7`: available 2.0.0, 1.2.0, 1.1.0" in done.err) == (1, True)
    assert user.proj("run", "eval", "-n").code == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("^1.2", "about one", "`aboutone` is not a range of versions"),
        ("artifact:model@", "artifact:modle@", "no artifact named `modle`"),
        (
            "in/model.pkl}",
            "score.txt}",
            "artifact `model` is imported to `score.txt`, which overlaps an output of `eval`",
        ),
        ("in/model.pkl}", "../model.pkl}", "an artifact is outside the project: `../model.pkl`"),
        ("in/model.pkl}", ".git/hooks}", "an artifact cannot be `.git/hooks`"),
        ("in/model.pkl}", "in/model.pkl, singular: true}", "artifact `model` is singular: it has no versions"),
        ("in/model.pkl}", "in/model.pkl, version: '^2'}", "artifact `model` has two ranges: `^2` and `^1.2`"),
        ("in/model.pkl}", "in/model.pkl, equivalent: {m.json: {acc: -1}}}", "the tolerance of `acc`"),
        ("in/model.pkl}", "in/model.pkl, verson: '1'}", "unknown key `verson`"),
        ("  model:", "  ALL:", "an artifact cannot be named `ALL`"),
        ("  model:", "  a/b:", "an artifact cannot be named `a/b`"),
    ],
)
def test_mistakes_in_project_yml_are_found(user: ProjectDir, old: str, new: str, message: str) -> None:
    user.project(user.read("project.yml").replace(old, new))
    done = user.proj("validate")
    assert (done.code, message in done.err) == (2, True), done.err


def test_an_unknown_remote_is_found(user: ProjectDir) -> None:
    user.project(user.read("project.yml").replace("remote: releases", "remote: relases"))
    done = user.proj("validate")
    assert "artifact `model`: no remote named `relases`" in done.err
    assert "did you mean `releases`?" in done.err


def test_gc_keeps_the_runs_that_versions_name(publisher: ProjectDir) -> None:
    assert publisher.proj("push").code == 0
    assert publisher.proj("artifact", "push", "corpus", "--version", "3.0.0").code == 0
    for seed in ("two", "three"):
        publisher.write("seed.txt", seed)
        publisher.proj("run", "train")
        publisher.proj("push")
    (publisher.path / "project.lock").unlink()
    shutil.rmtree(publisher.path / ".proj")
    before = records(publisher)
    done = publisher.proj("gc", "default", "--budget", "0", "--grace", "0", "--also-irreplaceable", "--yes")
    assert done.code == 0, done.err
    assert "named by a version of an artifact" in done.err + done.out
    assert len(records(publisher)) < len(before)
    done = publisher.proj("artifact", "show", "corpus@3.0.0")
    assert "not on the remote" not in done.out


def records(project: ProjectDir) -> list[Path]:
    return list((project.path.parent / "remote" / ".proj" / "runs").rglob("*.json"))
