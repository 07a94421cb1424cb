"""The `matrix` of a command: its combinations of values, and the names and outputs of the steps that they become."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from weaselish.errors import near_match
from weaselish.model.interpolate import as_text
from weaselish.model.locations import Path
from weaselish.model.parse_values import Values
from weaselish.model.project import Combination, Command

MOST_COMBINATIONS = 10_000  # of one matrix
MOST_ENTRIES = 1_000_000  # lines, paths and variables of all steps of one matrix
LONGEST_VALUE = 100  # characters

_VALUE = re.compile(r"[\w.+][\w.+-]*")
_VARIABLE = re.compile(r"[\w-]+")
_LONGEST_SHOWN = 40  # characters of a value in a message
_ALLOWED = "use letters, digits, `.`, `_`, `+` and `-`: the value becomes part of a step's name"

Pairs = tuple[tuple[str, str], ...]  # variable and value, in the order of the variables


def is_matrix_value(path: Path) -> bool:
    """Return whether the value at a path of project.yml is read as it is written: `0.10` is not 0.1."""
    inner = [part for part in path if part != "<<"]
    return len(inner) > 3 and inner[0] == "commands" and inner[2] == "matrix"


def step_name(command: str, pairs: Pairs) -> str:
    """Return the name of the step for one combination: `train@de-sm`."""
    return f"{command}@{'-'.join(value for _, value in pairs)}"


def read_matrix(values: Values, path: Path, name: str, item: Mapping[str, Any]) -> list[Combination]:
    """Return the combinations of the command `item` at `path`, the last variable changing fastest.

    Return none if there is a problem.
    """
    at, matrix = (*path, "matrix"), item["matrix"]
    if values.data.get("compat") == "weasel":
        message = "`matrix` and `compat: weasel` exclude each other"
        values.problem(at, message, "Weasel would read one command", key=True)
        return []
    if _is_refused(matrix):
        if not values.is_faulty(path):  # data that does not come from YAML may share a list with a faulty part
            values.problem(at, "`matrix` must not be empty")
        return []
    if _is_too_large(values, at, matrix, item):
        return []
    rows = _product(values, at, matrix) if isinstance(matrix, dict) else _rows(values, at, matrix)
    if not values.is_faulty(path):
        _check_names(values, at, name, rows)
    return [Combination(name, row) for row in rows] if not values.is_faulty(path) else []


def _is_refused(matrix: Any) -> bool:
    """Return whether the schema reported the matrix, or a value in it, which is None then."""
    inner = matrix.values() if isinstance(matrix, dict) else matrix or ()
    return not matrix or any(one is None or None in (one.values() if isinstance(one, dict) else one) for one in inner)


def _is_too_large(values: Values, at: Path, matrix: Any, item: Mapping[str, Any]) -> bool:
    """Report a matrix with too many combinations, or with too much text in all of them, before expanding it."""
    lists = matrix.values() if isinstance(matrix, dict) else [matrix]
    count = prod(len(one) for one in lists if isinstance(one, list))
    if count > MOST_COMBINATIONS:
        message = f"the matrix has {_shown_count(count)} combinations; at most {MOST_COMBINATIONS:,} are possible"
        values.problem(at, message, "remove values, or split the command", key=True)
        return True
    entries = sum(len(value) for key, value in item.items() if key != "matrix" and isinstance(value, (list, dict)))
    if count * entries > MOST_ENTRIES:
        message = f"the steps of the matrix have more than {MOST_ENTRIES:,} lines, paths and variables"
        values.problem(at, message, "list directories instead of files, or split the command", key=True)
        return True
    return False


def _shown_count(count: int) -> str:
    return f"{count:,}" if count < 10**9 else "more than 1,000,000,000"


def _product(values: Values, at: Path, matrix: Mapping[str, Any]) -> list[Pairs]:
    lists: list[list[tuple[str, str]]] = []
    for variable, items in matrix.items():
        _check_variable(values, (*at, variable), variable)
        seen: dict[str, None] = {}
        for index, item in enumerate(items):
            text = _value(values, (*at, variable, index), item)
            if text in seen:
                message = f"`{text}` is listed twice under `{variable}`"
                values.problem((*at, variable, index), message, "remove one of the two")
            elif text is not None:
                seen[text] = None
        lists.append([(variable, text) for text in seen])
    return list(product(*lists))


def _rows(values: Values, at: Path, matrix: Sequence[Any]) -> list[Pairs]:
    variables = list(matrix[0])
    for variable in variables:
        _check_variable(values, (*at, 0, variable), variable)
    return [tuple(_row(values, (*at, index), row, variables)) for index, row in enumerate(matrix)]


def _row(values: Values, at: Path, row: Mapping[str, Any], variables: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the variables and values of one combination of a list."""
    for variable in row:
        if variable not in variables:
            missing = [name for name in variables if name not in row]
            close = near_match(variable, missing)
            hint = f"did you mean `{close}`?" if close else "each combination has the same variables"
            values.problem((*at, variable), f"the first combination has no `{variable}`", hint, key=True)
    for variable in variables:
        if variable not in row:
            hint = "each combination has the same variables"
            values.problem(at, f"the combination has no `{variable}`", hint)
            continue
        text = _value(values, (*at, variable), row[variable])
        if text is not None:
            yield variable, text


def _check_variable(values: Values, at: Path, name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        message = f"a variable of a matrix cannot be named `{_shown(name)}`"
        values.problem(at, message, "use letters, digits, `_` and `-`", key=True)


def _value(values: Values, at: Path, value: object) -> str | None:
    """Return a value as text, None if it has a problem."""
    text = values.interpolated(at, as_text(value))
    if text is None or (_VALUE.fullmatch(text) and set(text) != {"."} and len(text) <= LONGEST_VALUE):
        return text
    if len(text) > LONGEST_VALUE:
        message, hint = f"a value of a matrix cannot have more than {LONGEST_VALUE} characters", "shorten it"
    elif not text:
        message, hint = "a value of a matrix cannot be empty", _ALLOWED
    elif text.startswith("-"):
        message, hint = f"a value of a matrix cannot begin with `-`: `{_shown(text)}`", "put a letter before it"
    else:
        message, hint = f"a value of a matrix cannot be `{_shown(text)}`", _ALLOWED
    values.problem(at, message, hint)
    return None


def _shown(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _check_names(values: Values, at: Path, command: str, rows: Sequence[Pairs]) -> None:
    """Report combinations whose steps would have the same name: `a-b` with `c`, and `a` with `b-c`."""
    seen: dict[str, Pairs] = {}
    for row in rows:
        name = step_name(command, row)
        first = seen.setdefault(name, row)
        if first is not row:
            same = "one combination is listed twice" if first == row else f"{_described(first)} and {_described(row)}"
            message = f"two combinations are both named `{name}`: {same}"
            values.problem(at, message, "change a value so that each name is unique", key=True)
            return


def _described(row: Pairs) -> str:
    return "{" + ", ".join(f"{variable}: {value}" for variable, value in row) + "}"


def check_outputs(values: Values, path: Path, item: Mapping[str, Any], steps: Iterable[Command]) -> None:
    """Report an output that two steps of a matrix share. Name the variables that its path does not contain."""
    producers: dict[str, Command] = {}
    for step in steps:
        for output in step.all_outputs:
            first = producers.setdefault(output, step)
            if first is not step:
                _report_shared(values, path, item, (first, step), output)
                return


def _report_shared(
    values: Values, path: Path, item: Mapping[str, Any], steps: tuple[Command, Command], output: str
) -> None:
    at, written = _place_of(values, path, item, steps[0], output)
    assert steps[0].matrix is not None
    used = set(re.findall(r"\$\{\s*matrix\.([^{}\s]*)\s*\}", written))
    missing = [f"${{matrix.{variable}}}" for variable, _ in steps[0].matrix.values if variable not in used]
    message = f"`{steps[0].name}` and `{steps[1].name}` both produce `{output}`"
    if missing:
        hint = f"add {' and '.join(f'`{reference}`' for reference in missing)} to the path"
    else:
        hint = "put a separator between the variables of the path"
    values.problem(at, message, hint)


def _place_of(values: Values, path: Path, item: Mapping[str, Any], step: Command, output: str) -> tuple[Path, str]:
    """Return where project.yml lists an output of a step, and how."""
    assert step.matrix is not None
    with values.interpolator.in_matrix(dict(step.matrix.values)):
        for key in ("outputs", "outputs_no_cache", "metrics"):
            for index, text in enumerate(item.get(key) or ()):
                if isinstance(text, str) and output == values.normalised(values.interpolator.text(text)):
                    return (*path, key, index), text
    return path, ""
