"""Rules for our texts: docstrings, comments, messages, test names and pages. See CONTRIBUTING.md."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LONGEST = 32  # words in one sentence of a docstring or comment

IDIOMS = {  # what we do not write, and what to write in its place
    r"whoever|nobody|somebody": "name the actor: caller, step, process, thread, reader",
    r"who(?! am| are you)": "name the actor, or write `that`",
    r"(?<!there )(?:is|are|was|were|be) no (?!longer|more\b)\w+": "`is not a valid …`",
    r"(?:is|are|was|were|be|been) (?:told|meant)": "name who reports what to whom",
    r"meanwhile": "say what happens at the same time",
    r"passed over": "`skipped`",
    r"taken as read": "say what happens",
    r"but for": "`except`",
    r"as it (?:stands|lies)|as they (?:stand|lie)": "`current`, `locally`",
    r"lies? there": "`exists locally`",
    r"what lies": "`the files`, `the contents`",
    r"comes? of it": "say what happens",
    r"belongs? into": "`belongs in`",
    r"makers?": "`producer`",
    r"verbs?": "`subcommand`",
    r"to be had": "`available`",
    r"in the midst of": "`during`",
    r"lest": "`so that … not`",
    r"thereof|whereof|wherein|hereby|therein": "plain words",
    r"however it|whatever becomes": "say which cases",
    r"as ever": "`as before`",
    r"of ours|of theirs": "name the owner",
    r"what is ours": "name it",
    r"looked? at by": "name the actor",
}
_IDIOMS = [(re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), instead) for pattern, instead in IDIOMS.items()]
_NOT_IMPERATIVE = re.compile(
    r"the|an?|what|whether|which|how|where|who|when|all|each|every|one|of|from|returns|yields|raises|gives|tells|says"
    r"|makes|takes|writes|reads|runs|puts|gets|holds|keeps|adds|removes|checks|finds|shows|its|their|it|none|no|not"
    r"|is|are|has|as|if",
    re.IGNORECASE,
)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|\n\s*[-*|]")
_CODE = re.compile(r"`[^`]*`|\"[^\"\n]*\"")


class Finding(NamedTuple):
    """One place where a text breaks a rule."""

    line: int
    text: str
    rule: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.rule}: {self.text!r}"


def in_python(source: str, *, is_test: bool = False) -> list[Finding]:
    """Return what breaks a rule in a module: its docstrings, comments, messages and, in tests, the tests' names."""
    tree = ast.parse(source)
    findings: list[Finding] = []
    docstrings = set()
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        text = ast.get_docstring(node, clean=True)
        if text:
            docstrings.add(node.body[0].lineno)
            line = node.body[0].lineno
            findings += in_prose(text, line)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not is_test and not _is_property(node):
                findings += _mood(text, line)
        if is_test and isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            findings += _idioms(node.name.replace("_", " "), node.lineno)
    if not is_test:
        findings += _messages(tree, docstrings)
    for line, comment in _comments(source):
        findings += in_prose(comment, line)
    return findings


def in_markdown(text: str) -> list[Finding]:
    """Return what breaks a rule in a page. Blocks of code are skipped."""
    prose = re.sub(r"```.*?```", lambda block: "\n" * block[0].count("\n"), text, flags=re.DOTALL)
    return [finding for number, line in enumerate(prose.splitlines(), 1) for finding in _idioms(line, number)]


def in_prose(text: str, line: int) -> list[Finding]:
    """Return idioms and long sentences in a docstring or comment that begins at `line`."""
    findings = _idioms(text, line)
    for sentence in _SENTENCE_ENDS.split(text):
        words = _CODE.sub("code", sentence).split()
        if len(words) > LONGEST:
            findings.append(Finding(line, " ".join(words[:8]) + " …", f"a sentence of {len(words)} words"))
    return findings


def _idioms(text: str, line: int) -> list[Finding]:
    bare = _CODE.sub("code", text)
    return [Finding(line, match[0], instead) for pattern, instead in _IDIOMS for match in pattern.finditer(bare)]


def _mood(text: str, line: int) -> list[Finding]:
    first = re.match(r"[A-Za-z']+", text)
    if first and _NOT_IMPERATIVE.fullmatch(first[0]):
        return [Finding(line, text.splitlines()[0], "begin with an imperative verb")]
    return []


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = [ast.unparse(decorator) for decorator in node.decorator_list]
    return any(name in ("property", "cached_property") or name.endswith(".setter") for name in names)


def _messages(tree: ast.Module, docstrings: set[int]) -> Iterator[Finding]:
    """Check string literals that read like messages: several words."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or node.lineno in docstrings:
            continue
        if " " in node.value and "\\b" not in node.value:
            yield from _idioms(node.value, node.lineno)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(("# type:", "# noqa", "#!")):
            yield token.start[0], token.string.lstrip("# ")


def modules(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.py") if "__pycache__" not in path.parts)
