"""`proj remote add`, `list`, `show`, `test`, `rename` and `remove`, with directories as remotes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cli.screen import Screen
from harness import ProjectDir

from weaselish.files import yaml12

from .conftest import files, write_private

SECRET = "hunter2-of-the-tests"
WEB = "https://example.org/artifactory/models"


def data(path: Path) -> object:
    return yaml12.read(path.read_bytes(), file=path.name)[0]


def test_a_directory_is_added_tested_and_used_in_another_project(project: ProjectDir, config: Path) -> None:
    missing = project.proj("remote", "add", "shared", "../shared")
    directory = project.path.parent / "shared"
    assert missing.code == 1
    assert missing.err == (f"error: the directory `{directory}` does not exist\n  hint: `--create-bucket` creates it\n")
    assert files(config) == {}
    added = project.proj("remote", "add", "shared", "../shared", "--create-bucket")
    assert added.code == 0, added.err
    assert data(config / "config.yml") == {"remotes": {"shared": str(directory)}}
    assert not (config / "credentials.yml").exists()
    project.proj("run", "make")
    assert project.proj("push", "shared").code == 0
    other = project.beside("other")
    for name in ("project.yml", "make.sh"):
        other.write(name, project.read(name))
    assert other.proj("pull", "shared").code == 0
    assert other.read("out") == "made\n"
    assert other.proj("ls", "shared").code == 0


def test_the_commands_need_no_project(project: ProjectDir, config: Path, tmp_path: Path) -> None:
    project.remove("project.yml")
    assert project.proj("remote", "list").err == "you have no remotes\n"
    assert project.proj("remote", "add", "disk", str(tmp_path)).code == 0
    assert project.proj("remote", "list", "--json").json[0]["from"] == "config.yml"
    assert project.proj("remote", "show", "disk", "--json").json == [
        {"name": "url", "value": str(tmp_path), "from": f"{config}/config.yml"}
    ]
    tested = project.proj("remote", "test", "--json").json
    assert [step["name"] for step in tested[0]["steps"]] == ["list", "write", "read back", "delete"]
    assert project.proj("remote", "test", str(tmp_path)).code == 0
    assert project.proj("remote", "rename", "disk", "drive").code == 0
    assert project.proj("remote", "remove", "drive").err == "✔ removed `drive` from your remotes; what it holds stays\n"
    assert project.proj("remote", "test").code == 2


def test_the_projects_remote_hides_the_users(project: ProjectDir, config: Path, tmp_path: Path) -> None:
    (tmp_path / "of-user").mkdir()
    added = project.proj("remote", "add", "shared", str(tmp_path / "of-user"))
    assert added.code == 0, added.err
    project.project(project.read("project.yml") + "remotes: {shared: ../of-project}\n")
    listed = project.proj("remote", "list")
    assert [line.split() for line in listed.out.splitlines()[2:]] == [
        ["shared", "../of-project", "project.yml"],
        ["shared", str(tmp_path / "of-user"), "config.yml", "hidden", "by", "project.yml"],
    ]
    assert project.proj("remote", "show", "shared", "--json").json[0]["value"] == "../of-project"
    assert project.proj("remote", "show", "shared", "--global", "--json").json[0]["value"] == str(tmp_path / "of-user")
    project.environ["PROJ_REMOTE_SHARED_URL"] = str(tmp_path / "of-environment")
    assert project.proj("remote", "show", "shared", "--json").json == [
        {"name": "url", "value": str(tmp_path / "of-environment"), "from": "the variable PROJ_REMOTE_SHARED_URL"}
    ]
    project.proj("run", "make")
    assert project.proj("push", "shared").code == 0
    assert (tmp_path / "of-environment").is_dir()
    assert not (tmp_path / "of-user" / ".proj").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x"], "the name and the URL of the remote are both needed"),
        (["a/b", "/tmp"], "`a/b` is not a valid name of a remote"),
        (["local", "/tmp"], "`local` is the name of your run cache"),
        (["x", "s4://b"], "`s4://` is not supported as a remote"),
        (["x", f"s3://me:{SECRET}@bucket/x"], "the URL contains a user, a password or a query"),
        (["x", f"https://me:{SECRET}@host/x"], "the URL contains a user, a password or a query"),
        (["x", "s3://b", "--access-key", "a"], "`--access-key` needs `--secret-key`"),
        (["x", "s3://b", "--secret-key", SECRET], "`--secret-key` needs `--access-key`"),
        (["x", "s3://b", "--password", "-", "--user", "me"], "`--user` means nothing for `s3://b`"),
        (["x", "/tmp", "--access-key", "a", "--secret-key", SECRET], "`--access-key` means nothing for `/tmp`"),
        (["x", "gs://b", "--token", "-"], "`--token` means nothing for `gs://b`"),
        (["x", WEB, "--access-key", "a", "--secret-key", SECRET], f"`--access-key` means nothing for `{WEB}`"),
        (["x", WEB, "--user", "me"], "`--user` needs `--password`"),
        (["x", WEB, "--token", SECRET], "`--token` takes no secret: other users could see it in the list of processes"),
        (["x", WEB, "--user", "me", "--password", SECRET], "`--password` takes no secret: other users could see it in"),
        (["x", WEB, "--token", "env:"], "`token`: `env:` needs the name of an environment variable"),
        (["x", WEB, "--token", "-", "--user", "me", "--password", "-"], "`--token` excludes `--user` and `--password`"),
        (["x", WEB, "--token", "-"], "the value of `--token` is empty"),
        (["x", "s3://b", "--access-key", "a", "--secret-key", "env:X"], "`--secret-key` takes the key itself, not a"),
        (["x", "s3://b", "--endpoint", f"http://me:{SECRET}@h:1"], "the endpoint is not the address of a server"),
        (["x", "s3://b", "--endpoint", "h:99999"], "the endpoint is not the address of a server"),
        (["x", "/tmp", "--region", "r"], "remote `x`: `region:` means nothing for `/tmp`"),
        (["x", "/tmp", "--keyring"], "`--keyring` needs credentials to store"),
        (["x", "/tmp", "--no-test", "--create-bucket"], "`--create-bucket` and `--no-test` exclude each other"),
        (
            ["x", "s3://b", "--profile", "p", "--access-key", "a", "--secret-key", SECRET],
            "`--profile` and `--access-key` exclude each other",
        ),
    ],
)
def test_a_wrong_command_line_stores_nothing(project: ProjectDir, config: Path, words: list[str], message: str) -> None:
    done = project.proj("remote", "add", *words)
    assert done.code in (1, 2)
    assert f"error: {message}" in done.err
    assert "Traceback" not in done.err
    assert SECRET not in done.out + done.err
    assert files(config) == {}


def test_secrets_are_read_from_standard_input_in_their_order(project: ProjectDir, config: Path) -> None:
    words = ["lab", "s3://b/x", "--access-key", "AK", "--secret-key", "-", "--no-test"]
    assert project.process("remote", "add", *words, stdin=f"{SECRET}\nmore\n").code == 0
    words = ["jfrog", WEB, "--user", "me", "--password", "-", "--no-test"]
    assert project.process("remote", "add", *words, stdin=SECRET).code == 0
    assert data(config / "credentials.yml") == {
        "lab": {"access_key": "AK", "secret_key": SECRET},
        "jfrog": {"user": "me", "password": SECRET},
    }
    assert stat.S_IMODE((config / "credentials.yml").stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert SECRET not in (config / "config.yml").read_text()


def test_a_terminal_asks_for_a_secret_and_does_not_show_it(project: ProjectDir, config: Path) -> None:
    screen = Screen(project, "remote", "add", "jfrog", WEB, "--token", "-", "--no-test")
    screen.sees("token of `jfrog`:")
    screen.types(f"{SECRET}\n")
    assert screen.ends() == 0, screen.text
    assert SECRET.encode() not in screen.raw
    assert data(config / "credentials.yml") == {"jfrog": {"token": SECRET}}


def test_a_reference_is_kept_in_place_of_a_secret(project: ProjectDir, config: Path) -> None:
    project.proj("remote", "add", "a", WEB, "--token", "env:MY_TOKEN", "--no-test")
    project.proj("remote", "add", "b", WEB, "--user", "me", "--password", "cmd:pass show b", "--no-test")
    assert data(config / "config.yml") == {
        "remotes": {
            "a": {"url": WEB, "auth": {"type": "bearer", "token": "env:MY_TOKEN"}},
            "b": {"url": WEB, "auth": {"type": "basic", "user": "me", "password": "cmd:pass show b"}},
        }
    }
    assert project.proj("remote", "show", "a", "--json").json[-1] == {
        "name": "token",
        "value": None,
        "from": "`auth:` in config.yml: `env:MY_TOKEN`",
    }


@pytest.mark.parametrize(
    ("endpoint", "url", "is_encrypted"),
    [
        ("192.168.1.50:9000", "http://192.168.1.50:9000", False),
        ("localhost:9000", "http://localhost:9000", False),
        ("[::1]:9000", "http://[::1]:9000", False),
        ("10.0.0.1", "http://10.0.0.1", False),
        ("s3.example.org", "https://s3.example.org", True),
        ("8.8.8.8:9000", "https://8.8.8.8:9000", True),
        ("minio:9000", "https://minio:9000", True),
        ("http://minio:9000", "http://minio:9000", False),
        ("https://192.168.1.50:9000/s3", "https://192.168.1.50:9000/s3", True),
    ],
)
def test_a_bare_address_is_http_only_in_a_private_network(
    project: ProjectDir, config: Path, endpoint: str, url: str, is_encrypted: bool
) -> None:
    done = project.proj("remote", "add", "lab", "s3://bucket", "--endpoint", endpoint, "--no-test")
    assert data(config / "config.yml") == {"remotes": {"lab": {"url": "s3://bucket", "endpoint_url": url}}}
    assert (f"warning: the connection to `{url}` is not encrypted\n" in done.err) is not is_encrypted


def test_a_name_that_exists_is_replaced_only_with_force(project: ProjectDir, config: Path) -> None:
    words = ["lab", "s3://b", "--access-key", "AK", "--secret-key", "old-secret", "--no-test"]
    project.proj("remote", "add", *words)
    before = files(config)
    done = project.proj("remote", "add", "lab", "s3://other", "--no-test")
    assert (done.code, files(config)) == (2, before)
    assert "error: a remote `lab` exists in `" in done.err
    assert "hint: `--force` replaces it" in done.err
    words = ["lab", "s3://other", "--access-key", "AK", "--secret-key", "new-secret", "--no-test", "--force"]
    assert project.proj("remote", "add", *words).code == 0
    assert data(config / "config.yml") == {"remotes": {"lab": "s3://other"}}
    assert data(config / "credentials.yml") == {"lab": {"access_key": "AK", "secret_key": "new-secret"}}


def test_credentials_follow_their_remote(project: ProjectDir, config: Path) -> None:
    for name in ("a", "b"):
        words = [name, "s3://b", "--access-key", f"AK-{name}", "--secret-key", "some-secret", "--no-test"]
        project.proj("remote", "add", *words)
    project.proj("remote", "add", "user-of-a", "s3://b", "--profile", "a", "--no-test")
    assert project.proj("remote", "rename", "a", "b").code == 2
    assert project.proj("remote", "rename", "nowhere", "c").code == 2
    assert project.proj("remote", "rename", "a", "c").code == 0
    assert data(config / "config.yml") == {
        "remotes": {"b": "s3://b", "user-of-a": {"url": "s3://b", "profile": "c"}, "c": "s3://b"}
    }
    assert project.proj("remote", "remove", "c").err.endswith("  its credentials stay, because `user-of-a` uses them\n")
    assert project.proj("remote", "remove", "user-of-a").code == 0
    assert data(config / "credentials.yml") == {
        "b": {"access_key": "AK-b", "secret_key": "some-secret"},
        "c": {"access_key": "AK-a", "secret_key": "some-secret"},
    }
    assert project.proj("remote", "remove", "b").code == 0
    assert data(config / "config.yml") == {"remotes": None}


def test_comments_and_order_of_the_file_stay(project: ProjectDir, config: Path) -> None:
    text = "# mine\nremotes:\n  # the first\n  a: /a  # near\n\n  # the second\n  b:\n    url: /b\n\n# end\nx-note: 1\n"
    write_private(config / "config.yml", text)
    project.proj("remote", "add", "c", "s3://c", "--region", "r", "--no-test")
    added = "  c:\n    url: s3://c\n    region: r\n"
    assert (config / "config.yml").read_text() == text.replace("    url: /b\n", f"    url: /b\n{added}")
    project.proj("remote", "remove", "c")
    assert (config / "config.yml").read_text() == text
    project.proj("remote", "remove", "b")
    assert (config / "config.yml").read_text() == text.replace("  b:\n    url: /b\n", "")


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "remotes:\n", "remotes: {a: /a}\n", "x-a: 1", "remotes: &r {a: /a}\nx-b: *r\n"]
)
def test_any_layout_of_the_file_can_be_extended(project: ProjectDir, config: Path, text: str) -> None:
    write_private(config / "config.yml", text)
    done = project.proj("remote", "add", "b", "s3://b", "--no-test")
    assert done.code == 0, done.err
    names = [remote["name"] for remote in project.proj("remote", "list", "--json").json]
    assert names == (["a", "b"] if "/a" in text else ["b"])


def test_two_processes_that_add_at_once_lose_nothing(project: ProjectDir, config: Path) -> None:
    started = [
        project.start(
            *("remote", "add", f"lab-{number}", f"s3://bucket-{number}", "--access-key", "AK", "--secret-key", "-"),
            "--no-test",
            stdin=f"secret-{number}\n",
        )
        for number in range(6)
    ]
    assert [one.wait().code for one in started] == [0] * 6
    assert len(project.proj("remote", "list", "--json").json) == 6
    stored = data(config / "credentials.yml")
    assert stored == {f"lab-{n}": {"access_key": "AK", "secret_key": f"secret-{n}"} for n in range(6)}


@pytest.mark.parametrize("name", ["config.yml", "credentials.yml"])
def test_a_broken_file_is_reported_and_stays(project: ProjectDir, config: Path, name: str) -> None:
    write_private(config / name, "remotes: [a\n" if name == "config.yml" else f"lab: {{secret_key: {SECRET}\n")
    before = files(config)
    for words in (
        ["add", "x", "s3://b", "--no-test"],
        ["add", "x", "s3://b", "--access-key", "a", "--secret-key", "some-secret", "--no-test"],
        ["rename", "a", "b"],
        ["remove", "a"],
    ):
        done = project.proj("remote", *words)
        assert done.code == 2
        assert f"{config}/{name}:2:1: error: this is not" in done.err
        assert SECRET not in done.err
        assert files(config) == before


def test_a_file_that_others_can_read_is_refused_and_stays(project: ProjectDir, config: Path) -> None:
    write_private(config / "credentials.yml", f"lab: {{access_key: a, secret_key: {SECRET}}}\n")
    write_private(config / "config.yml", "remotes: {lab: 's3://b'}\n")
    (config / "credentials.yml").chmod(0o644)
    before = files(config)
    for words in (
        ["remote", "add", "x", "s3://b", "--no-test"],
        ["remote", "test", "lab"],
        ["remote", "show", "lab"],
        ["remote", "remove", "lab"],
        ["ls", "lab"],
        ["push", "lab", "--json"],
    ):
        project.proj("run", "make")
        done = project.proj(*words)
        assert done.code == 1
        assert f"chmod 600 {config}/credentials.yml" in done.err
        assert SECRET not in done.out + done.err
    assert files(config) == before


def test_a_link_stays_a_link(project: ProjectDir, config: Path, tmp_path: Path) -> None:
    write_private(tmp_path / "dotfiles" / "config.yml", "remotes: {a: /a}\n")
    config.mkdir()
    (config / "config.yml").symlink_to(tmp_path / "dotfiles" / "config.yml")
    project.proj("remote", "add", "b", "s3://b", "--no-test")
    assert (config / "config.yml").is_symlink()
    assert data(tmp_path / "dotfiles" / "config.yml") == {"remotes": {"a": "/a", "b": "s3://b"}}


def test_a_directory_that_cannot_be_written_is_an_error(project: ProjectDir, config: Path) -> None:
    config.write_text("a file, not a directory")
    done = project.proj("remote", "add", "b", "s3://b", "--no-test")
    assert done.code in (1, 2)
    assert "error: " in done.err
