"""`proj` and `python -m weaselish`."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

if TYPE_CHECKING:
    from types import TracebackType

    from weaselish.errors import ProjError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    try:
        return _run(argv)
    except KeyboardInterrupt:  # before or after a subcommand handles signals itself
        return 130


def _run(argv: Sequence[str] | None) -> int:
    gc.set_threshold(10_000)  # what imports create stays: frequent collections take a fifth of the time
    sys.stdout, sys.stderr = sys.stdout or _null_stream(), sys.stderr or _null_stream()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does
    from weaselish.errors import Cancelled

    words = sys.argv[1:] if argv is None else list(argv)
    if argv is None:
        sys.excepthook = _show_traceback
    try:
        code = _dispatch(words)
        sys.stdout.flush()  # a reader that has gone is noticed here, not at exit
        return code
    except Cancelled as cancelled:
        if argv is None:
            _leave_at_once(cancelled.exit_code)
        return cancelled.exit_code
    except BrokenPipeError:
        _discard_stdout()  # its reader has gone
        return 141
    except OSError as error:
        if _can_flush():
            raise
        _discard_stdout()
        sys.stderr.write(f"error: cannot write to stdout: {(error.strerror or str(error)).lower()}\n")
        return 1
    finally:
        if argv is None:
            _leave()


def _dispatch(words: list[str]) -> int:
    from weaselish.cli.dispatch import dispatch
    from weaselish.errors import ProjError

    try:
        return dispatch(words, os.environ)
    except ProjError as error:
        return _show(error, words)
    except OSError as error:
        from weaselish.limits import limit_reached

        limit = limit_reached(error) if error.errno in (errno.EMFILE, errno.ENFILE) else None
        if limit is None:
            raise
        return _show(ProjError(limit.message, hint=limit.hint), words)


def _show(error: ProjError, words: Sequence[str]) -> int:
    from weaselish.cli.console import show_error

    show_error(error)
    if "--json" in words:
        from weaselish.cli.json_output import print_json_error

        print_json_error(error)
    elif "--json-lines" in words:
        from weaselish.cli.json_output import print_json_line_error

        print_json_line_error(error)
    return error.exit_code


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of a bug, with resolved secrets masked."""
    import traceback

    from weaselish.resolved_secrets import without_resolved

    sys.stderr.write(without_resolved("".join(traceback.format_exception(kind, error, trace))))


def _can_flush() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _discard_stdout() -> None:
    """Send what is left in the buffer nowhere, so that the flush at exit succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave() -> None:
    """Skip the last collection, which can take 0.03 s, and let an interrupt end the process without a traceback."""
    import signal

    gc.freeze()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _leave_at_once(exit_code: int) -> NoReturn:
    """End the process without waiting for threads that may still be blocked, by a network for example."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(exit_code)


def _null_stream() -> TextIO:
    """Open a replacement for a stream that the parent process has closed."""
    return open(os.devnull, "w")


if __name__ == "__main__":
    sys.exit(main())
