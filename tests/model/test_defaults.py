"""A key that is written with the default of the schema means the same as a key that is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from weaselish.files import yaml12
from weaselish.model.parse import parse
from weaselish.model.paths import ProjectRoot
from weaselish.model.project import ProjectModel
from weaselish.model.schema import schema_text

SCHEMA: dict[str, Any] = json.loads(schema_text())
MINIMAL: dict[
    str, tuple[dict[str, Any], list[str | int]]
] = {  # where a definition applies: a project, and the path in it
    "command": ({"commands": [{"name": "a", "script": ["true"]}]}, ["commands", 0]),
    "role": ({"commands": [{"name": "a", "roles": {"b": {"script": ["true"]}}}]}, ["commands", 0, "roles", "b"]),
    "executor": ({"executors": {"e": {"type": "dask"}}}, ["executors", "e"]),
    "asset": ({"assets": [{"dest": "d", "name": "n", "volume": {"claim": "c"}}]}, ["assets", 0]),
    "remote": ({"remotes": {"r": {"url": "s3://bucket"}}}, ["remotes", "r"]),
    "artifact": ({"artifacts": {"m": {"path": "p"}}}, ["artifacts", "m"]),
    "": ({"cache": {"remote": "local"}, "executors": {"e": {"type": "dask"}}}, []),
}


def defaults(keys: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, key in keys.items():
        if "default" in key:
            yield (*path, name), key["default"]
        yield from defaults(key.get("properties", {}), (*path, name))


def cases() -> list[tuple[str, tuple[str, ...], object]]:
    definitions = {"": SCHEMA, **SCHEMA["$defs"]}
    return [(name, *found) for name in definitions for found in defaults(definitions[name].get("properties", {}))]


def model(data: object) -> ProjectModel:
    read, locations = yaml12.read(json.dumps(data), file="project.yml")
    return parse(read, locations, None, ProjectRoot("/srv/iris"))


@pytest.mark.parametrize(("owner", "path", "value"), cases(), ids=lambda part: str(part))
def test_a_default_of_the_schema_is_what_a_missing_key_means(owner: str, path: tuple[str, ...], value: object) -> None:
    project, at = MINIMAL[owner]
    written = json.loads(json.dumps(project))
    place = written
    for part in (*at, *path[:-1]):
        place = place[part]
    place[path[-1]] = value
    found = model(written)
    assert found == model(project)
    assert not found.faults
