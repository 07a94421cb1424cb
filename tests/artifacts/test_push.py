"""`proj artifact push`: what is stored, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

from harness import ProjectDir

from .conftest import set_version, train


def remote_files(project: ProjectDir) -> list[str]:
    remote = project.path.parent / "remote"
    return sorted(str(path.relative_to(remote)) for path in remote.rglob("*") if path.is_file())


def manifest(project: ProjectDir, key: str) -> dict[str, object]:
    path = project.path.parent / "remote" / ".proj" / "artifacts" / key
    document: dict[str, object] = json.loads(path.read_text())
    return document


def test_a_version_is_a_readable_file_with_a_manifest_beside_it(trained: ProjectDir) -> None:
    done = trained.proj("artifact", "push", "ALL")
    assert done.code == 0
    assert remote_files(trained) == [
        ".proj/artifacts/corpus/1.5.0.json",
        ".proj/artifacts/model/1.5.0.json",
        "corpus_v1.5.0.tar.gz",
        "model_v1.5.0.pkl",
    ]
    found = manifest(trained, "model/1.5.0.json")
    assert found["record"] == {**found["record"], "command": "train", "path": "out/model.pkl"}  # type: ignore[dict-item]
    assert (found["project"], found["description"], found["size"]) == ("Penguins", "A classifier", 4)


def test_the_same_version_with_the_same_bytes_is_already_there(trained: ProjectDir) -> None:
    trained.proj("artifact", "push", "model")
    done = trained.proj("artifact", "push", "model")
    assert done.code == 0
    assert "model 1.5.0: already there" in done.err


def test_the_same_version_with_other_bytes_is_an_error_that_names_the_fix(trained: ProjectDir) -> None:
    trained.proj("artifact", "push", "ALL")
    train(trained, "two")
    for name in ("model", "corpus"):
        done = trained.proj("artifact", "push", name)
        assert done.code == 1
        assert f"version 1.5.0 of `{name}` is on the remote with other content" in done.err
        assert "`--force` replaces it; or bump the version: `proj version bump patch`" in done.err
    set_version(trained, "1.5.1")
    assert trained.proj("artifact", "push", "ALL").code == 0


def test_a_forced_push_keeps_the_bytes_that_it_replaces(trained: ProjectDir) -> None:
    trained.proj("artifact", "push", "ALL")
    old = {name: manifest(trained, f"{name}/1.5.0.json") for name in ("model", "corpus")}
    train(trained, "two")
    assert trained.proj("artifact", "push", "ALL", "--force").code == 0
    for name, before in old.items():
        kept = f"{name}/replaced/{before['sha256']}"
        assert manifest(trained, f"{kept}/manifest.json") == before
        assert f".proj/artifacts/{kept}/{before['file']}" in remote_files(trained)
        assert manifest(trained, f"{name}/1.5.0.json")["sha256"] != before["sha256"]
    assert trained.proj("artifact", "pull", "model", "1.5.0").code == 0
    assert trained.read("model_v1.5.0.pkl") == "two\n"


def test_force_repairs_a_damaged_file_of_the_right_size(trained: ProjectDir) -> None:
    trained.proj("artifact", "push", "ALL")
    remote = trained.path.parent / "remote"
    for name in ("model_v1.5.0.pkl", "corpus_v1.5.0.tar.gz"):
        (remote / name).write_bytes(b"x" * (remote / name).stat().st_size)
    assert trained.proj("artifact", "pull", "model", "1.5.0").code == 1
    assert trained.proj("artifact", "push", "ALL", "--force").code == 0
    for name in ("model", "corpus"):
        assert trained.proj("artifact", "verify", f"{name}@1.5.0").code == 0


def test_content_that_no_run_produced_is_pushed_and_marked(trained: ProjectDir) -> None:
    trained.write("out/model.pkl", "by hand")
    done = trained.proj("artifact", "push", "model")
    assert done.code == 0
    assert "unattested" in done.err
    assert manifest(trained, "model/1.5.0.json")["record"] is None
    assert "unattested" in trained.proj("artifact", "list", "model").out


def test_a_prefix_stands_in_front_of_the_name_on_push_and_on_pull(trained: ProjectDir) -> None:
    assert trained.proj("artifact", "push", "ALL", "-p", "team-").code == 0
    assert trained.proj("artifact", "push", "model", "--prefix", "deep/er/").code == 0
    assert {"team-model_v1.5.0.pkl", "deep/er/model_v1.5.0.pkl"} <= set(remote_files(trained))
    assert trained.proj("artifact", "pull", "model", "LATEST").code == 1
    for prefix, file in (("team-", "team-model_v1.5.0.pkl"), ("deep/er/", "model_v1.5.0.pkl")):
        assert trained.proj("artifact", "pull", "model", "LATEST", "-p", prefix).code == 0
        assert trained.read(file) == "one\n"


def test_a_prefix_cannot_lead_elsewhere(trained: ProjectDir) -> None:
    for prefix in ("../", "/", ".proj/runs/", "a//"):
        done = trained.proj("artifact", "push", "model", "--prefix", prefix)
        assert (done.code, "cannot be a prefix" in done.err) == (2, True)
    assert remote_files(trained) == []


def test_a_singular_artifact_is_one_object_that_only_force_replaces(trained: ProjectDir) -> None:
    trained.project(trained.read("project.yml").replace("model.pkl, d", "model.pkl, singular: true, d"))
    assert trained.proj("artifact", "push", "model").code == 0
    assert trained.proj("artifact", "push", "model").code == 0
    train(trained, "two")
    done = trained.proj("artifact", "push", "model")
    assert (done.code, "`model` is on the remote with other content" in done.err) == (1, True)
    assert trained.proj("artifact", "push", "model", "-f").code == 0
    assert "model.pkl" in remote_files(trained)
    assert trained.proj("artifact", "pull", "model", "LATEST").code == 0
    assert trained.read("model.pkl") == "two\n"


def test_one_failure_in_all_does_not_keep_the_others_from_being_pushed(trained: ProjectDir) -> None:
    trained.project(trained.read("project.yml").replace("  model:", "  gone: {path: nothing.txt}\n  model:"))
    done = trained.proj("artifact", "push", "ALL")
    assert done.code == 1
    assert "`nothing.txt` does not exist" in done.out
    assert {"model_v1.5.0.pkl", "corpus_v1.5.0.tar.gz"} <= set(remote_files(trained))
    listed = {one["name"]: one for one in trained.proj("artifact", "push", "ALL", "--json").json}
    assert listed["gone"]["error"] == "`nothing.txt` does not exist"
    assert listed["model"]["state"] == "already there"


def test_a_directory_that_the_run_published_is_copied_within_the_store(trained: ProjectDir, tmp_path: Path) -> None:
    assert trained.proj("push").code == 0
    assert trained.proj("artifact", "push", "corpus").code == 0
    remote = trained.path.parent / "remote"
    (published,) = (remote / "out%2Fcorpus").rglob("*.dir")
    assert published.read_bytes() == (remote / "corpus_v1.5.0.tar.gz").read_bytes()
    assert "publishes its run" not in trained.proj("artifact", "push", "corpus").err


def test_a_file_that_another_tool_stored_is_adopted_if_its_bytes_are_the_same(trained: ProjectDir) -> None:
    remote = trained.path.parent / "remote"
    remote.mkdir()
    (remote / "model_v1.5.0.pkl").write_text("one\n")
    assert "already there" in trained.proj("artifact", "push", "model").err
    assert manifest(trained, "model/1.5.0.json")["size"] == 4
    (remote / "model_v1.6.0.pkl").write_text("two\n")
    done = trained.proj("artifact", "push", "model", "--version", "1.6.0")
    assert (done.code, "with other content" in done.err) == (1, True)


def test_what_only_begins_like_a_version_blocks_nothing(trained: ProjectDir) -> None:
    remote = trained.path.parent / "remote"
    remote.mkdir()
    for name in ("model_v1.5.0.pkl.bak", "model_v1.5.0.tar.gz", "model_v1.5.0", "model_v1.5.0.pkl.tmp"):
        (remote / name).write_text("foreign")
    assert trained.proj("artifact", "push", "model").code == 0
    assert [one["version"] for one in trained.proj("artifact", "list", "model", "--json").json] == ["1.5.0"]


def test_a_project_without_a_version_says_how_to_give_one(trained: ProjectDir) -> None:
    trained.project(trained.read("project.yml").replace('version: "1.5.0"\n', ""))
    done = trained.proj("artifact", "push", "model")
    assert (done.code, "the project has no version" in done.err, "version: {file: VERSION}" in done.err) == (
        1,
        True,
        True,
    )
    assert trained.proj("artifact", "push", "model", "--version", "0.1.0").code == 0
    for text in ("v1.0.0", "1.0", "one"):
        assert trained.proj("artifact", "push", "model", "--version", text).code == 2


def test_a_read_only_remote_is_not_written(trained: ProjectDir) -> None:
    trained.project(trained.read("project.yml").replace("../remote}", "{url: ../remote, read_only: true}}"))
    done = trained.proj("artifact", "push", "model")
    assert (done.code, "remote `default` is read-only" in done.err) == (1, True)
