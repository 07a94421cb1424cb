"""Writes the results of `--json` to stdout: one document, or one line per event."""

from __future__ import annotations

import sys
import time

from weaselish.errors import InvalidProject, MissingDep, Problem, ProjError
from weaselish.resolved_secrets import without_resolved


def print_json(data: object) -> None:
    """Print one JSON document."""
    import srsly

    print(srsly.json_dumps(encodable(data), indent=2), flush=True)


def print_json_line(data: object) -> None:
    """Print one JSON document on one line."""
    import srsly

    sys.stdout.write(f"{srsly.json_dumps(encodable(data))}\n")
    sys.stdout.flush()


def print_json_error(error: ProjError) -> None:
    """Print the error that ended a subcommand: `{"error": {"message": …, "hint": …, "exit_code": …, …}}`."""
    print_json({"error": _facts(error)})


def print_json_line_error(error: ProjError) -> None:
    """Print the error that ended a run as a line: `{"event": "error", "message": …, …}`."""
    print_json_line({"event": "error", "at": round(time.time(), 3), **_facts(error)})


def _facts(error: ProjError) -> dict[str, object]:
    problems = error.problems if isinstance(error, InvalidProject | MissingDep) else ()
    return {
        "message": error.message,
        "hint": error.hint,
        "place": error.place,
        "exit_code": error.exit_code,
        "problems": [_problem(problem) for problem in problems],
    }


def _problem(problem: Problem) -> dict[str, object]:
    return problem._asdict()


def encodable(data: object) -> object:
    """Return the data with resolved secrets masked.

    Bytes of file names that are not UTF-8 become `\\xff`, because JSON cannot hold them.
    """
    if isinstance(data, str):
        return without_resolved(data).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(data, dict):
        return {encodable(key): encodable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [encodable(item) for item in data]
    return data
