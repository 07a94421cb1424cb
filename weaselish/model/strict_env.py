"""Which variables of the environment a script gets under `--strict-env`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

BASE = frozenset(  # what programs need to start, find their files and talk to the terminal
    (
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TERM",
        "COLORTERM",
        "NO_COLOR",
        "COLUMNS",
        "LINES",
        "TMPDIR",
        "TEMP",
        "TMP",
        "VIRTUAL_ENV",  # these two decide which Python `python` is
        "CONDA_PREFIX",
        "CONDA_DEFAULT_ENV",
    )
)
_BASE_PREFIX = "LC_"


def strict_environ(environ: Mapping[str, str], declared: Collection[str]) -> dict[str, str]:
    """Return the variables of the safe base, and those that the project declares."""
    return {
        name: value
        for name, value in environ.items()
        if name in BASE or name.startswith(_BASE_PREFIX) or name in declared
    }
