"""Compare proj with the real Weasel on a folder of Weasel projects.

    tests/compare_projects FOLDER... [--json]

For each project.yml below a FOLDER: does it load, and does `proj` list and `proj validate` check it? Does it have the
same commands, workflows and assets? Does `proj run NAME --dry --only` announce the lines of Weasel's `run NAME --dry`,
for each command and workflow? Each project.yml is copied into an empty folder: nothing is up to date there.

Differences that proj makes on purpose are listed with their reason (the numbers are those of Weasel's defects). That
a value differs by a defect is not guessed: Weasel itself, guarded against the defect, must say what proj says. Any
other difference makes the exit code 1.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))  # for a call as a script

import real_weasel  # noqa: E402
from real_weasel import Weasel, announced, call  # noqa: E402

# Guards of ask_weasel.py, each on top of those before it, and the defect that the last of them is against.
GUARDS = {
    "references": "Weasel reads the text between two references as JSON: entries merge, blanks vanish [D19]",
    "characters": "a quote, backslash, `$` or line break in a value breaks Weasel [D15, D16, D17b]",
    "env": "Weasel reads the environment's values as JSON: 007 becomes 7 [D20]",
    "secrets": "proj masks the value of a variable whose name says that it is secret",
}

UNSET = "a variable of the environment that is not set would make it another path"

# What proj refuses in a project.yml or a command, and Weasel does not: a part of the message -> why.
REFUSALS = {
    "has no meaning without a shell": "Weasel passes shell words to the program",
    "cannot be split into words": "Weasel crashes when it gets there [D11]",
    "the script line is empty": "Weasel crashes when it gets there [D11]",
    "is outside the project": "an asset must not replace files outside the project [D44]",
    "must be a path, not empty text": "an empty path is the project itself",
    "`dest` must not be empty": "an empty path is the project itself",
    "` needs `env.": UNSET,
    "an output cannot be": "it would replace the project's own files",
    "a command cannot be named": "project.lock keeps what is ours under that name",
    "an asset needs `dest`": "Weasel crashes when it fetches it",
    "an asset cannot be": "it would replace the project's own files [D44]",
}

UNKNOWN = "there is no such name"
MANGLED = "Weasel mangles or loses a workflow whose name holds `:` or `=`, or begins with `#` [D24]"
_MANGLED = re.compile(r"^[#;]|[:=]")


@dataclass(frozen=True, slots=True)
class Difference:
    where: str
    proj: object
    weasel: object
    reason: str | None = None  # why proj differs on purpose

    def __str__(self) -> str:
        told = f"  {self.where}" + (f": {self.reason}" if self.reason else "")
        return f"{told}\n    proj:   {_shown(self.proj)}\n    Weasel: {_shown(self.weasel)}"


@dataclass(slots=True)
class Comparison:
    """One project, as both tools see it."""

    name: str
    commands: int = 0
    workflows: int = 0
    lines: int = 0  # compared, of commands and workflows
    refused: bool = False  # by both
    differences: list[Difference] = field(default_factory=list)

    @property
    def deliberate(self) -> list[Difference]:
        return [difference for difference in self.differences if difference.reason]

    @property
    def unexplained(self) -> list[Difference]:
        return [difference for difference in self.differences if not difference.reason]

    @property
    def verdict(self) -> str:
        if self.unexplained:
            return f"DIFFERENT ({len(self.unexplained)})"
        if self.deliberate:
            return f"{len(self.deliberate)} deliberate"
        return "both refuse it" if self.refused else "same"


def compare_folder(folder: Path, weasel: Weasel, environ: dict[str, str] | None = None) -> list[Comparison]:
    """All projects in and below `folder`."""
    found = sorted(path.parent for path in folder.rglob("project.yml") if not _is_hidden(path.relative_to(folder)))
    return [compare(project, weasel, environ, within=folder) for project in found]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def compare(
    project: Path, weasel: Weasel, environ: dict[str, str] | None = None, *, within: Path | None = None
) -> Comparison:
    """One project; its name is its place within a folder."""
    name = str(project.relative_to(within)) if within and within != project else project.name
    with tempfile.TemporaryDirectory() as place:
        return _Two(Comparison(name), project, Path(place), weasel, environ or {}).compared()


class _Two:
    """proj's and Weasel's view of one project."""

    def __init__(self, result: Comparison, project: Path, place: Path, weasel: Weasel, environ: dict[str, str]) -> None:
        self._result, self._weasel, self._environ = result, weasel, environ
        self._copies = {tool: place / tool / project.name for tool in ("proj", "weasel")}
        for copy in self._copies.values():
            copy.mkdir(parents=True)
            shutil.copy(project / "project.yml", copy)
        with ThreadPoolExecutor(2) as threads:
            proj = threads.submit(self._ask, sys.executable, HERE / "ask_proj.py", self._copies["proj"])
            self.weasel = self._ask(weasel.python, HERE / "ask_weasel.py", self._copies["weasel"])
            self.proj = proj.result()
        self._guarded = cache(self._ask_guarded)

    def _ask(self, *argv: str | Path) -> dict[str, Any]:
        done = call(list(argv), self._copies["weasel"], self._environ)
        if done.code != 0:
            return {"problem": f"crashed: {_last_line(done.err)}", "crashed": True}
        answer = json.loads(done.out)
        assert isinstance(answer, dict)
        return answer

    def _ask_guarded(self, last: str) -> dict[str, Any]:
        names = list(GUARDS)
        return self._ask(
            self._weasel.python,
            HERE / "ask_weasel.py",
            self._copies["weasel"],
            *names[: names.index(last) + 1],
        )

    def compared(self) -> Comparison:
        self._result.differences.extend(self._differences())
        return self._result

    def _differences(self) -> Iterator[Difference]:
        proj, weasel = self.proj["problem"], self.weasel["problem"]
        self._result.refused = proj is not None and weasel is not None
        if proj is not None:
            theirs = "loads" if weasel is None else f"refused: {_last_line(weasel)}"
            if weasel is None or "crashed" in self.proj:
                yield Difference("loading", f"refused: {proj}", theirs, _why_refused(proj))
            return
        if weasel is not None:
            guard = next((guard for guard in GUARDS if self._guarded(guard)["problem"] is None), None)
            why = GUARDS[guard] if guard else "proj takes more: there is nothing to compare"
            yield Difference("loading", "loads", f"refused: {_last_line(weasel)}", why)
            if guard is None:
                return
            self.weasel = self._guarded(guard)  # the rest must be equal to this
        self._result.commands, self._result.workflows = len(self.proj["commands"]), len(self.proj["workflows"])
        if (code := self.proj["listing"]["ended"]) != 0:
            yield Difference("listing", f"exit {code}", "lists it")
        if (code := self.proj["validate"]["ended"]) not in (0, 1, 2):
            yield Difference("validate", f"exit {code}", "loads it")
        for where, path in self._parts():
            yield from self._difference(where, path)
        for name in self.proj["dry"]:
            yield from self._line_differences(name)

    def _parts(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield (name, path in an answer) of every part that must be equal, except the lines."""
        for key in ("directories", "remotes", "assets"):
            yield key, ("project", key)
        yield "names of commands", ("commands",)
        yield "workflows", ("workflows",)
        for name, command in self.proj["commands"].items():
            for key in command:
                yield f"{key} of `{name}`", ("commands", name, key)

    def _difference(self, where: str, path: tuple[str, ...]) -> Iterator[Difference]:
        ours, theirs = _at(self.proj, path), _at(self.weasel, path)
        if ours != theirs:
            yield Difference(where, ours, theirs, self._why_parts_differ(path, ours, theirs))

    def _why_parts_differ(self, path: tuple[str, ...], ours: object, theirs: object) -> str | None:
        if path[-1] == "no_skip" and ours is False and theirs in ("no", "off", "false"):
            return "Weasel takes any word for true, `no` also"
        if path == ("project", "assets") and (refused := self._why_assets_differ(ours, theirs)):
            return refused
        if path[0] == "commands" and "${env." in json.dumps(ours):
            return UNSET
        if path[-1] in ("outputs", "outputs_no_cache") and list(dict.fromkeys(theirs)) == ours:  # type: ignore[call-overload]
            return "the same output twice counts once"
        if path == ("workflows",) and isinstance(theirs, dict) and (mangled := self._why_workflows_differ(theirs)):
            return mangled
        return next((GUARDS[guard] for guard in GUARDS if _at(self._guarded(guard), path) == ours), None)

    def _why_assets_differ(self, ours: Any, theirs: Any) -> str | None:
        """The reasons for the assets that proj leaves out, if the others are the same and each one has a reason."""
        faults = [
            (posixpath.normpath(name), why) for section, name, why in self.proj["left out"] if section == "assets"
        ]
        left_out = {name for name, _ in faults}
        same = [asset for asset in theirs or () if asset["dest"] not in left_out] == ours
        return _why_refused("\n".join(why for _, why in faults)) if same and faults else None

    def _why_workflows_differ(self, theirs: dict[str, Any]) -> str | None:
        ours = self.proj["workflows"]
        mangled = {name for name in ours if _MANGLED.search(name)}
        same = all(theirs.get(name) == steps for name, steps in ours.items() if name not in mangled)
        return MANGLED if mangled and same else None

    # -- lines ------------------------------------------------------------------------------------------------------

    def _line_differences(self, name: str) -> Iterator[Difference]:
        ours = _lines(self.proj, name)
        theirs = _lines(self.weasel, name) if "dry" in self.weasel else self._resolved(self.weasel, name)
        self._result.lines += len(ours) if isinstance(ours, list) else 0
        if ours != theirs:
            yield Difference(f"lines of `{name}`", ours, theirs, self._why_lines_differ(name, ours, theirs))

    def _why_lines_differ(self, name: str, ours: list[str] | str, theirs: list[str] | str) -> str | None:
        if theirs == UNKNOWN and _MANGLED.search(name):
            return MANGLED
        steps = self._steps(name)
        reasons = []
        if isinstance(theirs, str) and any(not self.proj["commands"][step]["script"] for step in steps):
            reasons.append("Weasel crashes at a command without a script [D11]")
        if isinstance(ours, str) and (refused := _why_refused(_errors(self.proj["dry"][name]["told"]))):
            return refused
        for guard in (None, *GUARDS):
            answer = self._guarded(guard) if guard else self.weasel
            if answer["problem"] is None and ours == self._resolved(answer, name):
                return "; ".join([*([GUARDS[guard]] if guard else []), *reasons]) or None
        return None

    def _steps(self, name: str) -> list[str]:
        steps: list[str] = self.proj["workflows"].get(name, [name])
        return steps

    def _resolved(self, answer: dict[str, Any], name: str) -> list[str]:
        """Return the lines of a command, or of a workflow's steps, as an answer's scripts have them."""
        return [line for step in self._steps(name) for line in _resolved(answer, step)]


def _resolved(answer: dict[str, Any], command: str) -> list[str]:
    """A command's lines as Weasel would announce them, made from its script."""
    lines = answer["commands"].get(command, {}).get("script", ())
    return [shlex.join(_with_python(_words(line))) for line in lines]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote is not closed
        return [line]


def _with_python(words: list[str]) -> list[str]:
    if words[:1] in (["pip"], ["pip3"]):
        return ["python", "-m", "pip", *words[1:]]
    return ["python", *words[1:]] if words[:1] in (["python"], ["python3"]) else words


def _lines(answer: dict[str, Any], name: str) -> list[str] | str:
    """Return the announced lines of a dry run, quoted, with the interpreter as `python`; or the error."""
    dry = answer["dry"].get(name)
    if dry is None:
        return UNKNOWN
    if dry["ended"] != 0:
        return f"exit {dry['ended']}: {_last_line(dry.get('told') or dry['out'])}"
    lines = [_words(line) for line in dry.get("lines", announced(dry["out"]))]
    python = [answer["python"]]
    return [shlex.join(["python", *words[1:]] if words[:1] == python else _with_python(words)) for words in lines]


def _at(answer: dict[str, Any], path: tuple[str, ...]) -> object:
    value: Any = answer
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if path == ("commands",):
        return None if value is None else sorted(value)
    if path[-1] == "no_skip" and value in (0, 1, "yes", "on", "true"):
        return bool(value)
    if path[-1] == "help":
        return value or ""
    if path[:2] == ("project", "directories"):
        return None if value is None else [posixpath.normpath(directory) for directory in value]
    if path[:2] == ("project", "assets"):
        return None if value is None else [_normal_asset(asset) for asset in value]
    return value


def _normal_asset(asset: dict[str, Any]) -> dict[str, Any]:
    git = asset["git"] and {**asset["git"], "path": asset["git"]["path"] or ""}
    checksum = asset["checksum"] and asset["checksum"].lower()
    return {**asset, "dest": posixpath.normpath(asset["dest"]), "git": git, "checksum": checksum}


def _errors(told: str) -> str:
    """Return the messages of the errors that `proj` printed, one a line."""
    return "\n".join(line for line in told.splitlines() if "error: " in line)


def _why_refused(problem: str) -> str | None:
    """The reasons for refusing a project, if each message is one that has a reason."""
    reasons = [next((why for part, why in REFUSALS.items() if part in line), None) for line in problem.splitlines()]
    known = [reason for reason in reasons if reason]
    return "; ".join(dict.fromkeys(known)) if len(known) == len(reasons) else None


def _last_line(text: str) -> str:
    lines = [line for line in real_weasel.plain(text).splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _shown(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "".join(f"\n      {item}" for item in value) or "nothing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# -- as a script ------------------------------------------------------------------------------------------------------


def table(results: list[Comparison]) -> str:
    header = ("project", "commands", "workflows", "lines", "result")
    rows = [(one.name, str(one.commands), str(one.workflows), str(one.lines), one.verdict) for one in results]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    cells = [header, tuple("-" * width for width in widths), *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def summary(results: list[Comparison]) -> str:
    """One line: how many projects there are, and how many of each kind."""
    different = sum(bool(result.unexplained) for result in results)
    deliberate = sum(bool(result.deliberate) and not result.unexplained for result in results)
    refused = sum(result.refused and not result.differences for result in results)
    same = len(results) - different - deliberate - refused
    lines = sum(result.lines for result in results)
    return (
        f"\n{len(results)} projects, {lines} lines: {same} same, {deliberate} with deliberate differences only, "
        f"{refused} refused by both, {different} different"
    )


def main(argv: list[str]) -> int:
    as_json = "--json" in argv
    folders = [Path(word) for word in argv if word != "--json"]
    if not folders or not all(folder.is_dir() for folder in folders):
        print(__doc__)
        return 2
    weasel = real_weasel.install()
    results = [result for folder in folders for result in compare_folder(folder, weasel)]
    if as_json:
        print(json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False))
    else:
        print(table(results))
        for title, kind in (("Deliberate differences", "deliberate"), ("Differences", "unexplained")):
            for result in results:
                if getattr(result, kind):
                    print(f"\n{title} in {result.name}:", *getattr(result, kind), sep="\n")
        print(summary(results))
    if not results:
        print(f"no project.yml in {', '.join(map(str, folders))}", file=sys.stderr)
    return 1 if not results or any(result.unexplained for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
