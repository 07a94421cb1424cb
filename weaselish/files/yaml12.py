"""YAML as project.yml and project.lock mean it: PyYAML with the scalars of YAML 1.2's core schema.

As Weasel reads: `yes`, `on` and `2024-01-01` are text, `010` is 10, `0o17` is 15, `1_000` is 1000. What is written is
quoted wherever 1.1 or 1.2 would read a plain text as something else.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from weaselish.errors import InvalidProject, Problem
from weaselish.model.locations import Locations, Path

try:
    from yaml import CSafeDumper as _SafeDumper
    from yaml.cyaml import CParser as _Parser  # type: ignore[attr-defined]
except ImportError:  # a PyYAML that was built without libyaml
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]

    _Parser = None  # type: ignore[assignment,misc]

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(
    r"[-+]?(0b_*[01][01_]*|0o_*[0-7][0-7_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*|[0-9][0-9_]*)|[-+]_+[0-9][0-9_]*"
)
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*(\.[0-9_]*([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)|[-+]?\._*[0-9][0-9_]*([eE][-+][0-9]+)?"
)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LIKE_A_NUMBER = re.compile(r"[-+]?[0-9_]*\.?[0-9_]*([eE][-+]?[0-9]*)?")  # some readers take more for one than we do
_STANDARD = "tag:yaml.org,2002:"
_UNTAGGED = ""
_MOST_NODES = 1_000_000  # what aliases may blow a file up to
_LONGEST_INT = 4000  # digits; from 4301 on Python refuses


def scalar(text: str) -> object:
    """The value of a plain scalar."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if len(text) < _LONGEST_INT and _INT.fullmatch(text):
        digits = text.replace("_", "")
        return int(digits, 0) if digits.lstrip("-+")[:2] in ("0b", "0o", "0x") else int(digits)
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def read(text: str | bytes, *, file: str) -> tuple[Any, Locations]:
    """The one document in `text` and the place of each value and key. Raises InvalidProject."""
    problems: list[Problem] = []
    builder = _Builder(problems)
    try:
        node = _compose(text, file)
        data = builder.build(node, ()) if node is not None else None
    except RecursionError:
        raise InvalidProject([Problem(0, 0, "this is nested too deeply")], file=file) from None
    if problems:
        raise InvalidProject(problems, file=file)
    return data, builder.locations


def _compose(text: str | bytes, file: str) -> Node | None:
    loader: Any = _composer()
    try:
        loader = loader(text)
        try:
            node: Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        message = ", ".join(part for part in (error.context, error.problem) if part)
        hint = "indent with spaces, not tabs" if _is_tab(text, place) else _hint(message)
        raise InvalidProject([Problem(*place, f"this is not YAML: {message}", hint)], file=file) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise InvalidProject([Problem(0, 0, f"this is not YAML in UTF-8: {reason}")], file=file) from None
    return node


def _hint(message: str) -> str | None:
    if "mapping values are not allowed" in message:
        return "did you forget quotes? A text with `: ` in it needs them"
    if "could not find expected ':'" in message or "parsing a block" in message:
        return "check the indentation of this line and of the one before"
    if "alias" in message or "scanning for the next token" in message:
        return "did you forget quotes? A text may not begin with `*`, `&`, `@`, `%` or a backtick"
    return None


def _is_tab(text: str | bytes, place: tuple[int, int]) -> bool:
    lines = (text.decode("utf-8", "replace") if isinstance(text, bytes) else text).splitlines()
    line, column = place
    return line <= len(lines) and lines[line - 1][column - 1 : column] == "\t"


def _composer() -> type:
    from yaml.composer import Composer
    from yaml.resolver import BaseResolver

    if _Parser is not None:

        class CComposer(_Parser, BaseResolver):
            DEFAULT_SCALAR_TAG = _UNTAGGED  # type: ignore[misc]

            def __init__(self, stream: str | bytes) -> None:
                _Parser.__init__(self, stream)
                BaseResolver.__init__(self)

        return CComposer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class PureComposer(Reader, Scanner, Parser, Composer, BaseResolver):
        DEFAULT_SCALAR_TAG = _UNTAGGED  # type: ignore[misc]

        def __init__(self, stream: str | bytes) -> None:
            Reader.__init__(self, stream)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)
            BaseResolver.__init__(self)

    return PureComposer


class _Builder:
    """Makes data of nodes, and notes where each value and key stands."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.locations = Locations()
        self._open: set[int] = set()
        self._built = 0

    def build(self, node: Node, path: Path) -> Any:
        self.locations.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        self._built += 1
        if id(node) in self._open or self._built > _MOST_NODES:
            self._problem(node, "an alias that contains itself" if id(node) in self._open else "too many aliases")
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        try:
            if isinstance(node, SequenceNode):
                self._check_tag(node, "seq")
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            assert isinstance(node, MappingNode)
            self._check_tag(node, "map")
            return self._mapping(node, path)
        finally:
            self._open.discard(id(node))

    def _problem(self, node: Node, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, node.start_mark.column + 1, message, hint))

    def _scalar(self, node: ScalarNode) -> object:
        if node.tag == _UNTAGGED:
            return node.value if node.style else scalar(node.value)
        self._check_tag(node, "str", "int", "float", "bool", "null")
        return node.value if node.tag in ("!", f"{_STANDARD}str") else scalar(node.value)

    def _check_tag(self, node: Node, *allowed: str) -> None:
        if node.tag not in {"!", *(_STANDARD + name for name in allowed)}:
            self._problem(node, f"unknown tag `{node.tag}`", "did you forget quotes? A text may not begin with `!`")

    def _mapping(self, node: MappingNode, path: Path) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = {}
        merged: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            if key_node.value == "<<" and not key_node.style:
                merged = {**self._merged(value_node, path), **merged}
                continue
            key = self.build(key_node, (*path, "<key>"))
            if not isinstance(key, Hashable):
                self._problem(key_node, "a key must be plain text")
                continue
            key = key if isinstance(key, str) else key_node.value
            if key in mapping:
                self._problem(key_node, f"the key `{key}` stands here a second time", "keep one of the two")
            self.locations.keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            mapping[key] = self.build(value_node, (*path, key))
        return {**merged, **mapping} if merged else mapping

    def _merged(self, node: Node, path: Path) -> dict[Hashable, Any]:
        """What `<<:` brings in; of several mappings the first one wins."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        merged: dict[Hashable, Any] = {}
        for source in sources:
            value = self.build(source, (*path, "<<"))
            if not isinstance(value, dict):
                self._problem(source, "`<<` takes a mapping or a list of mappings")
                continue
            merged = {**value, **merged}
        return merged


class _Dumper(_SafeDumper):
    """Quotes what either version of YAML would take for something else than text."""


def _text(dumper: yaml.representer.BaseRepresenter, text: str) -> ScalarNode:
    """Text; breaks that only some versions of YAML take for the end of a line are escaped."""
    style = '"' if any(char in text for char in "\x85\u2028\u2029") else None
    return dumper.represent_scalar(f"{_STANDARD}str", text, style)


_Dumper.add_representer(str, _text)
_PLAIN = ((_NULL, "null"), (_BOOL, "bool"), (_INT, "int"), (_FLOAT, "float"), (_NOT_FINITE, "float"))
for _pattern, _tag in (*_PLAIN, (_LIKE_A_NUMBER, "float")):
    _Dumper.add_implicit_resolver(
        f"{_STANDARD}{_tag}", re.compile(f"(?:{_pattern.pattern})$"), list("-+0123456789.~nNtTfF")
    )


def write(data: Mapping[str, Any]) -> str:
    """Block-style YAML in the order given, without folding. Reads the same under YAML 1.1 and 1.2."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=2**30
    )
    return text
