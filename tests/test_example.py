"""project.yml.example uses every key of the schema, and is valid as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from weaselish.__main__ import main
from weaselish.files import yaml12

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "project.yml.example"
SCHEMA = json.loads((ROOT / "weaselish" / "model" / "schema.json").read_text("utf-8"))


def keys_of(name: str) -> set[str]:
    return set(SCHEMA["$defs"][name]["properties"])


def test_it_passes_validate(tmp_path: Path, capsys: Any) -> None:
    shutil.copy(EXAMPLE, tmp_path / "project.yml")
    assert main(["validate", str(tmp_path)]) == 0
    assert "5 commands, 2 workflows" in capsys.readouterr().out


def test_it_uses_every_key() -> None:
    data, _ = yaml12.read(EXAMPLE.read_bytes(), file="project.yml.example")
    legacy, excluded = {"spacy_version", "check_requirements"}, {"compat"}  # compat stands there in a comment
    assert set(SCHEMA["properties"]) - legacy - excluded <= data.keys()
    assert keys_of("command") == {key for command in data["commands"] for key in command}
    assert keys_of("asset") == {key for asset in data["assets"] for key in asset}
    long_form = [remote for remote in data["remotes"].values() if isinstance(remote, dict)]
    assert keys_of("remote") == {key for remote in long_form for key in remote}
    assert "compat: weasel" in EXAMPLE.read_text("utf-8")
