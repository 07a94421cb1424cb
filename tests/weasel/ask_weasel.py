"""What the real Weasel says of a project, as JSON. Runs with Weasel's own interpreter.

    ask_weasel.py DIRECTORY                 load it, and `run NAME --dry` of each command and workflow
    ask_weasel.py DIRECTORY GUARD...        only load it, guarded against the defects that GUARDs name

A guard puts private characters where Weasel would read text as JSON, and takes them out of the result: what is left
is what the project says, resolved by Weasel itself.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import srsly
from weasel.cli import app
from weasel.util import load_project_config

MARK = "\ue000"
STAND_INS = {'"': "\ue001", "\\": "\ue002", "\n": "\ue003"}
BARE_DOLLAR, DOLLAR = re.compile(r"\$(?!\{)"), "\ue004"
SECRET = re.compile("TOKEN|SECRET|PASSWORD|KEY", re.IGNORECASE)


def main(directory: Path, guards: list[str]) -> dict[str, Any]:
    if guards:
        return loaded(lambda: guarded(directory, guards))
    answer = loaded(lambda: load_project_config(directory))
    names = [*answer.get("commands", {}), *answer.get("workflows", {})]
    answer["python"] = sys.executable
    answer["dry"] = {name: called(partial(run_dry, name, directory)) for name in names}
    return answer


def called(what: Callable[[], object]) -> dict[str, Any]:
    """What a call returned or printed, and how it ended: 0, or an exit code, or the exception that escaped."""
    out = io.StringIO()
    ended: object = 0
    value = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            value = what()
        except SystemExit as end:
            ended = end.code
        except Exception as error:  # noqa: BLE001 - a crash of Weasel is an answer
            ended = f"{type(error).__name__}: {error}"
    return {"ended": ended, "out": out.getvalue(), "value": value}


def run_dry(name: str, directory: Path) -> None:
    app(["run", name, str(directory), "--dry"], prog_name="weasel", standalone_mode=False)


def loaded(load: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    answer = called(lambda: facts(load()))
    said = answer["out"] if isinstance(answer["ended"], int) else answer["ended"]
    return answer["value"] or {"problem": said}


def facts(config: dict[str, Any]) -> dict[str, Any]:
    """The parts that count. Weasel itself crashes like this where a value broke the JSON that it reads again."""
    return {
        "problem": None,
        "commands": {command["name"]: command_facts(command) for command in config.get("commands", [])},
        "workflows": config.get("workflows", {}),
        "project": project_facts(config),
    }


def command_facts(command: dict[str, Any]) -> dict[str, Any]:
    lists = {key: command.get(key, []) for key in ("script", "deps", "outputs", "outputs_no_cache")}
    return {"help": command.get("help", ""), "no_skip": command.get("no_skip", False), **lists}


def project_facts(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "directories": list(config.get("directories", [])),
        "remotes": dict(config.get("remotes", {})),
        "assets": [asset_facts(asset) for asset in config.get("assets", [])],
    }


def asset_facts(asset: dict[str, Any]) -> dict[str, Any]:
    git = asset.get("git") or {}
    return {
        "dest": asset.get("dest"),
        "url": asset.get("url"),
        "git": {key: git.get(key) for key in ("repo", "path", "branch")} if git else None,
        "checksum": asset.get("checksum"),
        "extra": bool(asset.get("extra")),
    }


# -- guards -----------------------------------------------------------------------------------------------------------


def guarded(directory: Path, guards: list[str]) -> dict[str, Any]:
    data = srsly.read_yaml(directory / "project.yml")
    names = data.get("env", {})
    for name, variable in names.items():
        value = os.environ.get(variable, "")
        if "secrets" in guards and value and SECRET.search(f"{name} {variable}"):
            value = "***"
        if "env" in guards:
            value = MARK + value
        os.environ[variable] = with_stand_ins(value) if "characters" in guards else value
    for key, value in data.items():
        if key != "env":
            data[key] = each_text(value, lambda text: before_reading(text, guards))
    with tempfile.TemporaryDirectory() as place:
        text = json.dumps(data, ensure_ascii=False)  # JSON is YAML
        (Path(place) / "project.yml").write_text(text, "utf-8")
        config: dict[str, Any] = each_text(load_project_config(Path(place)), after_reading)
        return config


def before_reading(text: str, guards: list[str]) -> str:
    if "characters" in guards:
        text = with_stand_ins(text)
    return text.replace("${", MARK + "${") if "references" in guards else text


def with_stand_ins(text: str) -> str:
    for character, stand_in in STAND_INS.items():
        text = text.replace(character, stand_in)
    return BARE_DOLLAR.sub(DOLLAR, text)


def after_reading(text: str) -> str:
    for character, stand_in in {**STAND_INS, "$": DOLLAR}.items():
        text = text.replace(stand_in, character)
    return text.replace(MARK, "")


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [each_text(item, change) for item in value]
    return value


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2:])))
