"""Asks the user on the terminal."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from weaselish.cli.console import ask, hint, prompt, say
from weaselish.errors import ProjError

if TYPE_CHECKING:
    from weaselish.cancel import Cancel


def can_ask() -> bool:
    """Return whether a user at a terminal can answer a question."""
    return sys.stdin is not None and sys.stdin.isatty()


def is_yes(question: str, cancel: Cancel, *, step: str = "") -> bool:
    """Ask a question and return whether the user answers yes. Only for callers that can ask."""
    ask(question, step=step)
    return _typed_line(cancel).strip().lower() in ("y", "yes")


def is_confirmed(question: str, *, yes: bool, declined: str, cancel: Cancel) -> bool:
    """Return whether something may be deleted: `--yes` says so, or the user. Without a terminal, say `declined`."""
    if yes:
        return True
    if not can_ask():
        say(declined)
        hint("without a terminal, `--yes` confirms")
        return False
    return is_yes(question, cancel)


def confirmation(yes: bool, cancel: Cancel) -> Callable[[str, str], bool]:
    """Return the function that asks the question of a command with `confirm:`. With `yes`, it asks nothing."""
    one_at_a_time = Lock()

    def confirm(step: str, question: str) -> bool:
        if yes:
            return True
        if not can_ask():
            raise ProjError(f"`{step}` asks: {question}", hint="answer with `--yes` if you have no terminal")
        with one_at_a_time:
            return is_yes(question, cancel, step=step)

    return confirm


def secret_line(question: str, cancel: Cancel) -> str:
    """Return a line of standard input, without its end. On a terminal, ask for it and do not show what is typed."""
    if not can_ask():
        return sys.stdin.readline().rstrip("\r\n")
    import termios

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(fd, termios.TCSAFLUSH, silent)  # discards what was typed before
        prompt(question)
        line = _typed_line(cancel)
    finally:
        termios.tcsetattr(fd, termios.TCSAFLUSH, before)
        say("")
    cancel.check()
    return line.rstrip("\r\n")


def _typed_line(cancel: Cancel) -> str:
    """Return the line that the user types, or nothing once the run is cancelled."""
    poll = select.poll()
    poll.register(sys.stdin.fileno(), select.POLLIN)
    poll.register(cancel.fileno(), select.POLLIN)
    poll.poll()
    return "" if cancel.level else sys.stdin.readline()
