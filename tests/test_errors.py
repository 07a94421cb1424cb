"""The error tree in the docstring of errors.py is true, and every error of it reaches a user."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cloudpathlib.local import LocalS3Path
from harness import ProjectDir

from weaselish import Project, errors
from weaselish.cancel import Cancel
from weaselish.engine.write_paths import check_asset_path
from weaselish.errors import ProjError
from weaselish.locks.step_locks import hold_locks
from weaselish.stores.cloudpath import CloudPathStore
from weaselish.stores.directory import DirectoryStore
from weaselish.workspace import Workspace


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


def invalid_override(project: ProjectDir) -> None:
    Project(project.path, overrides={"vars.none": "1"}).status()


def unknown_name(project: ProjectDir) -> None:
    Project(project.path).run("cpoy")


def usage_error(project: ProjectDir) -> None:
    Project(project.path / "nowhere").status()


def invalid_project(project: ProjectDir) -> None:
    project.project("commands: 5\n")
    Project(project.path).status()


def missing_dep(project: ProjectDir) -> None:
    project.remove("in")
    Project(project.path).run("copy")


def unsafe_path(project: ProjectDir) -> None:
    (project.path / "link").symlink_to(project.path.parent)
    check_asset_path(Workspace.open(project.path), "link/out")


def broken_state(project: ProjectDir) -> None:
    project.write("project.lock", ".proj: {format: 99}\n")
    Project(project.path).run("copy")


def busy(project: ProjectDir) -> None:
    locks = project.path / ".proj" / "locks"
    Project(project.path).run("copy")

    def hold(name: str) -> contextlib.AbstractContextManager[object]:
        return hold_locks(
            locks, name, writes=("out",), reads=(), on_wait=lambda holder: None, cancel=Cancel(), wait=False
        )

    with hold("copy"), hold("other"):
        pass


def store_error(project: ProjectDir) -> None:
    project.project(project.read("project.yml") + "remotes: {default: {url: ../remote, read_only: true}}\n")
    Project(project.path).push()


def no_match(project: ProjectDir) -> None:
    Project(project.path).plan("nothing*")


def not_in_store(project: ProjectDir) -> None:
    b"".join(DirectoryStore(project.path).get("a/b"))


def cannot_copy(project: ProjectDir) -> None:
    CloudPathStore(LocalS3Path("s3://bucket"), remote="remote `other`").copy("a", "b")


CAUSES: dict[str, Callable[[ProjectDir], None]] = {
    "InvalidOverride": invalid_override,
    "UnknownName": unknown_name,
    "UsageError": usage_error,
    "InvalidProject": invalid_project,
    "MissingDep": missing_dep,
    "UnsafePath": unsafe_path,
    "BrokenState": broken_state,
    "Busy": busy,
    "StoreError": store_error,
    "NotInStore": not_in_store,
    "CannotCopy": cannot_copy,
    "NoMatch": no_match,
}


def test_every_error_has_a_cause() -> None:
    assert CAUSES.keys() == defined().keys() - {"ProjError"}


@pytest.mark.parametrize("name", CAUSES)
def test_a_user_can_cause_each_error(project: ProjectDir, name: str) -> None:
    project.project("commands: [{name: copy, script: [cp in out], deps: [in], outputs: [out]}]\n")
    project.write("in", "1")
    with pytest.raises(ProjError) as caught:
        CAUSES[name](project)
    assert type(caught.value).__name__ == name


def test_a_message_shows_control_characters_escaped(tmp_path: Path) -> None:
    error = ProjError("no file `\x1b[31m\n\u202ea`", hint="\a")
    assert (error.message, error.hint, str(error)) == (
        "no file `\\x1b[31m\\n\\u202ea`",
        "\\x07",
        "no file `\\x1b[31m\\n\\u202ea`",
    )
