"""Mutations of a file's bytes and of the structure of its data."""

from __future__ import annotations

import copy
import io
import json
import tarfile
from collections.abc import Callable
from random import Random
from typing import Any

import yaml

INTERESTING = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\r\n", b"\x1b[2J", b"\xef\xbb\xbf", b"\xff\xfe", b"${vars.", b"${env.X}",
    b"&a ", b"*a", b"!!python/object:os.system ", b"<<: ", b"{", b"]", b"- ", b": ", b"'", b'"', b"---\n", b"\t", b"%",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1e308, float("inf"), float("nan"), [], {}, [[]], [None], {"a": None}, {"": ""}),
    *("", "~", "x" * 5_000, "../../x", "/etc/x", ".git/hooks/post-checkout", ".proj/x", "**/*", "[", "\\"),
    *("a\0b", "\ud800", "\x1b]0;x\a", "\u3000", "a\nb", "é", "e\u0301", "${vars.a}", "${vars.nosuch}", "${"),
    *("25d", "1e999s", "0x10", "nan", [1, 2]),
)

Mutation = Callable[[bytes, Random], bytes]


def flip(data: bytes, random: Random) -> bytes:
    """Change some bytes at random."""
    changed = bytearray(data or b"x")
    for _ in range(random.choice((1, 1, 2, 8))):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def insert(data: bytes, random: Random) -> bytes:
    """Insert something that often breaks a reader."""
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(INTERESTING) + data[at:]


def remove(data: bytes, random: Random) -> bytes:
    """Remove a range of bytes."""
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.choice((1, 3, 20, 200)) :]


def truncate(data: bytes, random: Random) -> bytes:
    """Cut the end off."""
    return data[: random.randrange(len(data) + 1)]


def repeat(data: bytes, random: Random) -> bytes:
    """Repeat a range of lines."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    start = random.randrange(len(lines))
    part = lines[start : start + random.randrange(1, 6)] * random.choice((1, 2, 50))
    return b"".join([*lines[:start], *part, *lines[start:]])


def swap_lines(data: bytes, random: Random) -> bytes:
    """Exchange two lines."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    one, other = random.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def replace_all(data: bytes, random: Random) -> bytes:
    """Replace the file by something else altogether."""
    return random.choice((b"", b"\0" * 100, b"[]", b"{}", b"null", b"a: &a [*a]", b"[" * 3_000, b"\xff\xfea\0", b"1"))


BYTES: tuple[Mutation, ...] = (flip, insert, remove, truncate, repeat, swap_lines, replace_all)


def restructure(data: Any, random: Random) -> Any:
    """Replace, remove, duplicate or nest one value somewhere in `data`."""
    changed = copy.deepcopy(data)
    holder, key = _somewhere(changed, random)
    if holder is None:
        return random.choice(VALUES)
    act = random.randrange(5)
    if act == 0 and isinstance(holder, dict):
        holder[random.choice(("name", "script", "deps", "x-y", "vars", "né", ""))] = holder.pop(key)
    elif act == 1:
        del holder[key]
    elif act == 2:
        holder[key] = [holder[key]]
    elif act == 3 and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    else:
        holder[key] = copy.deepcopy(random.choice(VALUES))
    return changed


def _somewhere(data: Any, random: Random) -> tuple[Any, Any]:
    """Return a random container in `data` and one of its keys."""
    places = []
    pending = [data]
    while pending:
        value = pending.pop()
        keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
        places += [(value, key) for key in keys]
        pending += [value[key] for key in keys]
    return random.choice(places) if places else (None, None)


def yaml_structure(data: bytes, random: Random) -> bytes:
    """Change the structure of a YAML file."""
    changed = restructure(yaml.safe_load(data), random)
    if random.random() < 0.3:
        return json.dumps(changed).encode("utf-8", "surrogateescape")
    try:
        return yaml.safe_dump(changed, sort_keys=False, allow_unicode=random.random() < 0.5).encode(
            "utf-8", "surrogatepass"
        )
    except (yaml.YAMLError, UnicodeError):
        return json.dumps(changed).encode()


def json_structure(data: bytes, random: Random) -> bytes:
    """Change the structure of a JSON file."""
    return json.dumps(restructure(json.loads(data), random)).encode()


def json_line_structure(data: bytes, random: Random) -> bytes:
    """Change the structure of one line of a file of JSON lines."""
    lines = data.rstrip(b" ").splitlines()
    at = random.randrange(len(lines))
    lines[at] = json.dumps(restructure(json.loads(lines[at]), random)).encode()
    return b"\n".join(lines) + b"\n"


def tar_structure(data: bytes, random: Random) -> bytes:
    """Change, remove or duplicate one member of a tar archive."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [(member, archive.extractfile(member) if member.isfile() else None) for member in archive]
        contents = [(member, b"" if file is None else file.read()) for member, file in members]
    if not contents:
        return flip(data, random)
    at = random.randrange(len(contents))
    act = random.randrange(8)
    if act == 0:
        del contents[at]
    elif act == 1:
        contents.insert(random.randrange(len(contents)), contents[at])
    else:
        member = copy.copy(contents[at][0])
        _change_member(member, random)
        contents[at] = (member, contents[at][1] if member.isfile() else b"")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=random.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as archive:
        for member, content in contents:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


_NAMES = (
    "../x",
    "/tmp/x",
    ".git/hooks/pre-commit",
    "out/../../x",
    "a\udcffb",
    "",
    ".",
    "\x1b]0;x\a",
    "o" * 300,
    "Out/x",
)
_TYPES = (
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.FIFOTYPE,
    tarfile.DIRTYPE,
    tarfile.REGTYPE,
    b"S",
    b"V",
)


def _change_member(member: tarfile.TarInfo, random: Random) -> None:
    act = random.randrange(5)
    if act == 0:
        member.name = random.choice((random.choice(_NAMES), f"{member.name}/{random.choice(_NAMES)}"))
    elif act == 1:
        member.type = random.choice(_TYPES)
        member.linkname = random.choice(("../x", "/etc/passwd", "a", "", member.name, "../../project.yml"))
    elif act == 2:
        member.mode = random.choice((0, 0o7777, 0o4755, 0o444))
    elif act == 3:
        member.mtime = random.choice((0, 2**33, 2**40, 0.5))
    else:
        member.uid = random.choice((0, 2**21, 2**40))
        member.pax_headers = {
            random.choice(("path", "size", "x", "mtime", "GNU.sparse.map")): random.choice(("", "1", "-1", "x"))
        }
