"""Assets that are files and directories nearby, objects in buckets, whatever fsspec knows, or private."""

from __future__ import annotations

import os
from hashlib import md5
from pathlib import Path

import pytest
from harness import ProjectDir
from servers import Server, s3_client
from stores.conftest import BUCKET, moto  # noqa: F401 - a fixture

import weaselish
from assets.conftest import left_beside
from weaselish.compat.weasel import digest


def test_files_and_directories_are_copied(project: ProjectDir, tmp_path: Path) -> None:
    (tmp_path / "far away").mkdir()
    (tmp_path / "far away/a.txt").write_text("a")
    os.symlink("a.txt", tmp_path / "far away/link")
    project.write("near/b.txt", "b")
    project.project(f"""\
        assets:
          - {{dest: one, url: "{tmp_path}/far away"}}
          - {{dest: two, url: near}}
          - {{dest: three/c.txt, url: ./near/b.txt}}
          - {{dest: four.txt, url: "{(tmp_path / "far away/a.txt").as_uri()}"}}
          - {{dest: five, url: ./missing}}
          - {{dest: near/inside, url: near}}
          - {{dest: six, url: "file://elsewhere/x"}}
        """)
    done = project.proj("assets")
    assert (done.code, done.err.splitlines()[-1]) == (1, "4 fetched, 3 failed")
    assert "✘ five: `./missing` does not exist\n" in done.err
    assert "✘ near/inside: `near` and the path to copy it to contain each other\n" in done.err
    assert (project.read("one/link"), project.read("two/b.txt")) == ("a", "b")
    assert (project.read("three/c.txt"), project.read("four.txt")) == ("b", "a")
    assert left_beside(project.path) == []
    assert project.proj("assets").err.splitlines()[-1] == "4 already present, 3 failed"


def test_existing_files_that_proj_did_not_fetch_are_left_unchanged(project: ProjectDir) -> None:
    project.write("source.txt", "new")
    project.write("a.txt", "mine")
    project.write("empty.txt")
    project.project("assets: [{dest: a.txt, url: source.txt}, {dest: empty.txt, url: source.txt}]")
    done = project.proj("assets")
    assert (done.code, done.err.splitlines()[-1]) == (0, "1 fetched, 1 left")
    assert (project.read("a.txt"), project.read("empty.txt")) == ("mine", "new")
    project.proj("assets", "--force")
    assert project.read("a.txt") == "new"


def test_no_assets_is_a_warning(project: ProjectDir) -> None:
    project.project("title: Nothing")
    done = project.proj("assets")
    assert (done.code, done.err) == (0, "warning: project.yml has no assets\n")
    assert not project.exists(".proj")


def test_private_assets_are_checked_and_nothing_is_written(project: ProjectDir) -> None:
    right = md5(b"right").hexdigest().upper()
    project.project(f"assets: [{{dest: a, checksum: {right}}}, {{dest: b, checksum: {right}}}, {{dest: c}}]")
    for name in ("a", "c"):
        project.write(name, "right")
    project.write("b", "wrong")
    done = project.proj("assets")
    assert (done.code, done.err.splitlines()[-1]) == (1, "2 already present, 1 failed")
    assert f"✘ b: wrong checksum: expected {right.lower()}, found {md5(b'wrong').hexdigest()}\n" in done.err
    assert not project.exists(".proj")


def test_dests_in_one_another_are_fetched_in_the_order_of_the_file(project: ProjectDir) -> None:
    project.write("dir/x.txt", "x")
    project.write("file.txt", "f")
    project.project("assets: [{dest: d, url: dir}, {dest: d/y.txt, url: file.txt}, {dest: d, url: file.txt}]")
    assert project.proj("assets").err.splitlines()[-1] == "2 fetched"
    assert sorted(os.listdir(project.path / "d")) == ["x.txt", "y.txt"]


def test_a_directory_s_checksum(project: ProjectDir) -> None:
    project.write("dir/x.txt", "x")
    right = digest(project.path / "dir")
    project.project(f"assets: [{{dest: d, url: dir, checksum: {right}}}]")
    assert project.proj("assets").code == 0
    project.write("d/x.txt", "changed")
    assert project.proj("assets").err == "✔ d: fetched, 1 B\n1 fetched\n"


def test_any_scheme_that_fsspec_knows(project: ProjectDir) -> None:
    import fsspec

    with fsspec.open("memory://place/a.txt", "wb") as file:
        file.write(b"remembered")
    project.project("""\
        assets:
          - {dest: a, url: "memory://place/a.txt"}
          - {dest: b, url: "memory://place/b.txt"}
          - {dest: c, url: "nonsense://place/c.txt"}
        """)
    done = project.proj("assets")
    assert (done.code, done.err.splitlines()[-1]) == (1, "1 fetched, 2 failed")
    assert project.read("a") == "remembered"
    assert "✘ b: cannot fetch `memory://place/b.txt`: " in done.err
    assert "✘ c: cannot fetch `nonsense://place/c.txt`: Protocol not known: nonsense" in done.err


def test_without_fsspec_the_message_names_what_to_install(project: ProjectDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    project.project("assets: [{dest: a, url: 'ftp://example.org/a'}]")
    done = project.proj("assets")
    assert (done.code, done.err) == (
        1,
        "✘ a: `ftp://example.org/a`: `ftp://` needs a library that is not installed (`fsspec`)\n"
        "  hint: pip install fsspec, with what it needs for `ftp://`\n1 failed\n",
    )


@pytest.mark.servers
def test_an_object_in_a_bucket_uses_the_options_of_the_remote_in_it(project: ProjectDir, moto: Server) -> None:  # noqa: F811
    s3_client(moto).put_object(Bucket=BUCKET, Key="far/away.bin", Body=b"stored")
    environ = {name: text for name, text in moto.environ.items() if "ENDPOINT" not in name}
    project.environ.update({**environ, "AWS_EC2_METADATA_DISABLED": "true"})
    project.project(f"""\
        remotes: {{lab: {{url: "s3://{BUCKET}/elsewhere", endpoint_url: "{moto.url}"}}}}
        assets:
          - {{dest: a, url: "s3://{BUCKET}/far/away.bin", checksum: {md5(b"stored").hexdigest()}}}
          - {{dest: b, url: "s3://{BUCKET}/far/gone.bin"}}
          - {{dest: c, url: "s3://{BUCKET}"}}
        """)
    done = project.proj("assets")
    assert (done.code, done.err.splitlines()[-1]) == (1, "1 fetched, 2 failed")
    assert project.read("a") == "stored"
    assert f"✘ c: `s3://{BUCKET}` does not name an object\n" in done.err


def test_from_python_as_scripts_of_weasel_projects_do(project: ProjectDir, capsys: pytest.CaptureFixture[str]) -> None:
    project.write("source.txt", "new")
    project.project("vars: {from: none}\nassets: [{dest: a.txt, url: '${vars.from}'}]")
    weaselish.project_assets(project.path, overrides={"vars.from": "source.txt"})
    assert project.read("a.txt") == "new"
    (project.path / "a.txt").unlink()
    with pytest.raises(SystemExit, match="1"):
        weaselish.project_assets(project.path)
    assert "a.txt: `none` does not exist" in capsys.readouterr().out
