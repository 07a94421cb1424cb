"""Known causes of failures in the output of a script."""

from __future__ import annotations

import pytest

from weaselish.engine.run.failures import failure, known_cause
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


def test_a_missing_module_is_reported_with_the_python_that_ran() -> None:
    assert known_cause("train", NO_MODULE, "/v/bin/python", has_stdin=True) == (
        "`/v/bin/python` has no module `numpy`: install it there, for example with `/v/bin/python -m pip install`"
    )
    assert known_cause("train", NO_MODULE, None, has_stdin=True) == "the module `numpy` is not installed"


@pytest.mark.parametrize(
    "output", [NO_INPUT, b"the input device is not a TTY", b"stty: 'standard input': Inappropriate ioctl for device"]
)
def test_a_script_that_cannot_read_is_to_be_run_alone(output: bytes) -> None:
    hint = "`ask` needs a terminal: run it alone, with `proj run ask`"
    assert known_cause("ask", output, "python", has_stdin=False) == hint
    assert known_cause("ask", output, "python", has_stdin=True) is None


@pytest.mark.parametrize("output", [b"", b"some error", b"I say ModuleNotFoundError: No module named 'x'"])
def test_other_output_has_no_known_cause(output: bytes) -> None:
    assert known_cause("train", output, "python", has_stdin=False) is None


def test_the_failing_line_is_named_where_there_are_several() -> None:
    command = Command("train", script=("a", "b"), timeout=2.5)
    outcome = Outcome(Ending.EXITED, 3, line=1)
    assert failure(command, outcome, [], has_stdin=True).message == "`train`, line 2 failed with exit code 3"
    timed_out = Outcome(Ending.TIMED_OUT, 124, line=0)
    assert failure(command, timed_out, [], has_stdin=True).message == (
        "`train`, line 1 was ended after its timeout of 2.5 s"
    )
