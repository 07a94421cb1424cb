"""Writes the shell script that runs a job's lines inside its container, and reads what it says in its output.

The script merges both streams, so that their order is kept, and puts marks between the output of the lines: a control
character, the container's name, a message, and the end of the line.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from weaselish.executors.base import Ending, Job, Line, Outcome
from weaselish.executors.command_line import command_line
from weaselish.named_tuple import NamedTuple

PLACE = "/run/proj-job"  # where the container sees the directory with the script and the environment

_PYTHON = "\0python"  # stands for the interpreter that the container finds
_BEGIN = b"\x1e"
_SCRIPT = r"""exec 2>&1 </dev/null
mark() { printf '\036%s %s\n' @NAME@ "$*"; }
refuse() { mark "refused $*"; exit "$1"; }
stopped=
trap 'stopped=1' INT TERM HUP QUIT
. @PLACE@/env
rm -f @PLACE@/env @PLACE@/entry
[ -n "$HOME" ] && [ -w "$HOME" ] || export HOME=/tmp
[ -d @WORKDIR@ ] || refuse 126 workdir
cd @WORKDIR@ || refuse 126 workdir
find_python() {
  for python in "$VIRTUAL_ENV/bin/python" "$(command -v python)" "$(command -v python3)"; do
    [ -x "$python" ] && return
  done
  python=python
}
find_program() {
  program=
  case $1 in
  */*) [ -e "$1" ] && program=$1 ;;
  *)
    rest=$PATH:
    while [ -n "$rest" ]; do
      folder=${rest%%:*}
      rest=${rest#*:}
      [ -e "${folder:-.}/$1" ] && program=${folder:-.}/$1 && return
    done
    ;;
  esac
}
can_run() {
  IFS= read -r first <"$1"
  case $first in
  '#!'*)
    set -f
    set -- ${first#??}
    set +f
    [ -e "$1" ] || refuse 126 interpreter
    ;;
  ?ELF*) ;;
  *) refuse 126 format ;;
  esac
}
report_memory() {
  for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r $file ] || continue
    while read -r name count; do
      [ "$name" = oom_kill ] && [ "$count" != 0 ] && mark memory
    done <$file
  done
}
line() {
  index=$1
  shift
  [ -z "$stopped" ] || exit 130
  find_program "$1"
  mark "line $index ${program:-$1}"
  [ -n "$program" ] || refuse 127 missing
  [ ! -d "$program" ] || refuse 126 directory
  [ -x "$program" ] || refuse 126 permission
  [ ! -r "$program" ] || can_run "$program"
  (exec "$@" 2>&3 3>&-)
  code=$?
  [ "$code" = 0 ] && return
  report_memory
  exit "$code"
}
find_python
exec 3>&1 2>/dev/null # so that this shell does not write "Terminated"
"""


def entry_script(job: Job, lines: Sequence[Line], name: str, workdir: str) -> str:
    """Return the script of the container `name`. Raises ValueError if a word cannot be passed to a program."""
    values = {"@NAME@": shlex.quote(name), "@PLACE@": PLACE, "@WORKDIR@": shlex.quote(workdir)}
    script = _SCRIPT
    for key, value in values.items():
        script = script.replace(key, value)
    calls = (f"line {index} {_quoted(line, job.shell)}\n" for index, line in enumerate(lines))
    return script + "".join(calls) + "mark end\n"


def shell_script(workdir: str) -> str:
    """Return the script that opens a shell."""
    return f"""\
. {PLACE}/env
rm -f {PLACE}/env {PLACE}/entry
[ -n "$HOME" ] && [ -w "$HOME" ] || export HOME=/tmp
cd {shlex.quote(workdir)} || exit 126
command -v bash >/dev/null && exec bash
exec /bin/sh
"""


def env_script(env: Mapping[str, str]) -> str:
    """Return the shell script that sets these variables. Raises ValueError for a value that none can have."""
    return "".join(f"export {name}={_quote(value)}\n" for name, value in env.items())


def is_shell_name(name: str) -> bool:
    """Return whether a shell can set the variable."""
    return name.isascii() and name.isidentifier()


def _quoted(line: Line, shell: str | None) -> str:
    words = command_line(line.words, shell, _PYTHON)
    return " ".join('"$python"' if word == _PYTHON else _quote(word) for word in words)


def _quote(text: str) -> str:
    if "\0" in text:
        raise ValueError("embedded null byte")
    return shlex.quote(text)


class Marks:
    """Takes the output of a container apart: marks out, everything else passed on at once."""

    def __init__(self, name: str, start_line: Callable[[int, str], None], write: Callable[[bytes], None]) -> None:
        self.line: int | None = None  # the index of the line that started last
        self.program = ""  # of that line, as found
        self.refusal: tuple[int, str] | None = None  # exit code and cause, if the script did not start a line
        self.ran_out_of_memory = False
        self.has_ended = False  # all lines succeeded
        self._begin = _BEGIN + name.encode() + b" "
        self._start_line, self._write = start_line, write
        self._held = b""  # what may be the beginning of a mark

    def feed(self, data: bytes) -> None:
        data = self._held + data
        while (at := data.find(self._begin)) >= 0:
            end = data.find(b"\n", at)
            if end < 0:
                break
            self._pass_on(data[:at])
            self._take(data[at + len(self._begin) : end].decode("utf-8", "surrogateescape"))
            data = data[end + 1 :]
        kept = len(data) - (at if at >= 0 else self._possible_begin(data))
        self._pass_on(data[: len(data) - kept])
        self._held = data[len(data) - kept :]

    def finish(self) -> None:
        """Pass on what was held back as the possible beginning of a mark."""
        self._pass_on(self._held)
        self._held = b""

    def _possible_begin(self, data: bytes) -> int:
        """Return where a mark may begin that is not complete yet, else the length of the data."""
        at = data.rfind(_BEGIN)
        return at if at >= 0 and self._begin.startswith(data[at:]) else len(data)

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._write(data)

    def _take(self, text: str) -> None:
        kind, _, rest = text.partition(" ")
        first, _, second = rest.partition(" ")
        if kind == "line" and first.isdecimal():
            self.line, self.program = int(first), second
            self._start_line(self.line, second)
        elif kind == "refused" and first.isdecimal():
            self.refusal = int(first), second
        elif kind == "memory":
            self.ran_out_of_memory = True
        elif kind == "end":
            self.has_ended = True


class Refused(NamedTuple):
    """What the script found about a line that it did not start."""

    exit_code: int
    cause: str

    def outcome(self, program: str, workdir: str) -> Outcome:
        """Return the outcome, in the words of the local executor. `program` is the first word of the line."""
        message = {
            "missing": f"`{program}` was not found{'' if '/' in program else ' on PATH'}",
            "directory": f"`{program}` is a directory",
            "permission": f"`{program}` is not executable (`chmod +x {program}`?)",
            "interpreter": f"`{program}` could not be started: the interpreter that its first line names was not found",
            "format": f"`{program}` is neither a program for this machine nor a script that begins with `#!`",
            "workdir": f"`{program}` was not started: the working directory `{workdir}` does not exist",
        }.get(self.cause, f"`{program}` could not be started")
        return Outcome(Ending.NOT_STARTED, self.exit_code, message=message)
