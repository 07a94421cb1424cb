"""`proj --version`."""

from __future__ import annotations


def show_version() -> int:
    """Print the version of proj; return the exit code."""
    from weaselish import __version__

    print(f"proj {__version__}")
    return 0
