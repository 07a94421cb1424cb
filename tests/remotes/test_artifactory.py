"""`proj push`, `pull`, `ls` and `remote test` with Artifactory. The server is a fake."""

from __future__ import annotations

from collections.abc import Iterator

import artifactory_fake
import pytest
from artifactory_fake import DEPLOYER_TOKEN, TOKEN, Fake
from harness import ProjectDir

PROJECT = """\
remotes:
  default:
    url: {url}
    auth: {{type: bearer, token: "env:JF_TOKEN"}}
commands:
  - {{name: make, script: [cp a b], deps: [a], outputs: [b]}}
"""


@pytest.fixture
def fake() -> Iterator[Fake]:
    with artifactory_fake.serving() as fake:
        yield fake


@pytest.fixture
def made(project: ProjectDir, fake: Fake) -> ProjectDir:
    project.project(PROJECT.format(url=fake.url("ml-models/iris")))
    project.write("a", "text")
    project.environ["JF_TOKEN"] = TOKEN
    assert project.proj("run", "make").code == 0
    return project


@pytest.mark.parametrize("is_pro", [True, False])
def test_what_was_pushed_is_listed_and_pulled(made: ProjectDir, fake: Fake, is_pro: bool) -> None:
    fake.is_pro = is_pro
    pushed = made.proj("push")
    assert pushed.code == 0, pushed.err
    assert all(key.startswith("iris/") for key in fake.repositories["ml-models"])
    assert "make" in made.proj("ls").out
    made.remove("b")
    assert made.proj("pull").code == 0
    assert made.read("b") == "text"
    assert TOKEN not in pushed.out + pushed.err


def test_remote_test_says_where_the_login_comes_from_and_not_what_it_is(made: ProjectDir) -> None:
    done = made.proj("remote", "test", "default")
    assert done.code == 0, done.err
    assert "credentials: `auth:` in project.yml: `env:JF_TOKEN`" in done.out
    assert TOKEN not in done.out + done.err


def test_a_login_without_the_right_to_overwrite_is_enough_to_push(made: ProjectDir) -> None:
    made.environ["JF_TOKEN"] = DEPLOYER_TOKEN
    for _ in range(2):
        assert made.proj("push").code == 0


def test_a_wrong_token_is_an_error_that_does_not_show_it(made: ProjectDir) -> None:
    made.environ["JF_TOKEN"] = "wr0ng-token"
    done = made.proj("push")
    assert done.code == 1
    assert "access refused (401: Bad credentials)" in done.err and "hint: check that the login" in done.err
    assert "wr0ng-token" not in done.out + done.err
