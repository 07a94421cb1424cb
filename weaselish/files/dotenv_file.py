"""Read dotenv files: lines of NAME=VALUE, in which `${NAME}` stands for an earlier value or the environment."""

from __future__ import annotations

import io
import os
from collections import ChainMap
from pathlib import Path

from weaselish.errors import UsageError
from weaselish.files.text_file import read_limited, text_of

_LARGEST_FILE = 1 << 20
_LONGEST_VALUE = 128 << 10  # what Linux accepts


def read_dotenv(path: Path, *, name: str) -> dict[str, str]:
    """Return the variables of the file at `path`, which messages call `name`. Without a file, there are none.

    Raises UsageError if it is not a file of text in UTF-8, or if a value is too long or contains NUL.
    """
    if not os.path.lexists(path):
        return {}
    from dotenv.main import DotEnv
    from dotenv.variables import parse_variables

    text = text_of(read_limited(path, name=name, limit=_LARGEST_FILE), name=name)
    values: dict[str, str] = {}
    for key, written in DotEnv(None, io.StringIO(text), interpolate=False).parse():
        if written is None:  # a name without `=`
            values.pop(key, None)
            continue
        length, parts, known = 0, [], ChainMap[str, str](values, os.environ)
        for atom in parse_variables(written):
            parts.append(atom.resolve(known))
            length += len(parts[-1])
            if length > _LONGEST_VALUE:
                raise UsageError(f"`{name}`: the value of `{key}` is longer than {_LONGEST_VALUE >> 10} KiB")
        if "\0" in (value := "".join(parts)):
            raise UsageError(f"`{name}`: the value of `{key}` contains a NUL character", hint="remove it")
        values[key] = value
    return values
