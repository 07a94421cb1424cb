"""The golden vectors of docs/formats.md: our code agrees with them, and so does what is written from the page alone."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from blake3 import blake3

from weaselish.archive.contents import unzipped_member
from weaselish.files import yaml12
from weaselish.files.digests import Digests
from weaselish.files.walk import View
from weaselish.model.project import Algorithm, Command
from weaselish.plan.digests import digest_bytes
from weaselish.plan.fingerprint import Fingerprint, fingerprint
from weaselish.plan.packs import index_bytes, read_index
from weaselish.plan.snapshot import read_snapshot, snapshot_bytes
from weaselish.plan.snapshot_entries import entries_bytes, kind_of, read_entries
from weaselish.records.lock_entry import entry_of
from weaselish.records.lockfile import read_lock, write_lock
from weaselish.records.pins import read_pins, read_source_pins
from weaselish.records.record_format import from_document, to_document

VECTORS = Path(__file__).parent / "vectors"
ALGORITHMS: tuple[Algorithm, ...] = ("md5", "blake3")


def vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


DIGESTS, KEYS, RECORDS, LOCKS = (vectors(name) for name in ("digests", "keys", "records", "lock"))
SNAPSHOTS = vectors("snapshots")


def names(found: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in found]


# -- written from docs/formats.md alone: nothing below this line, up to the next one, uses proj -----------------------


def theirs_of_bytes(data: bytes, algorithm: str) -> str:
    return (hashlib.md5(data) if algorithm == "md5" else blake3(data)).hexdigest()


def theirs_of_directory(top: bytes, view: str, algorithm: str) -> str:
    manifest = b"".join(line for _, line in sorted(_lines(top, b"", view, algorithm)))
    return theirs_of_bytes(manifest, algorithm) + ".dir"


def _lines(directory: bytes, prefix: bytes, view: str, algorithm: str) -> Iterator[tuple[bytes, bytes]]:
    left = [name for name in os.listdir(directory) if view == "output" or not _left_out(name)]
    if prefix and not left:
        yield prefix[:-1], b"d - %b\0" % prefix[:-1]
    for name in left:
        full, path = os.path.join(directory, name), prefix + name
        if os.path.islink(full) and (view == "output" or not os.path.exists(full) or _leads_up(full)):
            yield path, b"l %b %b\0" % (theirs_of_bytes(os.readlink(full), algorithm).encode(), path)
        elif os.path.isdir(full):
            yield from _lines(full, path + b"/", view, algorithm)
        else:
            yield path, b"f %b %b\0" % (theirs_of_bytes(Path(os.fsdecode(full)).read_bytes(), algorithm).encode(), path)


def _left_out(name: bytes) -> bool:
    swap = name.startswith(b".") and re.search(rb"\.proj-(new|old|gone)-", name)
    return name in (b"__pycache__", b".ipynb_checkpoints", b".DS_Store") or bool(swap)


def _leads_up(link: bytes) -> bool:
    around = os.path.dirname(link)
    while around not in (b"/", b"") and not os.path.samefile(link, around):
        around = os.path.dirname(around)
    return os.path.samefile(link, around or b"/")


def theirs_json(value: Any) -> str:
    """JSON as §2 writes it, by hand."""
    if isinstance(value, list):
        return "[" + ",".join(map(theirs_json, value)) + "]"
    if isinstance(value, dict):
        pairs = (f"{theirs_json(name)}:{theirs_json(text)}" for name, text in sorted(value.items()))
        return "{" + ",".join(pairs) + "}"
    if value is None or value is False:
        return "null" if value is None else "false"
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(short.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'


def theirs_key(found: Mapping[str, Any]) -> str:
    deps = [list(pair) for pair in sorted(dict(found["deps"]).items())]
    env = [list(pair) for pair in sorted(dict(found["env"]).items())]
    rest = [found["environment"]] if found.get("environment") else []
    text = theirs_json(["proj-1", found["script"], found["args"], deps, env, found["shell"], found["workdir"], *rest])
    return hashlib.md5(text.encode()).hexdigest()


def theirs_env(script: list[str], env: Mapping[str, str], values: Mapping[str, str]) -> list[list[str | None]]:
    reference = re.compile(r"\$\{env\.([^}]*)\}")
    parts = {name: reference.sub(lambda x: values.get(x[1], ""), text) for name, text in env.items()}
    used = {name for text in [*script, *env.values()] for name in reference.findall(text)}
    all_parts: dict[str, str | None] = {**parts, **{f"env.{name}": values.get(name) for name in used}}
    return [
        [name, None if text is None else hashlib.md5(text.encode()).hexdigest()]
        for name, text in sorted(all_parts.items())
    ]


def theirs_lock(
    documents: list[dict[str, Any]],
    written: Mapping[str, str],
    *,
    compat: bool,
    pins: Mapping[str, Any],
    sources: Mapping[str, Any],
) -> dict[str, Any]:
    lock: dict[str, Any] = {}
    blocks: dict[str, Any] = {}
    for run in documents:
        made = [*run["outputs"], *run["outputs_no_cache"]]
        arguments = "".join(f" {shlex.quote(arg)}" for arg in run["args"])
        entry: dict[str, Any] = {"cmd": f"{'python -m weasel' if compat else 'proj'} run {run['command']}"}
        entry["script"] = [*run["script"][:-1], run["script"][-1] + arguments]
        block: dict[str, Any] = {"run": run["run"], "key": run["key"]}
        block |= {} if run["origin"] == "run" else {"origin": run["origin"]}
        block |= {"args": run["args"]} if run["args"] else {}
        block |= {"env": dict(run["env"])} if run["env"] else {}
        block |= {"shell": run["shell"]} if run["shell"] is not False else {}
        block |= {"workdir": run["workdir"]} if run["workdir"] != "." else {}
        block |= {"environment": run["environment"]} if run.get("environment") else {}
        block |= (
            {"outputs_no_cache": [one["path"] for one in run["outputs_no_cache"]]} if run["outputs_no_cache"] else {}
        )
        block |= {"artifacts": run["artifacts"]} if run.get("artifacts") else {}
        for part, items in (("deps", run["deps"]), ("outs", made)):
            entry[part], own = [], {}
            for item in items:
                path = written.get(item["path"], item["path"]) if compat else item["path"]
                digest = (compat and run["weasel"].get(item["path"])) or item["digest"]
                entry[part].append({"path": path, run["algorithm"]: None if digest == "absent" else digest})
                if (path, digest) != (item["path"], item["digest"]):
                    own[path] = [item["path"], item["digest"]]
            block |= {part: own} if own else {}
        block["entry"] = hashlib.md5(json.dumps(entry, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        lock[run["command"]], blocks[run["command"]] = entry, block
    ours = {"commands": blocks, "artifacts": pins, "sources": sources}
    return {**lock, ".proj": {"format": 1, **{key: part for key, part in ours.items() if part}}}


# -- digests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("vector", DIGESTS["files"], ids=lambda vector: vector["md5"])
def test_the_digest_of_a_file_is_that_of_its_bytes(vector: dict[str, Any], algorithm: Algorithm) -> None:
    data = bytes.fromhex(vector["bytes"]) * vector.get("bytes_repeated", 1)
    assert digest_bytes(data, algorithm) == theirs_of_bytes(data, algorithm) == vector[algorithm]


@pytest.mark.parametrize("view", ["output", "dep"])
@pytest.mark.parametrize("vector", DIGESTS["directories"], ids=names(DIGESTS["directories"]))
def test_the_digest_of_a_directory_is_that_of_its_manifest(vector: dict[str, Any], view: View, tmp_path: Path) -> None:
    for entry in vector["entries"]:
        name = bytes.fromhex(entry["path_bytes"]) if "path_bytes" in entry else entry["path"].encode()
        path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"d", name)))
        (path if "directory" in entry else path.parent).mkdir(parents=True, exist_ok=True)
        if "file" in entry:
            path.write_bytes(entry["file"].encode())
        elif "link" in entry:
            path.symlink_to(entry["link"])
    (tmp_path / "d").mkdir(exist_ok=True)
    expected = vector[f"as_{view}"]
    assert {algorithm: Digests(tmp_path, algorithm).digest("d", view) for algorithm in ALGORITHMS} == expected
    top = os.fsencode(tmp_path / "d")
    assert {algorithm: theirs_of_directory(top, view, algorithm) for algorithm in ALGORITHMS} == expected


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", KEYS["keys"], ids=names(KEYS["keys"]))
def test_the_key_is_that_of_its_parts(vector: dict[str, Any]) -> None:
    ours = Fingerprint(
        script=tuple(vector["script"]),
        args=tuple(vector["args"]),
        deps=tuple((path, digest) for path, digest in vector["deps"]),
        env=tuple((name, digest) for name, digest in vector["env"]),
        shell=vector["shell"],
        workdir=vector["workdir"],
        environment=tuple(vector.get("environment", {}).items()),
    )
    assert ours.key == theirs_key(vector) == vector["key"]


@pytest.mark.parametrize("vector", KEYS["environments"])
def test_the_env_part_of_a_key_is_what_the_command_sets_and_uses(vector: dict[str, Any]) -> None:
    command = Command("c", script=tuple(vector["script"]), env=tuple(vector["env"].items()))
    ours = fingerprint(command, vector["values"].get, lambda dep: [])
    assert [list(pair) for pair in sorted(ours.env)] == vector["ENV"]
    assert theirs_env(vector["script"], vector["env"], vector["values"]) == vector["ENV"]
    parts = {"script": vector["script"], "args": [], "deps": [], "env": vector["ENV"], "shell": False, "workdir": "."}
    assert ours.key == theirs_key(parts) == vector["key"]


# -- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", RECORDS, ids=names(RECORDS))
def test_a_record_is_read_and_written_as_it_is(vector: dict[str, Any]) -> None:
    document = vector["document"]
    assert json.dumps(to_document(from_document(document))) == json.dumps(document)
    parts = {**document, "deps": [[dep["path"], dep["digest"]] for dep in document["deps"]]}
    assert theirs_key(parts) == document["key"]


# -- locks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writer", ["libyaml", "pure"])
@pytest.mark.parametrize("vector", LOCKS, ids=names(LOCKS))
def test_a_lock_is_written_and_read_as_it_is(
    vector: dict[str, Any], writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if writer == "pure":
        resolvers = {"yaml_implicit_resolvers": yaml12._Dumper.yaml_implicit_resolvers}
        monkeypatch.setattr(yaml12, "_Dumper", type("PureDumper", (yaml.SafeDumper,), resolvers))
        monkeypatch.setattr(yaml12, "_Parser", None)
    records = [from_document(document) for document in vector["documents"]]
    entries = {
        record.command: entry_of(
            record, Command(record.command, written=tuple(vector["written"].items())), compat=vector["compat"]
        )
        for record in records
    }
    pins, sources = read_pins(vector.get("pins")), read_source_pins(vector.get("sources"))
    write_lock(tmp_path, entries, list(entries), pins, sources, cache=None)
    assert (read_lock(tmp_path).pins, read_lock(tmp_path).sources) == (pins, sources)
    assert (tmp_path / "project.lock").read_text("utf-8") == vector["text"]
    for (entry,), record in zip(read_lock(tmp_path).entries.values(), records, strict=True):
        found = entry.record()
        assert found is not None
        assert (found.run, found.fingerprint, found.origin) == (record.run, record.fingerprint, record.origin)
        assert [(made.path, made.digest) for made in found.all_outputs] == [
            (made.path, made.digest) for made in record.all_outputs
        ]


@pytest.mark.parametrize("vector", LOCKS, ids=names(LOCKS))
def test_a_lock_holds_what_the_page_says(vector: dict[str, Any]) -> None:
    pins, sources = vector.get("pins", {}), vector.get("sources", {})
    expected = theirs_lock(vector["documents"], vector["written"], compat=vector["compat"], pins=pins, sources=sources)
    assert yaml.safe_load(vector["text"]) == expected


def theirs_entry(entry: dict[str, Any]) -> str:
    """An entry as §8 writes it, by hand."""
    order = {
        "file": ("path", "kind", "mode", "size", "sha256"),
        "link": ("path", "kind", "target"),
        "directory": ("path", "kind", "mode"),
        "output": ("path", "kind", "algorithm", "digest", "key", "run"),
    }
    values = (entry[name] for name in order[entry["kind"]])
    shown = (f'"{_in_ascii(value)}"' if isinstance(value, str) else str(value) for value in values)
    pairs = zip(order[entry["kind"]], shown, strict=True)
    return "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}\n"


def _in_ascii(text: str) -> str:
    return "".join(char if " " <= char <= "~" and char not in '"\\' else f"\\u{ord(char):04x}" for char in text)


def test_entries_of_a_snapshot_are_as_the_page_says() -> None:
    in_order = sorted(SNAPSHOTS["entries"], key=lambda entry: os.fsencode(entry["path"]))
    text = "".join(map(theirs_entry, in_order))
    assert text == SNAPSHOTS["text"]
    assert hashlib.sha256(text.encode()).hexdigest() == SNAPSHOTS["sha256"]


def test_snapshots_are_read_and_written_as_the_vector_says() -> None:
    entries = read_entries(SNAPSHOTS["text"].encode())
    assert [{"kind": kind_of(one), **one._asdict()} for one in entries] == sorted(
        SNAPSHOTS["entries"], key=lambda entry: os.fsencode(entry["path"])
    )
    assert entries_bytes(reversed(entries)) == SNAPSHOTS["text"].encode()
    snapshot = read_snapshot(SNAPSHOTS["snapshot"])
    assert json.loads(snapshot_bytes(snapshot)) == SNAPSHOTS["snapshot"]
    assert snapshot.entries == (SNAPSHOTS["sha256"], len(SNAPSHOTS["text"]))


def test_a_pack_is_read_as_the_vector_says() -> None:
    pack = base64.b64decode(SNAPSHOTS["pack"])
    index = read_index(SNAPSHOTS["index"])
    contents = {
        name: unzipped_member(pack[one.offset : one.offset + one.length], name, one.size) for name, one in index.items()
    }
    assert contents[SNAPSHOTS["sha256"]] == SNAPSHOTS["text"].encode()
    assert json.loads(index_bytes(index)) == SNAPSHOTS["index"]


@pytest.mark.parametrize("refused", SNAPSHOTS["refused"], ids=lambda refused: refused["why"])
def test_entries_that_break_a_rule_are_refused(refused: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        read_entries(refused["text"].encode())


def test_the_page_names_every_vector_file() -> None:
    page = (VECTORS.parent.parent / "docs" / "formats.md").read_text("utf-8")
    assert all(f"`{file.name}`" in page for file in VECTORS.glob("*.json"))
