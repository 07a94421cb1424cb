"""Read and write YAML as project.yml and project.lock use it: PyYAML with the scalars of YAML 1.2's core schema.

It reads as Weasel does: `yes`, `on` and `2024-01-01` are text, `010` is 10, `0o17` is 15, `1_000` is 1000. It quotes
each text that YAML 1.1 or 1.2 would read as something else.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from weaselish.errors import InvalidProject, Problem
from weaselish.files.yaml_errors import explain, undecodable
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
_LIKE_A_NUMBER = re.compile(r"[-+]?[0-9_]*\.?[0-9_]*([eE][-+]?[0-9]*)?")  # some readers accept more numbers than we do
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_STANDARD = "tag:yaml.org,2002:"
_UNTAGGED = ""
_MOST_REPEATED = 100_000  # values that aliases may add to a file
_DEEPEST = 100  # levels of lists and mappings
_LONGEST_INT = 4000  # digits; from 4301 on Python refuses


def scalar(text: str) -> object:
    """Return the value of a plain scalar."""
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


def read(
    text: str | bytes, *, file: str, is_kept: Callable[[Path], bool] = lambda path: False
) -> tuple[Any, Locations]:
    """Return the one document in `text`, and the location of each value and key. Raises InvalidProject.

    `is_kept` says of the path of a number or boolean whether it stays as written, as text.
    """
    text = _decoded(text, file)
    problems: list[Problem] = []
    builder = _Builder(problems, is_kept)
    try:
        node = _compose(text, file)
        data = builder.build(node, ()) if node is not None else None
    except (RecursionError, _TooLarge) as error:
        problem = error.problem if isinstance(error, _TooLarge) else Problem(0, 0, _TOO_DEEP)
        raise InvalidProject([problem], file=file) from None
    if problems:
        raise InvalidProject(problems, file=file)
    return data, builder.locations


def _decoded(text: str | bytes, file: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-16" if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidProject([undecodable(text, error)], file=file) from None


def _compose(text: str, file: str) -> Node | None:
    if _Parser is None:
        text = _SURROGATES.sub(_joined, text)
    try:
        return _node(text)
    except yaml.YAMLError as error:
        if "Unicode character escape" in str(error) and _SURROGATES.search(text):
            return _compose(_SURROGATES.sub(_joined, text), file)
        raise InvalidProject([explain(error, text)], file=file) from None


def _joined(pair: re.Match[str]) -> str:
    """Return one escape for a pair of surrogates, which JSON writes for characters beyond U+FFFF."""
    character = bytes.fromhex(pair[2] + pair[3]).decode("utf-16-be")
    return f"{pair[1]}\\U{ord(character):08x}"


def _node(text: str) -> Node | None:
    loader: Any = _composer()(text)
    try:
        node: Node | None = loader.get_single_node()
    finally:
        loader.dispose()
    return node


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


_TOO_DEEP = "this is nested too deeply"


class _TooLarge(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


class _Builder:
    """Turns nodes into data, and notes the location of each value and key."""

    def __init__(self, problems: list[Problem], is_kept: Callable[[Path], bool]) -> None:
        self.problems = problems
        self._is_kept = is_kept
        self.locations = Locations()
        self._open: set[int] = set()
        self._built: set[int] = set()
        self._repeated = 0

    def build(self, node: Node, path: Path) -> Any:
        """Return the value of a node. Raises _TooLarge."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self.locations.values[path] = (line, column)
        self._repeated += id(node) in self._built
        self._built.add(id(node))
        if len(path) > _DEEPEST:
            raise _TooLarge(Problem(line, column, _TOO_DEEP))
        if self._repeated > _MOST_REPEATED:
            message = f"aliases repeat more than {_MOST_REPEATED:,} values"
            raise _TooLarge(Problem(line, column, message, "write fewer aliases of aliases"))
        if id(node) in self._open:
            self._problem(node, "an alias that contains itself")
            return None
        if isinstance(node, ScalarNode):
            value = self._scalar(node)
            is_number = isinstance(value, (bool, int, float))
            return node.value if is_number and self._is_kept(path) else value
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
                self._problem(key_node, f"the key `{key}` occurs a second time", "remove one of the two")
            self.locations.keys[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            mapping[key] = self.build(value_node, (*path, key))
        return {**merged, **mapping} if merged else mapping

    def _merged(self, node: Node, path: Path) -> dict[Hashable, Any]:
        """Return what `<<:` adds. Of several mappings the first one wins."""
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
    """Quotes what either version of YAML would read as something else than text."""


def _text(dumper: yaml.representer.BaseRepresenter, text: str) -> ScalarNode:
    """Represent text. Escape breaks that only some versions of YAML read as the end of a line."""
    style = '"' if any(char in text for char in "\x85\u2028\u2029") else None
    return dumper.represent_scalar(f"{_STANDARD}str", text, style)


_Dumper.add_representer(str, _text)
_PLAIN = ((_NULL, "null"), (_BOOL, "bool"), (_INT, "int"), (_FLOAT, "float"), (_NOT_FINITE, "float"))
for _pattern, _tag in (*_PLAIN, (_LIKE_A_NUMBER, "float")):
    _Dumper.add_implicit_resolver(
        f"{_STANDARD}{_tag}", re.compile(f"(?:{_pattern.pattern})$"), list("-+0123456789.~nNtTfF")
    )


def write(data: Mapping[str, Any]) -> str:
    """Return block-style YAML in the given order, without folding. It reads the same under YAML 1.1 and 1.2."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=2**30
    )
    return text
