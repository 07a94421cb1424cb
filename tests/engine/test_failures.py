"""Known causes of failures in the output of a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from weaselish.engine.run.failures import failure, known_cause
from weaselish.engine.run.missing_module import missing_module
from weaselish.executors.base import Ending, Outcome
from weaselish.model.project import Command

NO_MODULE = b"""Traceback (most recent call last):
  File "/x/train.py", line 1, in <module>
    import numpy.linalg
ModuleNotFoundError: No module named 'numpy'
"""
NO_INPUT = b"""Name? Traceback (most recent call last):
  File "<string>", line 1, in <module>
EOFError: EOF when reading a line
"""


ROOT = Path("/nonexistent")


def test_a_missing_module_is_reported_with_the_python_that_ran_and_what_installs_it(tmp_path: Path) -> None:
    def cause(python: str | None) -> str | None:
        return known_cause("train", NO_MODULE, python, tmp_path, has_stdin=True)

    assert cause("/v/bin/python") == (
        "`/v/bin/python` has no module `numpy`: "
        "`/v/bin/python -m pip install numpy` may install it, if the package has that name"
    )
    assert cause(None) == "the module `numpy` is not installed"
    (tmp_path / "requirements.txt").write_text("numpy\n")
    install = ".venv/bin/python -m pip install -r requirements.txt"
    assert cause("/v/bin/python") == (
        f"`/v/bin/python` has no module `numpy`: `python -m venv .venv && {install}` installs what the project requires"
    )
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    own.with_name("pip").touch()
    assert cause(str(own)) == (
        f"`.venv/bin/python` has no module `numpy`: `{install}` installs what the project requires; "
        "`.venv/bin/python -m pip install numpy` may install it, if the package has that name"
    )
    assert cause("/v/bin/python") == (
        "`/v/bin/python` has no module `numpy`: "
        "`deactivate` leaves that environment, so that the project's .venv is used"
    )


@pytest.mark.parametrize(
    ("module", "package"),
    [("yaml", "pyyaml"), ("sklearn.svm", "scikit-learn"), ("cv2", "opencv-python"), ("PIL", "pillow")],
)
def test_the_package_of_a_module_with_another_name_is_named(module: str, package: str) -> None:
    cause = missing_module(module, "/v/bin/python", ROOT)
    assert cause == f"`/v/bin/python` has no module `{module}`: `/v/bin/python -m pip install {package}` installs it"


def test_an_environment_of_uv_has_no_pip(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").touch()
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    uv = "uv pip install --python .venv/bin/python"
    assert missing_module("bs4", str(own), tmp_path) == (
        f"`.venv/bin/python` has no module `bs4`: `{uv} -r requirements.txt` installs what the project requires; "
        f"`{uv} beautifulsoup4` installs it"
    )


@pytest.mark.parametrize(
    "output", [NO_INPUT, b"the input device is not a TTY", b"stty: 'standard input': Inappropriate ioctl for device"]
)
def test_a_script_that_cannot_read_is_to_be_run_alone(output: bytes) -> None:
    hint = "`ask` needs a terminal: run it alone, with `proj run ask`, or write `interactive: true`"
    assert known_cause("ask", output, "python", ROOT, has_stdin=False) == hint
    assert known_cause("ask", output, "python", ROOT, has_stdin=True) is None


@pytest.mark.parametrize("output", [b"", b"some error", b"I say ModuleNotFoundError: No module named 'x'"])
def test_other_output_has_no_known_cause(output: bytes) -> None:
    assert known_cause("train", output, "python", ROOT, has_stdin=False) is None


def test_the_failing_line_is_named_where_there_are_several() -> None:
    command = Command("train", script=("a", "b"), timeout=2.5)
    outcome = Outcome(Ending.EXITED, 3, line=1)
    assert failure(command, outcome, [], root=ROOT, has_stdin=True).message == "`train`, line 2 failed with exit code 3"
    timed_out = Outcome(Ending.TIMED_OUT, 124, line=0)
    assert failure(command, timed_out, [], root=ROOT, has_stdin=True).message == (
        "`train`, line 1 was ended after its timeout of 2.5 s"
    )


def test_a_module_that_an_image_lacks_belongs_in_the_image() -> None:
    outcome = Outcome(Ending.EXITED, 1, line=0, executor="box", image="sha256:1")
    found = failure(Command("train"), outcome, NO_MODULE.splitlines(), root=ROOT, has_stdin=True)
    assert found.hint == "the image on `box` has no module `numpy`: add it to the image"
