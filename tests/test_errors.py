"""The error tree in the docstring of errors.py is true, and every error of it reaches a user."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cloudpathlib.local import LocalS3Path
from pages.blocks import ROOT
from pages.errors import classes, explained, provoked
from pages.errors import errors as errors_page
from pages.sessions import matches

from weaselish import errors
from weaselish.cancel import Cancel
from weaselish.engine.time_limit import TimeLimit
from weaselish.errors import ProjError
from weaselish.executors.containers.engine import Engine
from weaselish.files.walk import Walker
from weaselish.stores.cloudpath import CloudPathStore


def documented() -> dict[str, tuple[str, int]]:
    """Return the parent and exit code of each class in the docstring."""
    tree: dict[str, tuple[str, int]] = {}
    ancestors: list[str] = ["Exception"]
    for indent, name, code in re.findall(r"^\|( +)(\w+) +(\d)  ", errors.__doc__ or "", re.MULTILINE):
        del ancestors[len(indent) :]
        tree[name] = (ancestors[-1], int(code))
        ancestors.append(name)
    return tree


def defined() -> dict[str, tuple[str, int]]:
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, ProjError)]
    return {one.__name__: (one.__base__.__name__ if one.__base__ else "", one.exit_code) for one in classes}


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert documented() == defined()


# -- errors that pages/errors.py does not provoke --------------------------------------------------------------------


def cannot_copy(scratch: Path) -> None:
    CloudPathStore(LocalS3Path("s3://bucket"), remote="remote `other`").copy("a", "b")


def too_long(scratch: Path) -> None:
    TimeLimit(0.0).hashing("a", 1)


def vanished(scratch: Path) -> None:
    Walker(scratch, Cancel()).walk("gone", bytes(scratch / "gone"), "dep")


def no_answer(scratch: Path) -> None:
    docker = scratch / "docker"
    docker.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    docker.chmod(0o755)
    Engine(str(docker), "box", {})._run("info", within=0.05)


CAUSES: dict[str, Callable[[Path], None]] = {
    "CannotCopy": cannot_copy,
    "TooLong": too_long,
    "Vanished": vanished,
    "NoAnswer": no_answer,
}
ELSEWHERE = {  # class -> the file of tests that provokes it, and a word in it
    "NoLocks": ("locks/test_flock.py", "raises(NoLocks)"),
    "PassingError": ("stores/test_cloud.py", "raises(PassingError"),
    "Expired": ("engines/kubernetes.py", '"code": 410'),
    "NotAdmitted": ("serve/access/test_oidc.py", "is not allowed here"),
}


def test_every_error_is_provoked_and_in_the_catalogue() -> None:
    catalogue = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert matches(catalogue, errors_page()), "run `make docs`"
    names = {one.__name__ for one in classes()}
    assert names == provoked().keys() | CAUSES.keys() | ELSEWHERE.keys()
    assert [name for name in names if f"### {name}\n" not in catalogue and f"| `{name}` |" not in catalogue] == []
    assert [name for name, one in provoked().items() if name not in one.raised] == []
    for name, (file, word) in ELSEWHERE.items():
        assert word in (ROOT / "tests" / file).read_text("utf-8"), name


def test_every_error_says_what_it_means_and_how_to_mend_it() -> None:
    every = [explained(one) for one in classes()]
    assert [one.name for one in every if not one.meaning] == []
    assert {one.name for one in every if not one.cure} == {"CannotCopy", "TooLong", "Expired"}


@pytest.mark.parametrize("name", CAUSES)
def test_an_error_that_users_rarely_see_can_be_caused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjError) as caught:
        CAUSES[name](tmp_path)
    assert type(caught.value).__name__ == name


def test_a_message_shows_control_characters_escaped(tmp_path: Path) -> None:
    error = ProjError("no file `\x1b[31m\n\u202ea`", hint="\a")
    assert (error.message, error.hint, str(error)) == (
        "no file `\\x1b[31m\\n\\u202ea`",
        "\\x07",
        "no file `\\x1b[31m\\n\\u202ea`",
    )
