"""`proj` and `python -m weaselish`."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from weaselish.cli.arguments import Extras


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; its exit code."""
    try:
        return _answer(argv)
    except KeyboardInterrupt:  # also one that comes while we begin, or when all is said
        return 130


def _answer(argv: Sequence[str] | None) -> int:
    gc.set_threshold(10_000)  # what imports make stays: to look through it often takes a fifth of the time
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: what it cannot show is no reason to fail
    from weaselish.cli.arguments import take_extras
    from weaselish.cli.console import show_error
    from weaselish.errors import Cancelled, ProjError

    try:
        words, extras = take_extras(sys.argv[1:] if argv is None else argv, os.environ)
        code = _dispatch(words, extras)
        sys.stdout.flush()  # while it can still be handled that nobody reads it
        return code
    except ProjError as error:
        show_error(error)
        return error.exit_code
    except Cancelled as cancelled:
        return cancelled.exit_code
    except BrokenPipeError:
        # whoever read our output is gone: nothing more can be said, also not at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    finally:
        if argv is None:
            _leave()


def _leave() -> None:
    """All is done: nothing is looked for among what the system is about to free, which can take 0.03 s, and an
    interrupt would only be told as an exception that Python met on its way out.
    """
    import signal

    gc.freeze()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _nowhere() -> TextIO:
    """For a stream that whoever started us has closed."""
    return open(os.devnull, "w")


def _dispatch(words: list[str], extras: Extras) -> int:
    from weaselish.cli import quick

    plain = quick.parse(words)
    if plain is not None:
        from weaselish.cli import verbs

        verb, rest, options = plain
        answer: Callable[..., int] = getattr(verbs, verb)
        return answer(extras, rest, **options)
    if words == ["--version"]:
        return quick.show_version()
    from weaselish.cli.app import app

    try:
        app(words, prog_name="proj", obj=extras, standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
