"""project.yml.example uses every key of the schema, and is valid as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from weaselish.__main__ import main
from weaselish.files import yaml12

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "project.yml.example"
SCHEMA = json.loads((ROOT / "weaselish" / "model" / "schema.json").read_text("utf-8"))


def keys_of(name: str) -> set[str]:
    return set(SCHEMA["$defs"][name]["properties"])


def test_the_example_is_valid(tmp_path: Path, capsys: Any) -> None:
    shutil.copy(EXAMPLE, tmp_path / "project.yml")
    assert main(["validate", str(tmp_path)]) == 0
    assert "8 commands, 3 workflows" in capsys.readouterr().out


def test_the_example_uses_every_key() -> None:
    data, _ = yaml12.read(EXAMPLE.read_bytes(), file="project.yml.example")
    legacy, excluded = {"spacy_version", "check_requirements"}, {"compat"}  # compat is in a comment
    assert set(SCHEMA["properties"]) - legacy - excluded <= data.keys()
    assert keys_of("command") == {key for command in data["commands"] for key in command}
    assert keys_of("asset") == {key for asset in data["assets"] for key in asset}
    long_form = [remote for remote in data["remotes"].values() if isinstance(remote, dict)]
    assert keys_of("remote") == {key for remote in long_form for key in remote}
    assert "compat: weasel" in EXAMPLE.read_text("utf-8")


def described(schema: dict[str, Any], path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return each key of a schema, with what it says of the key."""
    keys = []
    for name, key in schema.get("properties", {}).items():
        keys += [(f"{path}{name}", key), *described(key, f"{path}{name}.")]
    for name, definition in schema.get("$defs", {}).items():
        keys += described(definition, f"{name}.")
    return keys


@pytest.mark.parametrize(("name", "key"), described(SCHEMA), ids=[name for name, _ in described(SCHEMA)])
def test_each_key_of_the_schema_has_a_description_and_valid_examples(name: str, key: dict[str, Any]) -> None:
    assert key["description"].endswith(".")
    validator = Draft202012Validator({"$defs": SCHEMA["$defs"], **key})
    assert key["examples"]
    assert all(validator.is_valid(example) for example in key["examples"])
