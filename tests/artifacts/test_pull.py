"""`proj artifact pull`: which version, where it is put, and what it replaces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import ProjectDir

from weaselish import Project

from .conftest import publish, set_version


@pytest.fixture
def remote(project: ProjectDir) -> Path:
    return project.path.parent / "remote"


def test_latest_in_an_empty_store_finds_nothing(trained: ProjectDir) -> None:
    done = trained.proj("artifact", "pull", "model", "LATEST")
    assert (done.code, "no version of `model` is on the remote" in done.err) == (1, True)


def test_latest_says_which_versions_there_are_if_none_is_compatible(trained: ProjectDir) -> None:
    publish(trained, "1.6.0", "2.0.1")
    done = trained.proj("artifact", "pull", "model", "LATEST")
    assert done.code == 1
    assert "no compatible version of `model`: project 1.5.0, available 2.0.1, 1.6.0" in done.err


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("1.9.0", "1.9.0"),
        ("LATEST", "1.10.0"),
        ("newest", "2.0.0"),
        ("^1.2", "1.10.0"),
        ("~1.9", "1.9.0"),
        ("@best", "1.9.0"),
    ],
)
def test_a_version_is_put_beside_project_yml_with_its_number(trained: ProjectDir, wanted: str, version: str) -> None:
    publish(trained, "1.9.0", "1.10.0", "2.0.0", "2.1.0-rc.1")
    set_version(trained, "1.99.0")
    assert trained.proj("artifact", "alias", "model", "1.9.0", "best").code == 0
    assert trained.proj("artifact", "pull", "model", wanted).code == 0
    assert trained.read(f"model_v{version}.pkl") == f"model {version}\n"


def test_more_than_a_page_of_versions_is_seen(trained: ProjectDir, remote: Path) -> None:
    remote.mkdir()
    for number in range(1_500):
        (remote / f"model_v1.0.{number}.pkl").write_text(str(number))
    assert trained.proj("artifact", "pull", "model", "LATEST").code == 0
    assert trained.read("model_v1.0.1499.pkl") == "1499"


def test_foreign_files_under_the_naming_count_as_versions(trained: ProjectDir, remote: Path) -> None:
    remote.mkdir()
    for name in ("model_v1.3.0.pkl", "model_v1.4.0.pkl.bak", "model_v1.4.x.pkl", "mode_v1.4.0.pkl", "model_v1.4.pkl"):
        (remote / name).write_text(name)
    done = trained.proj("artifact", "pull", "model", "LATEST")
    assert (done.code, "unattested" in done.err) == (0, True)
    assert trained.read("model_v1.3.0.pkl") == "model_v1.3.0.pkl"


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("out/xgb.v2.pkl", "model_v1.0.0.pkl"),
        ("out/m.tar.gz", "model_v1.0.0.tar.gz"),
        ("out/scan.v1.nii.gz", "model_v1.0.0.nii.gz"),
        ("out/weights", "model_v1.0.0"),
        ("out/.hidden", "model_v1.0.0"),
        ("./out/dir/./m.pkl", "model_v1.0.0.pkl"),
    ],
)
def test_the_extension_is_that_of_the_file(project: ProjectDir, path: str, file: str) -> None:
    project.project(f'version: "1.0.0"\nremotes: {{default: ../remote}}\nartifacts: {{model: {{path: "{path}"}}}}\n')
    project.write(path, "content")
    assert project.proj("artifact", "push", "model").code == 0
    assert project.proj("artifact", "pull", "model", "LATEST").code == 0
    assert project.read(file) == "content"
    assert project.proj("artifact", "pull", "model", "LATEST", "-o").code == 0


def test_override_replaces_what_a_version_on_the_remote_has(trained: ProjectDir) -> None:
    publish(trained, "1.4.0", "1.5.0")
    done = trained.proj("artifact", "pull", "model", "1.4.0", "--override")
    assert (done.code, "model 1.4.0: pulled (out/model.pkl)" in done.err) == (0, True)
    assert trained.read("out/model.pkl") == "model 1.4.0\n"
    assert "already present" in trained.proj("artifact", "pull", "model", "1.4.0", "-o").err


def test_override_never_loses_what_exists_only_locally(trained: ProjectDir) -> None:
    publish(trained, "1.4.0")
    trained.write("out/model.pkl", "only here")
    done = trained.proj("artifact", "pull", "model", "1.4.0", "-o")
    assert (done.code, "would be lost" in done.err, trained.read("out/model.pkl")) == (1, True, "only here")
    assert trained.proj("artifact", "pull", "model", "1.4.0", "-o", "--force").code == 0
    assert trained.read("out/model.pkl") == "model 1.4.0\n"


def test_override_keeps_the_replaced_file_if_the_new_one_is_damaged(trained: ProjectDir, remote: Path) -> None:
    publish(trained, "1.4.0", "1.5.0")
    (remote / "model_v1.4.0.pkl").write_text("model 1.4.1\n")
    done = trained.proj("artifact", "pull", "model", "1.4.0", "-o")
    assert (done.code, "is damaged" in done.err) == (1, True)
    assert trained.read("out/model.pkl") == "model 1.5.0\n"
    assert [path for path in trained.files() if "proj-new" in path] == []


def test_a_directory_is_pulled_as_archive_or_in_place(trained: ProjectDir) -> None:
    publish(trained, "1.4.0", "1.5.0", name="corpus")
    assert trained.proj("artifact", "pull", "corpus", "1.4.0").code == 0
    assert trained.exists("corpus_v1.4.0.tar.gz")
    assert trained.proj("artifact", "pull", "corpus", "1.4.0", "-o").code == 0
    assert trained.read("out/corpus/a.txt") == "corpus 1.4.0\n" * 2
    assert trained.proj("artifact", "pull", "corpus", "1.5.0", "--out", "elsewhere").code == 0
    assert trained.read("elsewhere/a.txt") == "corpus 1.5.0\n" * 2
    trained.write("elsewhere/b.txt")
    assert trained.proj("artifact", "pull", "corpus", "1.5.0", "--out", "elsewhere").code == 1


def test_out_is_a_file_or_a_directory_that_exists(trained: ProjectDir) -> None:
    publish(trained, "1.4.0")
    trained.write("models/keep")
    assert trained.proj("artifact", "pull", "model", "1.4.0", "--out", "models").code == 0
    assert trained.proj("artifact", "pull", "model", "1.4.0", "--out", "best.pkl").code == 0
    assert trained.read("models/model_v1.4.0.pkl") == trained.read("best.pkl") == "model 1.4.0\n"
    trained.write("best.pkl", "mine")
    done = trained.proj("artifact", "pull", "model", "1.4.0", "--out", "best.pkl")
    assert (done.code, "exists with other content" in done.err, trained.read("best.pkl")) == (1, True, "mine")


def test_all_goes_on_after_a_failure_and_exits_with_1(trained: ProjectDir) -> None:
    assert trained.proj("artifact", "push", "model").code == 0
    done = trained.proj("artifact", "pull", "ALL", "LATEST")
    assert done.code == 1
    assert "no version of `corpus` is on the remote" in done.out
    assert trained.read("model_v1.5.0.pkl") == "one\n"


def test_twenty_artifacts_are_pulled_with_one_call(project: ProjectDir) -> None:
    names = [f"part{number}" for number in range(20)]
    entries = "".join(f"  {name}: {{path: out/{name}.bin}}\n" for name in names)
    project.project(f'version: "1.0.0"\nremotes: {{default: ../remote}}\nartifacts:\n{entries}')
    for name in names:
        project.write(f"out/{name}.bin", name)
    assert project.proj("artifact", "push", "ALL").code == 0
    assert project.proj("artifact", "pull", "ALL", "LATEST").code == 0
    assert [project.read(f"{name}_v1.0.0.bin") for name in names] == names


def test_a_withdrawn_version_is_selected_only_by_its_number(trained: ProjectDir) -> None:
    publish(trained, "1.4.0", "1.5.0")
    assert trained.proj("artifact", "yank", "model", "1.5.0", "--reason", "wrong").code == 0
    assert "model 1.4.0" in trained.proj("artifact", "pull", "model", "LATEST").err
    assert "model 1.4.0" in trained.proj("artifact", "pull", "model", "^1").err
    done = trained.proj("artifact", "pull", "model", "1.5.0")
    assert (done.code, "was withdrawn" in done.err) == (0, True)
    done = trained.proj("artifact", "pull", "model", "~1.5")
    assert (done.code, "available 1.5.0 (withdrawn), 1.4.0" in done.err) == (1, True)
    assert "withdrawn: wrong" in trained.proj("artifact", "list", "model").out
    assert trained.proj("artifact", "yank", "model", "^1").code == 2


def test_python_gets_a_path_or_an_object(trained: ProjectDir) -> None:
    publish(trained, "1.4.0")
    artifacts = Project(trained.path).artifacts
    assert artifacts.pull("model", "LATEST") == trained.path / "model_v1.4.0.pkl"
    trained.remove("model_v1.4.0.pkl")
    assert artifacts.pull("model", "LATEST", load=lambda data: data.decode().split()) == ["model", "1.4.0"]
    assert not trained.exists("model_v1.4.0.pkl")


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "not JSON": lambda manifest: "{",
    "no mapping": lambda manifest: "[]",
    "a higher format": lambda manifest: {**manifest, "format": 2},
    "climbs": lambda manifest: {**manifest, "file": "../../secret"},
    "absolute": lambda manifest: {**manifest, "file": "/etc/passwd"},
    "another version's file": lambda manifest: {**manifest, "file": "model_v1.3.0.pkl"},
    "below our own": lambda manifest: {**manifest, "file": "model_v1.4.0/../../x"},
    "another name": lambda manifest: {**manifest, "name": "other"},
    "another version": lambda manifest: {**manifest, "version": "1.3.0"},
    "a path outside": lambda manifest: {**manifest, "path": "../x"},
    "no digest": lambda manifest: {**manifest, "sha256": "../"},
    "nested": lambda manifest: {**manifest, "git": None, "deep": [[[[[[[[[[1]]]]]]]]]]},
    "a negative size": lambda manifest: {**manifest, "size": -1},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_manifest_is_refused_and_writes_nothing(trained: ProjectDir, remote: Path, kind: str) -> None:
    publish(trained, "1.3.0", "1.4.0")
    file = remote / ".proj" / "artifacts" / "model" / "1.4.0.json"
    changed = HOSTILE[kind](json.loads(file.read_text()))
    file.write_text(changed if isinstance(changed, str) else json.dumps(changed))
    before = trained.files()
    for options in ((), ("-o", "--force"), ("--out", "here.pkl")):
        done = trained.proj("artifact", "pull", "model", "1.4.0", *options)
        assert done.code == 1
        assert "1.4.0.json` " in done.err
    assert {path for path in trained.files() if not path.startswith(".proj")} == {
        path for path in before if not path.startswith(".proj")
    }
    assert trained.proj("artifact", "list", "model").code == 0
    assert trained.proj("artifact", "pull", "model", "1.3.0").code == 0


def test_a_manifest_without_its_file_says_so(trained: ProjectDir, remote: Path) -> None:
    publish(trained, "1.4.0")
    (remote / "model_v1.4.0.pkl").unlink()
    done = trained.proj("artifact", "pull", "model", "1.4.0")
    assert (done.code, "but not its file `model_v1.4.0.pkl`" in done.err) == (1, True)
    assert trained.proj("artifact", "push", "model", "--version", "1.4.0").code == 0
    assert trained.proj("artifact", "pull", "model", "1.4.0").code == 0


def test_an_archive_that_climbs_is_refused(trained: ProjectDir, remote: Path) -> None:
    import io
    import tarfile

    remote.mkdir()
    for member in ("../evil", "/evil", "out/corpus/../../evil", "out/corpus/.git/hooks/pre-commit"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.addfile(tarfile.TarInfo(member), io.BytesIO())
        (remote / "corpus_v1.4.0.tar.gz").write_bytes(buffer.getvalue())
        done = trained.proj("artifact", "pull", "corpus", "1.4.0", "-o", "--force")
        assert done.code == 1
        assert trained.read("out/corpus/a.txt") == "one\none\n"
    assert not (trained.path.parent / "evil").exists()


def test_what_a_user_mistypes_is_a_usage_error(trained: ProjectDir) -> None:
    publish(trained, "1.4.0")
    for words, message in (
        (("modle", "1.4.0"), "did you mean `model`?"),
        (("model", "latest"), "write `LATEST`"),
        (("model", "v1.4.0"), "leave out the `v`"),
        (("model",), "the version is missing"),
        ((), "the name of the artifact is missing"),
        (("model", "1.4.0", "-o", "--out", "x"), "exclude each other"),
    ):
        done = trained.proj("artifact", "pull", *words)
        assert (done.code, message in done.err) == (2, True)


def test_a_project_version_may_be_in_a_file(trained: ProjectDir) -> None:
    publish(trained, "1.4.0")
    trained.project(trained.read("project.yml").replace('version: "1.5.0"', "version: {file: VERSION}"))
    assert "`VERSION` does not exist" in trained.proj("artifact", "pull", "model", "LATEST").err
    trained.write("VERSION", "1.4.2\n")
    assert trained.proj("artifact", "pull", "model", "LATEST").code == 0
    assert trained.proj("version", "bump", "minor").err == "✔ 1.4.2 → 1.5.0\n"
    assert trained.read("VERSION") == "1.5.0\n"


def test_a_bump_keeps_comments(project: ProjectDir) -> None:
    project.project('# ours\nversion: "1.4.2"   # of the model\ncommands: []\n')
    assert project.proj("version").out == "1.4.2\n"
    assert project.proj("version", "bump", "major").code == 0
    assert project.read("project.yml") == '# ours\nversion: "2.0.0"   # of the model\ncommands: []\n'


@pytest.mark.parametrize("text", ["3", "1.0", "[1, 2]", "{a: 1}", "'>=3'"])
def test_a_version_of_another_kind_is_tolerated(project: ProjectDir, text: str) -> None:
    project.project(f"version: {text}\ncommands: [{{name: a, script: [echo done]}}]\n")
    assert project.proj("run", "a").code == 0
    done = project.proj("validate")
    assert (done.code, "`version` is ignored" in done.err) == (0, True)


def test_a_name_and_a_version_may_be_one_word_or_two(trained: ProjectDir) -> None:
    publish(trained, "1.4.0", "1.5.0")
    assert trained.proj("artifact", "alias", "model@1.5.0", "best").code == 0
    for words in (["model@1.5.0"], ["model", "1.5.0"], ["model@best"], ["model", "@best"]):
        done = trained.proj("artifact", "pull", *words, "--override", "--force")
        assert (done.code, "model 1.5.0: " in done.err) == (0, True), (words, done.err)
        assert trained.proj("artifact", "show", *words, "--json").json["version"] == "1.5.0", words
        assert trained.proj("artifact", "verify", *words).code == 0
    done = trained.proj("artifact", "show", "model", "elsewhere")
    assert (done.code, "`elsewhere` is not a directory" in done.err) == (2, True), done.err
